/** Pausing, as kedacore/keda tests it end to end (`tests/internals/pause_*`), in virtual time. */
import assert from "node:assert/strict";
import { flow, podsTrigger } from "./keda-world.ts";

flow("paused-replicas holds a number and goes on from there", { app: 0, asked: 3 }, async (world) => {
  await world.scaledObject(
    "app",
    { maxReplicaCount: 4, triggers: [podsTrigger("asked")] },
    {
      "autoscaling.keda.sh/paused-replicas": "0",
    },
  );
  await world.stays("app", 0);
  await world.annotate("app", { "autoscaling.keda.sh/paused-replicas": null });
  await world.becomes("app", 3);
  await world.annotate("app", { "autoscaling.keda.sh/paused-replicas": "2" });
  await world.becomes("app", 2);
  assert.equal(await world.hpaExists("keda-hpa-app"), false);
  await world.annotate("app", { "autoscaling.keda.sh/paused-replicas": "5" });
  await world.becomes("app", 5);
  await world.scale("asked", 0);
  await world.stays("app", 5);
  await world.annotate("app", { "autoscaling.keda.sh/paused-replicas": null });
  await world.becomes("app", 0);
});

flow("from paused-replicas to paused the number stays", { app: 0, asked: 1 }, async (world) => {
  await world.scaledObject("app", { maxReplicaCount: 4, triggers: [podsTrigger("asked")] });
  await world.becomes("app", 1);
  await world.annotate("app", { "autoscaling.keda.sh/paused-replicas": "3" });
  await world.becomes("app", 3);
  await world.annotate("app", {
    "autoscaling.keda.sh/paused-replicas": null,
    "autoscaling.keda.sh/paused": "true",
  });
  await world.stays("app", 3);
  assert.equal(await world.hpaExists("keda-hpa-app"), false);
  await world.scale("asked", 0);
  await world.annotate("app", { "autoscaling.keda.sh/paused": null });
  await world.becomes("app", 0);
});

flow(
  "both annotations: the number is set, and held when paused alone is left",
  { app: 0, asked: 0 },
  async (world) => {
    await world.scaledObject("app", { maxReplicaCount: 8, triggers: [podsTrigger("asked")] });
    await world.seconds(20);
    await world.annotate("app", {
      "autoscaling.keda.sh/paused-replicas": "4",
      "autoscaling.keda.sh/paused": "true",
    });
    await world.becomes("app", 4);
    await world.scale("asked", 8);
    await world.stays("app", 4);
    await world.annotate("app", {
      "autoscaling.keda.sh/paused-replicas": null,
      "autoscaling.keda.sh/paused": null,
    });
    await world.becomes("app", 8);
  },
);

for (const unpaused of [null, "false"]) {
  flow(`paused stops both ways until it is ${unpaused ?? "gone"}`, { app: 0, asked: 2 }, async (world) => {
    await world.scaledObject(
      "app",
      { maxReplicaCount: 6, triggers: [podsTrigger("asked")] },
      {
        "autoscaling.keda.sh/paused": "true",
      },
    );
    await world.stays("app", 0);
    assert.equal(await world.condition("app", "Paused"), "True ScaledObjectPaused");
    await world.annotate("app", { "autoscaling.keda.sh/paused": unpaused });
    await world.becomes("app", 2);
    assert.equal(await world.hpaExists("keda-hpa-app"), true);
    await world.annotate("app", { "autoscaling.keda.sh/paused": "true" });
    await world.scale("asked", 0);
    await world.stays("app", 2);
    assert.equal(await world.hpaExists("keda-hpa-app"), false);
    await world.annotate("app", { "autoscaling.keda.sh/paused": unpaused });
    await world.becomes("app", 0);
  });
}

for (const direction of ["in", "out"]) {
  const one = `autoscaling.keda.sh/paused-scale-${direction}`;
  flow(
    `paused has no HPA, paused-scale-${direction} before or after it or not`,
    { app: 0, asked: 1 },
    async (world) => {
      await world.scaledObject("app", { maxReplicaCount: 6, triggers: [podsTrigger("asked")] });
      await world.seconds(10);
      await world.annotate("app", { [one]: "true" });
      await world.seconds(10);
      assert.equal(await world.hpaExists("keda-hpa-app"), true);
      await world.annotate("app", { "autoscaling.keda.sh/paused": "true" });
      await world.seconds(10);
      assert.equal(await world.hpaExists("keda-hpa-app"), false);
      await world.annotate("app", { [one]: null });
      await world.seconds(10);
      assert.equal(await world.hpaExists("keda-hpa-app"), false);
      await world.annotate("app", { [one]: "true" });
      await world.seconds(10);
      assert.equal(await world.hpaExists("keda-hpa-app"), false);
      await world.annotate("app", { "autoscaling.keda.sh/paused": null });
      await world.seconds(10);
      assert.equal(await world.hpaExists("keda-hpa-app"), true);
    },
  );
}

flow("paused-scale-in keeps what is there until it is taken off", { app: 2, asked: 0 }, async (world) => {
  await world.scaledObject(
    "app",
    { maxReplicaCount: 4, triggers: [podsTrigger("asked")] },
    {
      "autoscaling.keda.sh/paused-scale-in": "true",
    },
  );
  await world.stays("app", 2);
  await world.scale("asked", 4);
  await world.becomes("app", 4);
  await world.scale("asked", 1);
  await world.stays("app", 4, 400);
  await world.annotate("app", { "autoscaling.keda.sh/paused-scale-in": null });
  await world.becomes("app", 1, 400);
});

flow("paused-scale-out keeps it small, and lets it go down", { app: 0, asked: 3 }, async (world) => {
  await world.scaledObject(
    "app",
    { maxReplicaCount: 4, triggers: [podsTrigger("asked")] },
    {
      "autoscaling.keda.sh/paused-scale-out": "true",
    },
  );
  await world.stays("app", 0);
  await world.annotate("app", { "autoscaling.keda.sh/paused-scale-out": null });
  await world.becomes("app", 3);
  await world.annotate("app", { "autoscaling.keda.sh/paused-scale-out": "true" });
  await world.scale("asked", 4);
  await world.stays("app", 3);
  await world.scale("asked", 0);
  await world.becomes("app", 0);
});
