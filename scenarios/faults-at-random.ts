/**
 * Load and faults at random, by seed: two minutes of kills, hangs, partitions, slow disks, wrong clocks and lost
 * messages, two of peace. What must hold is the same for every seed. The soak is `topology test
 * scenarios/faults-at-random.ts --seeds 10000`; docs/scenarios.md has what came of it.
 */
import { type Random, randomInteger, seededRandom } from "../src/base/random.ts";
import type { ScenarioSource } from "../src/simulation/mod.ts";

const FAULTS_FROM_S = 15;
const FAULTS_TO_S = 110;
const END_S = 250;

const SHRINKS_SOON = {
  horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 15 } } },
};

export function scenario(seed: number): ScenarioSource {
  const random = seededRandom(seed ^ 0x2545f491);
  const fromZero = random.float() < 0.2;
  // Who leaves is forgotten soon, and the tier shrinks while things break.
  const forgets = random.float() < 0.4;
  const load = Array.from({ length: 1 + randomInteger(random, 3) }, (_, group) =>
    loadAtRandom(random, group),
  );
  const staying = load.filter(({ to }) => to === `${END_S}s`).reduce((sum, entry) => sum + entry.tenants, 0);
  const startS = 0.2 + random.float() * 4;
  const squeezed = random.float() < 0.4 ? squeeze(random) : undefined;
  return {
    name: "faults at random",
    about:
      "Whatever breaks: no tenant is open twice, no acknowledged write is lost, KEDA's number is the true one.",
    for: `${END_S}s`,
    startup: { min: `${startS.toFixed(1)}s`, max: `${(startS + random.float() * 6).toFixed(1)}s` },
    ...(forgets && { activeWindow: `${15 + randomInteger(random, 30)}s` }),
    patch: {
      "ScaledObject/test-db-small": {
        spec: { ...(fromZero && { minReplicaCount: 0 }), ...(forgets && { advanced: SHRINKS_SOON }) },
      },
      ...(fromZero && { "StatefulSet/test-db-small": { spec: { replicas: 0 } } }),
    },
    load,
    faults: [
      ...Array.from({ length: 3 + randomInteger(random, 6) }, () => faultAtRandom(random)),
      ...(squeezed?.faults ?? []),
    ],
    expect: [
      ...(squeezed === undefined ? [] : [squeezed.expected]),
      { replicas: fromZero ? "0..10" : "1..10" },
      { conflicts: 0 },
      { drift: 0 },
      { by: `${END_S}s`, from: "150s", replicas: `>= ${Math.min(Math.ceil(staying / 2), 10)}` },
      { at: `${END_S}s`, lost: 0 },
    ],
  };
}

/** Tenants that come in the first minute; all of them are active to the end, by their requests or for five minutes. */
function loadAtRandom(random: Random, group: number) {
  const fromS = 2 + randomInteger(random, 60);
  const leaves = random.float() < 0.3;
  return {
    from: `${fromS}s`,
    to: leaves ? `${fromS + 40 + randomInteger(random, 60)}s` : `${END_S}s`,
    tenants: 1 + randomInteger(random, 6),
    first: group * 6,
    every: `${3 + randomInteger(random, 8)}s`,
  };
}

/** Fewer pods are allowed for a minute: a scale-down, whose pods hand over what they have while other things break. */
function squeeze(random: Random) {
  const from = 50 + random.float() * (FAULTS_TO_S - 50);
  const to = from + 50 + random.float() * 20;
  const most = 1 + randomInteger(random, 2);
  const change = (atS: number, maxReplicaCount: number) => ({
    at: `${atS.toFixed(3)}s`,
    patch: { "ScaledObject/test-db-small": { spec: { maxReplicaCount } } },
  });
  return {
    faults: [change(from, most), change(to, 10)],
    expected: { from: `${from.toFixed(3)}s`, by: `${to.toFixed(3)}s`, replicas: `<= ${most}` },
  };
}

const PODS = [
  "test-db-small-?",
  "test-db-small-?",
  "test-db-small-?",
  "prometheus-0",
  "router-?",
  "keda-operator-?",
];

function faultAtRandom(random: Random): Record<string, unknown> {
  const startS = FAULTS_FROM_S + random.float() * (FAULTS_TO_S - FAULTS_FROM_S);
  const at = `${startS.toFixed(3)}s`;
  const lasting = { from: at, to: `${(startS + 1 + random.float() * 20).toFixed(3)}s` };
  const pod = () => PODS[randomInteger(random, PODS.length)];
  // Two minutes at most: a pod that starts with a clock that is further off does not know who was active before.
  // A Prometheus whose clock was ahead refuses its targets' samples until time has caught up, upstream's as well.
  const skewed = () => PODS.filter((name) => name !== "prometheus-0")[randomInteger(random, PODS.length - 1)];
  switch (randomInteger(random, 9)) {
    case 0:
    case 1:
      return { at, kill: pod() };
    case 2:
      return { at, delete: pod() };
    case 3:
      return { ...lasting, hang: pod() };
    case 4:
      return { ...lasting, partition: ["test-db-small-?", pod()] };
    case 5:
      return { ...lasting, "slow-disk": "test-db-small-?", by: `${1 + randomInteger(random, 100)}ms` };
    case 6:
      return {
        ...lasting,
        "clock-skew": skewed(),
        by: `${random.float() < 0.5 ? "-" : ""}${1 + randomInteger(random, 120)}s`,
      };
    case 7:
      return { ...lasting, loss: Number((random.float() * 0.2).toFixed(3)) };
    default:
      return { ...lasting, latency: `${1 + randomInteger(random, 300)}ms` };
  }
}
