/** Formulas and fallbacks, as kedacore/keda tests them end to end (`tests/internals/{fallback,scaling_modifiers}`), in virtual time. */
import assert from "node:assert/strict";
import { flow, numberTrigger, PROMPT, podsTrigger } from "./keda-world.ts";

flow("a formula of two triggers, changed on the way", { app: 0, asked: 2 }, async (world) => {
  const triggers = [
    numberTrigger("load", "2", { name: "load" }),
    podsTrigger("asked", "1", { name: "pods" }),
  ];
  const modifiers = (formula: string, activationTarget?: string) => ({
    ...PROMPT,
    scalingModifiers: { formula, target: "2", ...(activationTarget ? { activationTarget } : {}) },
  });
  world.numbers.load = 2;
  await world.scaledObject("app", {
    maxReplicaCount: 10,
    advanced: modifiers("load + pods", "5"),
    triggers,
  });
  await world.stays("app", 0);
  world.numbers.load = 4;
  await world.becomes("app", 3);
  await world.patch("app", { spec: { advanced: modifiers("load > 3 ? load + pods + 4 : 0", "5") } });
  await world.becomes("app", 5);
  world.numbers.load = 1;
  await world.becomes("app", 0);
});

flow("a formula without its metrics falls back to the replicas", { app: 0, asked: 2 }, async (world) => {
  world.numbers.load = 4;
  await world.scaledObject("app", {
    maxReplicaCount: 10,
    fallback: { failureThreshold: 2, replicas: 5 },
    advanced: { ...PROMPT, scalingModifiers: { formula: "load + pods", target: "2" } },
    triggers: [numberTrigger("load", "2", { name: "load" }), podsTrigger("asked", "1", { name: "pods" })],
  });
  await world.becomes("app", 3);
  world.numbers.load = undefined;
  await world.becomes("app", 5);
  assert.equal(await world.condition("app", "Fallback"), "True FallbackExists");
  world.numbers.load = 4;
  await world.becomes("app", 3);
  assert.equal(await world.condition("app", "Fallback"), "False NoFallbackFound");
});

flow(
  "scalingModifiers as the fallback's behaviour: a formula chooses another source",
  { app: 0, asked: 0 },
  async (world) => {
    Object.assign(world.numbers, { first: 8, second: 6 });
    await world.scaledObject("app", {
      minReplicaCount: 1,
      maxReplicaCount: 10,
      fallback: { failureThreshold: 2, replicas: 4, behavior: "scalingModifiers" },
      advanced: { ...PROMPT, scalingModifiers: { formula: "first ?? second ?? 4", target: "1" } },
      triggers: [
        numberTrigger("first", "1", { name: "first" }),
        numberTrigger("second", "1", { name: "second" }),
      ],
    });
    await world.becomes("app", 8);
    world.numbers.first = undefined;
    await world.becomes("app", 6);
    world.numbers.second = undefined;
    await world.becomes("app", 4);
    world.numbers.first = 8;
    await world.becomes("app", 8);
  },
);

for (const [behavior, stands, wanted] of [
  ["static", 2, 4],
  ["currentReplicas", 2, 2],
  ["currentReplicasIfHigher", 2, 4],
  ["currentReplicasIfHigher", 6, 6],
  ["currentReplicasIfLower", 2, 2],
  ["currentReplicasIfLower", 6, 4],
] as const) {
  flow(`the fallback ${behavior} of 4 at ${stands} is ${wanted}`, { app: 0, asked: 0 }, async (world) => {
    world.numbers.load = stands;
    await world.scaledObject("app", {
      minReplicaCount: 1,
      maxReplicaCount: 10,
      fallback: { failureThreshold: 2, replicas: 4, behavior },
      advanced: PROMPT,
      triggers: [numberTrigger("load", "1")],
    });
    await world.becomes("app", stands);
    world.numbers.load = undefined;
    await world.seconds(60);
    await world.becomes("app", wanted);
    await world.stays("app", wanted);
    world.numbers.load = 5;
    await world.becomes("app", 5);
  });
}
