/**
 * From what the metrics ask for to what is set: stabilisation windows, policies and limits (kubernetes
 * `pkg/controller/podautoscaler/horizontal.go`, `normalizeDesiredReplicas*`), and the memory that they need.
 */
import { MAX_REPLICAS } from "./horizontal-pod-autoscaler-replicas.ts";
import type { Behavior, ScalingRules } from "./horizontal-pod-autoscaler-types.ts";

/** `--horizontal-pod-autoscaler-downscale-stabilization` */
export const DOWNSCALE_STABILIZATION_SECONDS = 300;
/** Without `behavior`, a sync may at most double the replicas, or set 4. */
const LEGACY_UP_FACTOR = 2;
const LEGACY_UP_MINIMUM = 4;

/** What a HorizontalPodAutoscaler remembers between syncs. It is lost when the controller restarts. */
export interface AutoscalerMemory {
  recommendations: { replicas: number; atMs: number }[];
  /** Replicas added, and removed, when `behavior` is set. */
  scaleUps: ScaleEvent[];
  scaleDowns: ScaleEvent[];
}

export interface ScaleEvent {
  change: number;
  atMs: number;
}

export interface Normalized {
  replicas: number;
  /** Why the recommendation was held, for `AbleToScale`. */
  ableToScale: { reason: string; message: string };
  /** Whether a limit cut it, for `ScalingLimited`. */
  limited: { status: "True" | "False"; reason: string; message: string };
}

export interface NormalizeInput {
  memory: AutoscalerMemory;
  behavior: Behavior | undefined;
  currentReplicas: number;
  desiredReplicas: number;
  minReplicas: number;
  maxReplicas: number;
  nowMs: number;
  /** @default DOWNSCALE_STABILIZATION_SECONDS */
  downscaleStabilizationSeconds?: number;
}

/** The rules after defaulting (`pkg/apis/autoscaling/v2/defaults.go`): nothing is absent but the tolerance. */
export type CompleteRules = Required<
  Pick<ScalingRules, "policies"> & {
    stabilizationWindowSeconds: number;
    selectPolicy: "Max" | "Min" | "Disabled";
  }
>;

export function completeBehavior(
  behavior: Behavior,
  downscaleStabilizationSeconds = DOWNSCALE_STABILIZATION_SECONDS,
): { scaleUp: CompleteRules; scaleDown: CompleteRules } {
  const { scaleUp = {}, scaleDown = {} } = behavior;
  return {
    scaleUp: {
      stabilizationWindowSeconds: scaleUp.stabilizationWindowSeconds ?? 0,
      selectPolicy: scaleUp.selectPolicy ?? "Max",
      policies: scaleUp.policies ?? [
        { type: "Pods", value: 4, periodSeconds: 15 },
        { type: "Percent", value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: scaleDown.stabilizationWindowSeconds ?? downscaleStabilizationSeconds,
      selectPolicy: scaleDown.selectPolicy ?? "Max",
      policies: scaleDown.policies ?? [{ type: "Percent", value: 100, periodSeconds: 15 }],
    },
  };
}

/** @param currentReplicas counts as a first recommendation, so that nothing scales down right after a restart */
export function newAutoscalerMemory(currentReplicas: number, nowMs: number): AutoscalerMemory {
  return {
    recommendations: [{ replicas: currentReplicas, atMs: nowMs }],
    scaleUps: [],
    scaleDowns: [],
  };
}

/** Remembers the recommendation and answers what may be set now. */
export function normalizeReplicas(input: NormalizeInput): Normalized {
  return input.behavior === undefined ? normalizeLegacy(input) : normalizeWithBehavior(input, input.behavior);
}

/** Remembers a change for the policies. Without `behavior` nothing reads it and nothing is kept. */
export function rememberScaling(
  memory: AutoscalerMemory,
  behavior: Behavior | undefined,
  previous: number,
  next: number,
  nowMs: number,
): void {
  if (behavior === undefined) return;
  const rules = completeBehavior(behavior);
  const [events, { policies }] =
    next > previous ? [memory.scaleUps, rules.scaleUp] : [memory.scaleDowns, rules.scaleDown];
  const longestMs = Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds)) * 1000;
  const event = { change: Math.abs(next - previous), atMs: nowMs };
  replaceOldest(events, event, ({ atMs }) => atMs < nowMs - longestMs);
}

// ---- without behavior ----

function normalizeLegacy(input: NormalizeInput): Normalized {
  const { currentReplicas, minReplicas, maxReplicas, desiredReplicas } = input;
  const stabilized = stabilizeLegacy(input);
  const upLimit = Math.max(LEGACY_UP_FACTOR * currentReplicas, LEGACY_UP_MINIMUM);
  const [allowed, limit] = maxReplicas > upLimit ? [upLimit, LIMITS.scaleUp] : [maxReplicas, LIMITS.tooMany];
  const replicas = stabilized < minReplicas ? minReplicas : Math.min(stabilized, allowed);
  return {
    replicas,
    ableToScale: stabilized === desiredReplicas ? READY : HELD_DOWN,
    limited: limitedBy(replicas === stabilized ? undefined : replicas > stabilized ? LIMITS.tooFew : limit),
  };
}

function stabilizeLegacy(input: NormalizeInput): number {
  const { memory, desiredReplicas, nowMs, downscaleStabilizationSeconds } = input;
  const cutoffMs = nowMs - (downscaleStabilizationSeconds ?? DOWNSCALE_STABILIZATION_SECONDS) * 1000;
  let highest = desiredReplicas;
  for (const { replicas, atMs } of memory.recommendations) {
    if (atMs >= cutoffMs) highest = Math.max(highest, replicas);
  }
  const recommendation = { replicas: desiredReplicas, atMs: nowMs };
  replaceOldest(memory.recommendations, recommendation, ({ atMs }) => atMs < cutoffMs);
  return highest;
}

// ---- with behavior ----

function normalizeWithBehavior(input: NormalizeInput, behavior: Behavior): Normalized {
  const rules = completeBehavior(behavior, input.downscaleStabilizationSeconds);
  const { currentReplicas, desiredReplicas } = input;
  const stabilized = stabilize(input, rules);
  const held = desiredReplicas >= currentReplicas ? HELD_UP : HELD_DOWN;
  const { replicas, limit } = applyPolicies(input, stabilized, rules);
  return {
    replicas,
    ableToScale: stabilized === desiredReplicas ? READY : held,
    limited: limitedBy(limit),
  };
}

/** Up: the lowest recommendation of its window. Down: the highest of its. Between the two: no change. */
function stabilize(input: NormalizeInput, rules: ReturnType<typeof completeBehavior>): number {
  const { memory, currentReplicas, desiredReplicas, nowMs } = input;
  const upCutoffMs = nowMs - rules.scaleUp.stabilizationWindowSeconds * 1000;
  const downCutoffMs = nowMs - rules.scaleDown.stabilizationWindowSeconds * 1000;
  let up = desiredReplicas;
  let down = desiredReplicas;
  for (const { replicas, atMs } of memory.recommendations) {
    if (atMs > upCutoffMs) up = Math.min(up, replicas);
    if (atMs > downCutoffMs) down = Math.max(down, replicas);
  }
  const recommendation = { replicas: desiredReplicas, atMs: nowMs };
  const oldestMs = Math.min(upCutoffMs, downCutoffMs);
  replaceOldest(memory.recommendations, recommendation, ({ atMs }) => atMs < oldestMs);
  return Math.min(Math.max(currentReplicas, up), down);
}

function applyPolicies(
  input: NormalizeInput,
  desired: number,
  rules: ReturnType<typeof completeBehavior>,
): { replicas: number; limit?: Limit } {
  const { memory, currentReplicas, minReplicas, maxReplicas, nowMs } = input;
  if (desired > currentReplicas) {
    const policyLimit = Math.max(
      scaleUpLimit(currentReplicas, memory, rules.scaleUp, nowMs),
      currentReplicas,
    );
    const [allowed, limit] =
      maxReplicas > policyLimit ? [policyLimit, LIMITS.scaleUp] : [maxReplicas, LIMITS.tooMany];
    if (desired > allowed) return { replicas: allowed, limit };
  } else if (desired < currentReplicas) {
    const policyLimit = Math.min(
      scaleDownLimit(currentReplicas, memory, rules.scaleDown, nowMs),
      currentReplicas,
    );
    const [allowed, limit] =
      minReplicas < policyLimit ? [policyLimit, LIMITS.scaleDown] : [minReplicas, LIMITS.tooFew];
    if (desired < allowed) return { replicas: allowed, limit };
  }
  return { replicas: desired };
}

/** The most that the policies allow now. */
export function scaleUpLimit(
  currentReplicas: number,
  memory: AutoscalerMemory,
  rules: CompleteRules,
  nowMs: number,
): number {
  if (rules.selectPolicy === "Disabled") return currentReplicas;
  const proposals = rules.policies.map(({ type, value, periodSeconds }) => {
    const start = periodStartReplicas(currentReplicas, memory, periodSeconds, nowMs);
    // Rounded up: a small percentage of few pods would otherwise never add one.
    return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return Math.min(
    rules.selectPolicy === "Min" ? Math.min(...proposals) : Math.max(...proposals),
    MAX_REPLICAS,
  );
}

/** The least that the policies allow now. */
export function scaleDownLimit(
  currentReplicas: number,
  memory: AutoscalerMemory,
  rules: CompleteRules,
  nowMs: number,
): number {
  if (rules.selectPolicy === "Disabled") return currentReplicas;
  const proposals = rules.policies.map(({ type, value, periodSeconds }) => {
    const start = periodStartReplicas(currentReplicas, memory, periodSeconds, nowMs);
    return type === "Pods" ? start - value : Math.trunc(start * (1 - value / 100));
  });
  // "Min" is the policy that changes least, so the one that leaves most.
  return rules.selectPolicy === "Min" ? Math.max(...proposals) : Math.min(...proposals);
}

function periodStartReplicas(
  current: number,
  memory: AutoscalerMemory,
  periodSeconds: number,
  nowMs: number,
): number {
  const cutoffMs = nowMs - periodSeconds * 1000;
  const changeOf = (events: ScaleEvent[]) =>
    events.reduce((sum, { change, atMs }) => (atMs > cutoffMs ? sum + change : sum), 0);
  return current - changeOf(memory.scaleUps) + changeOf(memory.scaleDowns);
}

/** Appends, or takes the place of the last entry that is out of date: the lists stay as long as their windows. */
function replaceOldest<T>(list: T[], entry: T, isOld: (entry: T) => boolean): void {
  const index = list.findLastIndex(isOld);
  if (index === -1) list.push(entry);
  else list[index] = entry;
}

interface Limit {
  reason: string;
  message: string;
}

const READY: Limit = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const HELD_UP: Limit = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const HELD_DOWN: Limit = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const LIMITS = {
  scaleUp: {
    reason: "ScaleUpLimit",
    message: "the desired replica count is increasing faster than the maximum scale rate",
  },
  scaleDown: {
    reason: "ScaleDownLimit",
    message: "the desired replica count is decreasing faster than the maximum scale rate",
  },
  tooMany: {
    reason: "TooManyReplicas",
    message: "the desired replica count is more than the maximum replica count",
  },
  tooFew: {
    reason: "TooFewReplicas",
    message: "the desired replica count is less than the minimum replica count",
  },
} satisfies Record<string, Limit>;

function limitedBy(limit: Limit | undefined): Normalized["limited"] {
  if (limit !== undefined) return { status: "True", ...limit };
  return {
    status: "False",
    reason: "DesiredWithinRange",
    message: "the desired count is within the acceptable range",
  };
}
