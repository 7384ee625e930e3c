import assert from "node:assert/strict";
import { test } from "node:test";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import {
  milliOf,
  type PodMetric,
  replicasForAverage,
  replicasForSharedMetric,
  replicasForUtilization,
  replicasForValue,
  type Tolerances,
} from "./horizontal-pod-autoscaler-replicas.ts";
import type { AutoscaledPod } from "./horizontal-pod-autoscaler-types.ts";

const NOW = Date.UTC(2026, 0, 1);
const TOLERANCES: Tolerances = { scaleUp: 0.1, scaleDown: 0.1, version: "1.37" };

/** How a pod is, other than running and ready for an hour. */
type Oddity = "unready" | "hot" | "pending" | "failed" | "deleted";

interface PodOptions {
  requests?: string;
  odd?: Oddity;
}

/** A pod with two containers that request the same. */
function pod(index: number, { requests = "1", odd }: PodOptions = {}): AutoscaledPod {
  const startMs = NOW - (odd === "unready" || odd === "hot" ? 60_000 : 3_600_000);
  const status =
    odd === "unready" || odd === "pending" || odd === "failed" || odd === "deleted" ? "False" : "True";
  const phase = odd === "pending" ? "Pending" : odd === "failed" ? "Failed" : "Running";
  const container = (name: string) => ({ name, resources: { requests: { cpu: requests } } });
  return {
    metadata: {
      name: `pod-${index}`,
      ...(odd === "deleted" ? { deletionTimestamp: kubernetesTime(NOW) } : {}),
    },
    spec: { containers: [container("container1"), container("container2")] },
    status: {
      phase,
      startTime: kubernetesTime(startMs),
      conditions: [{ type: "Ready", status, lastTransitionTime: kubernetesTime(startMs + 1000) }],
    },
  };
}

/** A hot pod's number is older than a window after it became ready. */
function metrics(levels: (number | undefined)[], pods: AutoscaledPod[], isHot: (index: number) => boolean) {
  const entries = levels.flatMap((milli, index): [string, PodMetric][] => {
    if (milli === undefined) return [];
    const startMs = Date.parse(pods[index]?.status?.startTime ?? kubernetesTime(NOW - 3_600_000));
    const timestampMs = isHot(index) ? startMs + 20_000 : NOW;
    return [[`pod-${index}`, { milli, timestampMs, windowMs: 60_000 }]];
  });
  return new Map(entries);
}

interface ResourceCase {
  name: string;
  current: number;
  /** What each of a pod's two containers uses, in thousandths. */
  levels: (number | undefined)[];
  target: number;
  expected: number;
  utilization?: number;
  pods?: PodOptions[];
}

const odd = (...oddities: (Oddity | undefined)[]): PodOptions[] => oddities.map((one) => ({ odd: one }));
const _ = undefined;

const RESOURCE: ResourceCase[] = [
  { name: "up", current: 3, levels: [300, 500, 700], target: 30, expected: 5, utilization: 50 },
  {
    name: "up less with an unready pod",
    current: 3,
    levels: [300, 500, 700],
    target: 30,
    expected: 4,
    utilization: 60,
    pods: odd("unready", _, _),
  },
  {
    name: "up less with a pod that has just started",
    current: 3,
    levels: [300, 500, 700],
    target: 30,
    expected: 4,
    utilization: 60,
    pods: odd("hot", _, _),
  },
  {
    name: "not up when the unready ones might turn it round",
    current: 3,
    levels: [400, 500, 700],
    target: 30,
    expected: 3,
    utilization: 40,
    pods: odd(_, "unready", "unready"),
  },
  {
    name: "not up when hot and unready ones might turn it round",
    current: 3,
    levels: [400, 500, 700],
    target: 30,
    expected: 3,
    utilization: 40,
    pods: odd(_, "hot", "unready"),
  },
  {
    name: "up, failed pods left out",
    current: 2,
    levels: [500, 700, _, _],
    target: 30,
    expected: 4,
    utilization: 60,
    pods: odd(_, _, "failed", "failed"),
  },
  {
    name: "up, pods that are being deleted left out",
    current: 2,
    levels: [500, 700, _, _],
    target: 30,
    expected: 4,
    utilization: 60,
    pods: odd(_, _, "deleted", "deleted"),
  },
  { name: "down", current: 5, levels: [100, 300, 500, 250, 250], target: 50, expected: 3, utilization: 28 },
  {
    name: "down without unready pods",
    current: 5,
    levels: [100, 300, 500, 250, 250],
    target: 50,
    expected: 2,
    utilization: 30,
    pods: odd(_, _, _, "unready", "unready"),
  },
  {
    name: "down without pods that nobody has scheduled",
    current: 5,
    levels: [100, _, _, _, _],
    target: 50,
    expected: 1,
    utilization: 10,
    pods: odd(_, "pending", "pending", "pending", "pending"),
  },
  {
    name: "down without hot pods",
    current: 5,
    levels: [100, 300, 500, 250, 250],
    target: 50,
    expected: 2,
    utilization: 30,
    pods: odd(_, _, _, "hot", "hot"),
  },
  {
    name: "down, failed pods left out",
    current: 5,
    levels: [100, 300, 500, 250, 250, _, _],
    target: 50,
    expected: 3,
    utilization: 28,
    pods: odd(_, _, _, _, _, "failed", "failed"),
  },
  {
    name: "down, deleted pods left out though they run",
    current: 5,
    levels: [100, 300, 500, 250, 250, 900, 900],
    target: 50,
    expected: 3,
    utilization: 28,
    pods: odd(_, _, _, _, _, "deleted", "deleted"),
  },
  {
    name: "within the tolerance",
    current: 3,
    levels: [1010, 1030, 1020],
    target: 100,
    expected: 3,
    utilization: 102,
    pods: [{ requests: "0.9" }, { requests: "1" }, { requests: "1.1" }],
  },
  {
    name: "numbers of pods that are not there",
    current: 4,
    levels: [4000, 9500, 3000, 7000, 3200, 2000],
    target: 100,
    expected: 24,
    utilization: 587,
    pods: odd(_, _, _, _),
  },
  {
    name: "missing numbers count as fully used on the way down",
    current: 4,
    levels: [400, 95, _, _],
    target: 100,
    expected: 3,
    utilization: 24,
  },
  {
    name: "a missing number, usage on target",
    current: 2,
    levels: [1000, _],
    target: 100,
    expected: 2,
    utilization: 100,
  },
  {
    name: "a missing number, usage on a target below 100 %",
    current: 2,
    levels: [500, _],
    target: 50,
    expected: 2,
    utilization: 50,
  },
  {
    name: "a missing number, usage above target",
    current: 2,
    levels: [1900, _],
    target: 100,
    expected: 2,
    utilization: 190,
  },
  {
    name: "a missing number, usage below target",
    current: 2,
    levels: [600, _],
    target: 100,
    expected: 2,
    utilization: 60,
  },
  {
    name: "missing and unready: no change",
    current: 3,
    levels: [100, 450, _],
    target: 50,
    expected: 3,
    utilization: 45,
    pods: odd("unready", _, _),
  },
  {
    name: "missing and hot: no change",
    current: 3,
    levels: [100, 450, _],
    target: 50,
    expected: 3,
    utilization: 45,
    pods: odd("hot", _, _),
  },
  {
    name: "missing and unready: up",
    current: 3,
    levels: [100, 2000, _],
    target: 50,
    expected: 4,
    utilization: 200,
    pods: odd("unready", _, _),
  },
  {
    name: "missing and hot: up",
    current: 3,
    levels: [100, 2000, _],
    target: 50,
    expected: 4,
    utilization: 200,
    pods: odd("hot", _, _),
  },
  {
    name: "missing and unready: down",
    current: 4,
    levels: [100, 100, 100, _],
    target: 50,
    expected: 3,
    utilization: 10,
    pods: odd("unready", _, _, _),
  },
  {
    name: "missing, with a target above 100 %",
    current: 4,
    levels: [200, 100, 100, _],
    target: 300,
    expected: 2,
    utilization: 6,
    pods: [{ odd: "unready" }, {}, { requests: "2" }, { requests: "2" }],
  },
  {
    name: "a rolling update with one pod more",
    current: 2,
    levels: [100, 100, _],
    target: 50,
    expected: 2,
    utilization: 10,
  },
];

test("replicasForUtilization() with two containers a pod", () => {
  for (const { name, current, levels, target, expected, utilization, pods: options } of RESOURCE) {
    const pods = (options ?? levels.map(() => ({}))).map((one, index) => pod(index, one));
    const both = levels.map((milli) => (milli === undefined ? undefined : 2 * milli));
    const isHot = (index: number) => options?.[index]?.odd === "hot";
    const input = {
      metrics: metrics(both, pods, isHot),
      pods,
      tolerances: TOLERANCES,
      nowMs: NOW,
      resource: "cpu",
    };
    const proposal = replicasForUtilization(current, target, input);
    assert.equal(proposal.replicas, expected, name);
    assert.equal(proposal.utilization, utilization, name);
  }
});

test("replicasForUtilization() of one container leaves the other's use and request out", () => {
  const pods = [0, 1, 2].map((index) => pod(index));
  const input = {
    metrics: metrics([300, 500, 700], pods, () => false),
    pods,
    tolerances: TOLERANCES,
    nowMs: NOW,
    resource: "cpu",
  };
  const proposal = replicasForUtilization(3, 30, { ...input, container: "container2" });
  assert.deepEqual(proposal, { replicas: 5, usageMilli: 500, utilization: 50 });
  assert.throws(
    () => replicasForUtilization(3, 30, { ...input, container: "none" }),
    /container none not found in Pod pod-0/,
  );
});

test("replicasForUtilization() says what it lacks", () => {
  const one = [pod(0)];
  const bare: AutoscaledPod = { ...pod(0), spec: { containers: [{ name: "main" }] } };
  const base = { tolerances: TOLERANCES, nowMs: NOW, resource: "cpu" };
  const cases: [AutoscaledPod[], [string, number][], RegExp][] = [
    [[], [["pod-0", 1]], /no pods returned by selector while calculating replica count/],
    [one, [["an-older-pod", 100]], /no metrics returned matched known pods/],
    [[bare], [["pod-0", 200]], /missing request for cpu in container main of Pod pod-0/],
    [
      [pod(0, { odd: "pending" })],
      [["pod-0", 200]],
      /did not receive metrics for targeted pods \(pods might be unready\)/,
    ],
  ];
  for (const [pods, values, expected] of cases) {
    const metrics = new Map(
      values.map(([name, milli]) => [name, { milli, timestampMs: NOW, windowMs: 60_000 }]),
    );
    assert.throws(() => replicasForUtilization(1, 100, { ...base, metrics, pods }), expected);
  }
});

interface PodsCase {
  name: string;
  current: number;
  levels: (number | undefined)[];
  target: number;
  expected: number;
  usage: number;
  pods?: PodOptions[];
}

const PODS: PodsCase[] = [
  { name: "up", current: 3, levels: [20_000, 10_000, 30_000], target: 15_000, expected: 4, usage: 20_000 },
  {
    name: "up, readiness of no matter",
    current: 3,
    levels: [50_000, 10_000, 30_000],
    target: 15_000,
    expected: 6,
    usage: 30_000,
    pods: odd(_, _, "unready"),
  },
  {
    name: "up, with two unready",
    current: 3,
    levels: [50_000, 15_000, 30_000],
    target: 15_000,
    expected: 7,
    usage: 31_666,
    pods: odd("unready", _, "unready"),
  },
  { name: "one pod, just over", current: 1, levels: [8600], target: 4400, expected: 2, usage: 8600 },
  {
    name: "down",
    current: 5,
    levels: [12_000, 12_000, 12_000, 12_000, 12_000],
    target: 20_000,
    expected: 3,
    usage: 12_000,
  },
  {
    name: "within the tolerance",
    current: 3,
    levels: [20_000, 21_000, 21_000],
    target: 20_000,
    expected: 3,
    usage: 20_666,
  },
  {
    name: "missing numbers, average on target",
    current: 5,
    levels: [20_000, 19_000, 21_000, _, _],
    target: 20_000,
    expected: 5,
    usage: 20_000,
  },
  {
    name: "a rolling update with one pod more",
    current: 2,
    levels: [10_000, 10_000, _],
    target: 17_000,
    expected: 2,
    usage: 10_000,
  },
];

test("replicasForAverage() of a pods metric", () => {
  for (const { name, current, levels, target, expected, usage, pods: options } of PODS) {
    const pods = (options ?? levels.map(() => ({}))).map((one, index) => pod(index, one));
    const input = { metrics: metrics(levels, pods, () => false), pods, tolerances: TOLERANCES, nowMs: NOW };
    assert.deepEqual(
      replicasForAverage(current, target, input),
      { replicas: expected, usageMilli: usage },
      name,
    );
  }
});

test("replicasForSharedMetric(): AverageValue of external and object metrics", () => {
  const cases: [
    name: string,
    current: number,
    sum: number,
    target: number,
    expected: number,
    usage: number,
  ][] = [
    ["external, up", 3, 8600, 2150, 4, 2867],
    ["external, down", 5, 8600, 2867, 3, 1720],
    ["external, within the tolerance", 3, 8600, 2900, 3, 2867],
    ["object, up", 3, 20_000, 5000, 4, 6667],
    ["object, down", 5, 6000, 2000, 3, 1200],
    ["object, within the tolerance", 4, 20_166, 5000, 4, 5042],
    ["five tenants at two a pod", 1, 5000, 2000, 3, 5000],
    ["nothing at all", 3, 0, 2000, 0, 0],
    ["more than an int32 holds", 1, 1e18, 1, 2_147_483_647, 1e18],
  ];
  for (const [name, current, sum, target, expected, usage] of cases) {
    const proposal = replicasForSharedMetric(current, sum, target, TOLERANCES);
    assert.deepEqual(proposal, { replicas: expected, usageMilli: usage }, name);
  }
});

test("replicasForValue(): Value of external and object metrics, times the pods that are ready", () => {
  const cases: [
    name: string,
    current: number,
    value: number,
    target: number,
    expected: number,
    pods: PodOptions[],
  ][] = [
    ["object, up", 3, 20_000, 15_000, 4, odd(_, _, _)],
    ["object, unready pods don't multiply", 3, 50_000, 10_000, 5, odd("unready", _, "unready")],
    ["object, down", 5, 12_000, 20_000, 3, odd(_, _, _, _, _)],
    ["object, within the tolerance", 3, 20_666, 20_000, 3, odd(_, _, _)],
    ["external, unready pods don't multiply", 3, 8600, 4400, 2, odd("unready", _, "unready")],
    ["external, down", 5, 8600, 14_334, 3, odd(_, _, _, _, _)],
    ["external, within the tolerance", 3, 8600, 8888, 3, odd(_, _, _)],
    ["from zero", 0, 8600, 4400, 2, []],
    ["zero stays zero", 0, 0, 4400, 0, []],
  ];
  for (const [name, current, value, target, expected, options] of cases) {
    const pods = options.map((one, index) => pod(index, one));
    assert.equal(replicasForValue(current, value, target, TOLERANCES, pods).replicas, expected, name);
  }
  assert.throws(
    () => replicasForValue(3, 9000, 1000, TOLERANCES, []),
    /unable to calculate ready pods: no pods returned/,
  );
});

test("milliOf() rounds up, and not by what floats add", () => {
  const cases: [string | number, number][] = [
    ["2", 2000],
    ["2150m", 2150],
    ["0.29", 290],
    [2.3, 2300],
    ["1u", 1],
    ["100u", 1],
    ["1k", 1_000_000],
  ];
  for (const [quantity, milli] of cases) assert.equal(milliOf(quantity), milli, String(quantity));
});
