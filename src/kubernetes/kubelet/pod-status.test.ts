import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, ContainerStatus, Pod, PodSpec } from "../types.ts";
import { podStatus } from "./pod-status.ts";
import { containerRestarts } from "./restart-policy.ts";

const NOW = "2026-01-01T00:00:00Z";
const BEFORE = "2025-12-31T00:00:00Z";

/** `run`, `run!` (and ready), `wait`, `exit 3`, `exit 3, wait`: what a container does. */
function statusOf(name: string, does: string): ContainerStatus {
  const exit = /exit (\d+)/.exec(does);
  const terminated = exit && { exitCode: Number(exit[1]) };
  const waits = does.includes("wait");
  return {
    name,
    image: "x",
    imageID: "",
    restartCount: 0,
    started: does.startsWith("run"),
    ready: does === "run!",
    state: does.startsWith("run") ? { running: {} } : waits ? { waiting: { reason: "X" } } : { terminated },
    lastState: waits && terminated ? { terminated } : {},
  } as ContainerStatus;
}

interface Case {
  policy: PodSpec["restartPolicy"];
  main: string[];
  init?: string[];
  sidecars?: string[];
  initialized?: boolean;
  isOver?: boolean;
  phase: string;
}

const CASES: Case[] = [
  { policy: "Always", main: ["wait", "run!"], phase: "Pending" },
  { policy: "Always", main: ["run", "run!"], phase: "Running" },
  { policy: "Always", main: ["exit 1, wait", "run!"], phase: "Running" },
  { policy: "Always", main: ["exit 0", "exit 0"], phase: "Running" },
  { policy: "Always", main: ["exit 0", "exit 0"], isOver: true, phase: "Succeeded" },
  { policy: "Always", main: ["exit 0", "exit 143"], isOver: true, phase: "Failed" },
  { policy: "Always", main: ["wait", "exit 0"], isOver: true, phase: "Pending" },
  { policy: "OnFailure", main: ["exit 0", "exit 0"], phase: "Succeeded" },
  { policy: "OnFailure", main: ["exit 0", "exit 1"], phase: "Running" },
  { policy: "Never", main: ["exit 0", "exit 0"], phase: "Succeeded" },
  { policy: "Never", main: ["exit 0", "exit 1"], phase: "Failed" },
  { policy: "Never", main: ["exit 1", "run!"], phase: "Running" },
  { policy: "Never", main: ["wait"], init: ["run"], initialized: false, phase: "Pending" },
  { policy: "Never", main: ["wait"], init: ["exit 2"], initialized: false, phase: "Failed" },
  { policy: "OnFailure", main: ["wait"], init: ["exit 2, wait"], initialized: false, phase: "Pending" },
  // The sidecar is still to be stopped.
  { policy: "Never", main: ["exit 0"], sidecars: ["run!"], phase: "Running" },
  { policy: "Never", main: ["exit 0"], sidecars: ["exit 143"], phase: "Succeeded" },
];

function podOf({ policy, main, init = [], sidecars = [] }: Case): Pod {
  const named = (prefix: string, list: string[], more: Partial<Container> = {}) =>
    list.map((_does, index) => ({ name: `${prefix}${index}`, image: "x", ...more }));
  return {
    metadata: { name: "p", namespace: "n", uid: "u", generation: 4 },
    spec: {
      restartPolicy: policy,
      containers: named("main", main),
      initContainers: [...named("init", init), ...named("side", sidecars, { restartPolicy: "Always" })],
    },
  };
}

function statusIn(example: Case, pod: Pod = podOf(example)) {
  const { main, init = [], sidecars = [], initialized = true, isOver } = example;
  return podStatus({
    pod,
    statuses: main.map((does, index) => statusOf(`main${index}`, does)),
    initStatuses: [
      ...init.map((does, index) => statusOf(`init${index}`, does)),
      ...sidecars.map((does, index) => statusOf(`side${index}`, does)),
    ],
    initialized,
    hostIp: "127.0.0.1",
    podIp: "127.90.64.1",
    startTime: NOW,
    now: NOW,
    isOver,
  });
}

test("the phase follows from what the containers do and whether they are started again", () => {
  for (const example of CASES) assert.equal(statusIn(example).phase, example.phase, JSON.stringify(example));
});

test("conditions name what is not ready, keep their times, and say of which generation they are", () => {
  const example: Case = { policy: "Always", main: ["run!", "run"], sidecars: ["run"], phase: "" };
  const pod = podOf(example);
  pod.status = { conditions: [{ type: "Initialized", status: "True", lastTransitionTime: BEFORE }] };
  const conditions = Object.fromEntries(statusIn(example, pod).conditions!.map((one) => [one.type, one]));
  assert.equal(conditions.Initialized.lastTransitionTime, BEFORE);
  assert.equal(conditions.Ready.lastTransitionTime, NOW);
  assert.equal(conditions.Ready.observedGeneration, 4);
  assert.deepEqual(
    [conditions.Ready.status, conditions.Ready.reason, conditions.Ready.message],
    ["False", "ContainersNotReady", "containers with unready status: [side0 main1]"],
  );
});

test("readiness gates keep a pod from being ready, each with its reason", () => {
  const example: Case = { policy: "Always", main: ["run!"], phase: "" };
  const pod = podOf(example);
  pod.spec.readinessGates = [{ conditionType: "example.org/a" }, { conditionType: "example.org/b" }];
  pod.status = { conditions: [{ type: "example.org/b", status: "False" }] };
  const [ready] = statusIn(example, pod).conditions!.filter(({ type }) => type === "Ready");
  assert.deepEqual(
    [ready.status, ready.reason, ready.message],
    [
      "False",
      "ReadinessGatesNotReady",
      'corresponding condition of pod readiness gate "example.org/a" does not exist., the status of pod readiness gate "example.org/b" is not "True", but False',
    ],
  );
});

test("containerRestarts(): a container's rules, its policy, then the pod's", () => {
  const rule = (operator: "In" | "NotIn", ...values: number[]) => [
    { action: "Restart", exitCodes: { operator, values } },
  ];
  const cases: [Partial<Container>, string, exitCode: number, boolean][] = [
    [{}, "Always", 0, true],
    [{}, "OnFailure", 0, false],
    [{}, "OnFailure", 1, true],
    [{}, "Never", 1, false],
    [{ restartPolicy: "Never" }, "Always", 1, false],
    [{ restartPolicy: "OnFailure" }, "Never", 1, true],
    [{ restartPolicy: "Never", restartPolicyRules: rule("In", 42) }, "Always", 42, true],
    [{ restartPolicy: "Never", restartPolicyRules: rule("In", 42) }, "Always", 41, false],
    [{ restartPolicy: "Never", restartPolicyRules: rule("NotIn", 42) }, "Always", 41, true],
  ];
  for (const [container, restartPolicy, exitCode, expected] of cases) {
    const spec = { restartPolicy, containers: [] } as unknown as PodSpec;
    const restarts = containerRestarts({ name: "c", image: "x", ...container }, spec, exitCode);
    assert.equal(restarts, expected, JSON.stringify([container, restartPolicy, exitCode]));
  }
});
