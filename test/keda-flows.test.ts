/** Flows that kedacore/keda tests end to end (`tests/internals`), in virtual time. */
import assert from "node:assert/strict";
import { SCALED_OBJECTS } from "../src/keda/mod.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { flow, numberTrigger, PROMPT, podsTrigger } from "./keda-world.ts";

flow(
  "force-activation activates an idle target, and lets it cool down afterwards",
  { app: 0, asked: 0 },
  async (world) => {
    await world.scaledObject("app", {
      minReplicaCount: 0,
      maxReplicaCount: 4,
      triggers: [podsTrigger("asked")],
    });
    await world.stays("app", 0);
    await world.annotate("app", { "autoscaling.keda.sh/force-activation": "true" });
    await world.becomes("app", 1);
    await world.stays("app", 1);
    await world.annotate("app", { "autoscaling.keda.sh/force-activation": null });
    await world.becomes("app", 0);
  },
);

flow("an idle count is where it rests, the minimum where it wakes", { app: 5, asked: 0 }, async (world) => {
  await world.scaledObject("app", {
    idleReplicaCount: 0,
    minReplicaCount: 2,
    maxReplicaCount: 4,
    advanced: PROMPT,
    triggers: [podsTrigger("asked")],
  });
  await world.becomes("app", 0);
  await world.scale("asked", 1);
  await world.becomes("app", 2);
  await world.scale("asked", 4);
  await world.becomes("app", 4);
  await world.scale("asked", 0);
  await world.becomes("app", 0);
});

flow("the initial cooldown counts from the creation", { app: 1, asked: 0 }, async (world) => {
  await world.scaledObject("app", { initialCooldownPeriod: 90, triggers: [podsTrigger("asked")] });
  await world.stays("app", 1, 89);
  await world.becomes("app", 0, 15);
});

flow("a changed polling interval and cooldown hold from then on", { app: 0, asked: 0 }, async (world) => {
  await world.scaledObject("app", {
    pollingInterval: 75,
    cooldownPeriod: 0,
    triggers: [podsTrigger("asked")],
  });
  await world.seconds(5);
  await world.scale("asked", 1);
  await world.stays("app", 0, 60);
  await world.becomes("app", 1, 20);
  await world.patch("app", { spec: { pollingInterval: 5, cooldownPeriod: 75 } });
  await world.seconds(10);
  await world.scale("asked", 0);
  await world.stays("app", 1, 70);
  await world.becomes("app", 0, 20);
});

flow("changed bounds move a target that stands at them", { app: 0, asked: 20 }, async (world) => {
  await world.scaledObject("app", { maxReplicaCount: 3, advanced: PROMPT, triggers: [podsTrigger("asked")] });
  await world.becomes("app", 3);
  await world.patch("app", { spec: { maxReplicaCount: 8 } });
  await world.becomes("app", 8);
  await world.patch("app", { spec: { maxReplicaCount: 3 } });
  await world.becomes("app", 3);
  await world.scale("asked", 0);
  await world.becomes("app", 0);
  await world.patch("app", { spec: { minReplicaCount: 5, maxReplicaCount: 8 } });
  await world.becomes("app", 5);
  await world.patch("app", { spec: { minReplicaCount: 0 } });
  await world.becomes("app", 0);
});

flow("triggers come and go while it scales", { app: 0, asked: 0 }, async (world) => {
  const number = numberTrigger("load", "2");
  world.numbers.load = 1;
  await world.scaledObject("app", { maxReplicaCount: 6, advanced: PROMPT, triggers: [number] });
  await world.becomes("app", 1);
  world.numbers.load = 12;
  await world.becomes("app", 6);
  world.numbers.load = 0;
  await world.becomes("app", 0);
  world.numbers.load = 1;
  await world.becomes("app", 1);
  await world.patch("app", { spec: { triggers: [number, podsTrigger("asked")] } });
  await world.scale("asked", 5);
  await world.becomes("app", 5);
  world.numbers.load = 5;
  await world.patch("app", { spec: { triggers: [number] } });
  await world.becomes("app", 3);
  // Nobody answers for the CPU: what is left decides upwards.
  const cpu = { type: "cpu", metricType: "Utilization" as const, metadata: { value: "50" } };
  await world.patch("app", { spec: { triggers: [number, podsTrigger("asked"), cpu] } });
  world.numbers.load = 12;
  await world.becomes("app", 6);
});

flow("the replicas of before are back when the ScaledObject goes", { app: 2, asked: 4 }, async (world) => {
  await world.scaledObject("app", {
    maxReplicaCount: 4,
    advanced: { restoreToOriginalReplicaCount: true },
    triggers: [podsTrigger("asked")],
  });
  await world.becomes("app", 4);
  await world.api.delete(SCALED_OBJECTS, { namespace: "flows", name: "app" });
  await world.becomes("app", 2);
  await world.stays("app", 2);
});

for (const [from, to] of [
  ["mine", undefined],
  [undefined, "mine"],
]) {
  flow(
    `the HPA's name goes from ${from ?? "the default"} to ${to ?? "the default"}`,
    { app: 0, asked: 1 },
    async (world) => {
      const config = (name: string | undefined) => ({
        horizontalPodAutoscalerConfig: name ? { name } : null,
      });
      const advanced = config(from) as { horizontalPodAutoscalerConfig: { name: string } };
      await world.scaledObject("app", { advanced, triggers: [podsTrigger("asked")] });
      await world.seconds(10);
      assert.equal(await world.hpaExists(from ?? "keda-hpa-app"), true);
      await world.patch("app", { spec: { advanced: config(to) } });
      await world.seconds(10);
      assert.equal(await world.hpaExists(to ?? "keda-hpa-app"), true);
      assert.equal(await world.hpaExists(from ?? "keda-hpa-app"), false);
    },
  );
}

flow("an average divides, a value multiplies", { app: 0, asked: 4 }, async (world) => {
  const advanced = PROMPT;
  const triggers = (metricType: "AverageValue" | "Value") => [podsTrigger("asked", "1", { metricType })];
  await world.scaledObject("app", { maxReplicaCount: 9, advanced, triggers: triggers("AverageValue") });
  await world.becomes("app", 4);
  await world.stays("app", 4);
  await world.patch("app", { spec: { triggers: triggers("Value") } });
  await world.becomes("app", 9);
});

for (const kind of ["ReplicaSet", "StatefulSet"] as const) {
  flow(`a ${kind} scales as a Deployment does`, { app: 0, asked: 0 }, async (world) => {
    await world.deploy("other", 0, { kind });
    const triggers = [podsTrigger("asked")];
    const scaleTargetRef = { apiVersion: "apps/v1", kind, name: "other" };
    await world.scaledObject("other", { scaleTargetRef, maxReplicaCount: 6, advanced: PROMPT, triggers });
    await world.scale("asked", 3);
    await world.becomes("other", 3);
    await world.scale("asked", 6);
    await world.becomes("other", 6);
    await world.scale("asked", 3);
    await world.becomes("other", 3);
    await world.scale("asked", 0);
    await world.becomes("other", 0);
  });
}

for (const useCachedMetrics of [true, false]) {
  flow(
    `between polls the HPA is told ${useCachedMetrics ? "what the last one found" : "what is so now"}`,
    { app: 1, asked: 4 },
    async (world) => {
      await world.scaledObject("app", {
        minReplicaCount: 1,
        maxReplicaCount: 8,
        pollingInterval: 600,
        advanced: PROMPT,
        triggers: [podsTrigger("asked", "1", { useCachedMetrics })],
      });
      await world.becomes("app", 4);
      await world.scale("asked", 2);
      await world.becomes("asked", 2);
      if (useCachedMetrics) await world.stays("app", 4, 120);
      else await world.becomes("app", 2, 60);
    },
  );
}

flow(
  "types of triggers and authentications are in the status, and go as they do",
  { app: 0, asked: 1 },
  async (world) => {
    await world.api.create(RESOURCES.secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "password", namespace: "flows" },
      data: { word: "YWJj" },
    });
    const authentications = { group: "keda.sh", version: "v1alpha1", resource: "triggerauthentications" };
    await world.api.create(authentications, {
      apiVersion: "keda.sh/v1alpha1",
      kind: "TriggerAuthentication",
      metadata: { name: "auth", namespace: "flows" },
      spec: { secretTargetRef: [{ parameter: "password", name: "password", key: "word" }] },
    });
    world.numbers.load = 1;
    const authenticationRef = { name: "auth" };
    const cron = {
      type: "cron",
      metadata: { timezone: "UTC", start: "0 3 * * *", end: "0 4 * * *", desiredReplicas: "1" },
    };
    const triggers = [numberTrigger("load", "1", { authenticationRef }), cron];
    await world.scaledObject("app", { triggers });
    await world.seconds(10);
    const status = async () =>
      (await world.api.get(SCALED_OBJECTS, { namespace: "flows", name: "app" })).status;
    assert.equal((await status()).triggersTypes, "metrics-api,cron");
    assert.equal((await status()).authenticationsTypes, "auth");
    const users = async () =>
      (await world.api.get(authentications, { namespace: "flows", name: "auth" })).status?.scaledobjects;
    assert.equal(await users(), "app");
    await world.deploy("second", 0);
    await world.scaledObject("second", { triggers });
    await world.seconds(10);
    assert.equal(await users(), "app,second");
    await world.api.delete(SCALED_OBJECTS, { namespace: "flows", name: "app" });
    await world.seconds(10);
    assert.equal(await users(), "second");
    await world.api.delete(SCALED_OBJECTS, { namespace: "flows", name: "second" });
    await world.seconds(10);
    assert.equal((await users()) ?? "", "");
  },
);
