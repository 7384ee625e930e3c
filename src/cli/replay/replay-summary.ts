/** What a replayed policy did, in numbers that can be compared. */
import type { ReplaySteps } from "./replay-model.ts";

/** A change of direction within this time is a flap. */
export const FLAP_WINDOW_MS = 10 * 60_000;

export interface Costs {
  perPodHour: number;
  /** Of one pod that was needed and not there. */
  perShortPodHour: number;
  /** Of each change of the number of pods. */
  perChange: number;
}

export interface ReplaySummary {
  podHours: number;
  peak: number;
  mean: number;
  changes: number;
  flaps: number;
  /** Pods that were needed and not there, times minutes. */
  shortPodMinutes: number;
  /** Pods that were there and not needed, times minutes. */
  wastedPodMinutes: number;
  /** From a need to enough pods, in seconds. */
  reactMedianSeconds: number;
  reactMaxSeconds: number;
  /** The HPA's decisions in which the tolerance kept a needed pod away, and the time of them in seconds. */
  hiddenDecisions: number;
  hiddenSeconds: number;
  /** Time in which an answer without a value was read as idleness, in seconds. */
  readAsIdleSeconds: number;
  fallbackSeconds: number;
  /** Closed loop: the most load that ever waited, in the metric's unit. */
  waitingPeak: number;
  cost: number;
}

/**
 * @param need pods that the load of each step takes, NaN where it is not known
 */
export function summarize(
  steps: ReplaySteps,
  need: Float64Array,
  stepMs: number,
  costs: Costs,
): ReplaySummary {
  const { replicas, ready, changes } = steps;
  const hours = stepMs / 3_600_000;
  let pods = 0;
  let short = 0;
  let wasted = 0;
  let peak = 0;
  for (let i = 0; i < replicas.length; i++) {
    pods += replicas[i];
    peak = Math.max(peak, replicas[i]);
    if (ready[i] < need[i]) short += need[i] - ready[i];
    else if (replicas[i] > need[i]) wasted += replicas[i] - need[i];
  }
  const reactions = reactionSteps(ready, need).sort((a, b) => a - b);
  const seconds = (flags: Uint8Array) => (flags.reduce((sum, flag) => sum + flag, 0) * stepMs) / 1000;
  const podHours = pods * hours;
  const flaps = countFlaps(changes, stepMs);
  const { perPodHour, perShortPodHour, perChange } = costs;
  return {
    podHours,
    peak,
    mean: replicas.length === 0 ? 0 : pods / replicas.length,
    changes: changes.length,
    flaps,
    shortPodMinutes: short * hours * 60,
    wastedPodMinutes: wasted * hours * 60,
    reactMedianSeconds: ((reactions[reactions.length >> 1] ?? 0) * stepMs) / 1000,
    reactMaxSeconds: ((reactions.at(-1) ?? 0) * stepMs) / 1000,
    hiddenDecisions: steps.hidden.reduce((sum, flag) => sum + flag, 0),
    hiddenSeconds: seconds(steps.hidden),
    readAsIdleSeconds: seconds(steps.readAsIdle),
    fallbackSeconds: seconds(steps.fallback),
    waitingPeak: steps.waiting.reduce((most, load) => Math.max(most, load), 0),
    cost: podHours * perPodHour + short * hours * perShortPodHour + changes.length * perChange,
  };
}

function countFlaps(changes: ReplaySteps["changes"], stepMs: number): number {
  let flaps = 0;
  for (let i = 1; i < changes.length; i++) {
    const turned = changes[i].to > changes[i].from !== changes[i - 1].to > changes[i - 1].from;
    if (turned && (changes[i].step - changes[i - 1].step) * stepMs <= FLAP_WINDOW_MS) flaps++;
  }
  return flaps;
}

/** For each time that more was needed than was there: steps until there was enough, or the need was gone. */
function reactionSteps(replicas: Int32Array, need: Float64Array): number[] {
  const reactions: number[] = [];
  let since: number | undefined;
  for (let i = 0; i < replicas.length; i++) {
    const isShort = replicas[i] < need[i];
    if (isShort && since === undefined) since = i;
    else if (!isShort && since !== undefined) {
      reactions.push(i - since);
      since = undefined;
    }
  }
  if (since !== undefined) reactions.push(replicas.length - since);
  return reactions;
}
