/** The replay for a terminal and as JSON, and what there is to say about it in words. */
import type { Machine } from "../../base/machine.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { formatTable } from "../table.ts";
import type { Grid } from "./replay-history.ts";
import type { ReplaySteps } from "./replay-model.ts";
import type { ReplaySummary } from "./replay-summary.ts";
import type { Variant } from "./replay-variants.ts";

const PICTURE_WIDTH = 60;
/** Policies whose replicas are drawn. */
const MAX_PICTURES = 12;

export interface ReplayRun {
  variant: Variant;
  steps: ReplaySteps;
  summary: ReplaySummary;
}

export interface Report {
  grid: Grid;
  need: Float64Array;
  runs: ReplayRun[];
  best: string;
  assumptions: string[];
  changes: boolean;
}

interface Column {
  title: string;
  about: string;
  cell: (summary: ReplaySummary) => string;
}

const minutes = (seconds: number) => `${Math.round(seconds / 60)} min`;

/** Of a policy, in the table of the terminal and of the page. */
export const COLUMNS: Column[] = [
  { title: "pod-hours", about: "pods times hours", cell: ({ podHours }) => podHours.toFixed(1) },
  {
    title: "short",
    about: "pods that were needed and not there, times minutes",
    cell: ({ shortPodMinutes }) => `${Math.round(shortPodMinutes)} pod-min`,
  },
  {
    title: "wasted",
    about: "pods that were there and not needed, times minutes",
    cell: ({ wastedPodMinutes }) => `${Math.round(wastedPodMinutes)} pod-min`,
  },
  { title: "peak", about: "most pods", cell: ({ peak }) => String(peak) },
  { title: "changes", about: "of the number of pods", cell: ({ changes }) => String(changes) },
  { title: "flaps", about: "changes back within ten minutes", cell: ({ flaps }) => String(flaps) },
  {
    title: "reacts in",
    about: "from a need to enough pods: median, and the longest",
    cell: ({ reactMedianSeconds, reactMaxSeconds }) => `${reactMedianSeconds} s, ${reactMaxSeconds} s`,
  },
  {
    title: "hidden",
    about: "the HPA's decisions in which its tolerance kept a needed pod away, and their time",
    cell: ({ hiddenDecisions, hiddenSeconds }) => `${hiddenDecisions} (${minutes(hiddenSeconds)})`,
  },
  {
    title: "read as idle",
    about: "time in which an answer without a value was read as 0",
    cell: ({ readAsIdleSeconds }) => minutes(readAsIdleSeconds),
  },
  { title: "cost", about: "by the costs that were given", cell: ({ cost }) => cost.toFixed(2) },
];

/** What a reader should know first, a sentence each. */
export function findingsOf(runs: ReplayRun[], best: string): string[] {
  const [{ summary: asItIs }] = runs;
  const findings: string[] = [];
  if (asItIs.hiddenSeconds > 0) {
    findings.push(
      `For ${duration(asItIs.hiddenSeconds)} the HPA's tolerance kept away a pod that was needed: set behavior.scaleUp.tolerance.`,
    );
  }
  if (asItIs.readAsIdleSeconds > 0) {
    findings.push(
      `For ${duration(asItIs.readAsIdleSeconds)} answers without a value were read as idleness: set ignoreNullValues "false" and a fallback.`,
    );
  }
  const short = Math.round(asItIs.shortPodMinutes);
  if (short >= 1) findings.push(`Pods were missing for ${short} pod-minute${short === 1 ? "" : "s"}.`);
  if (asItIs.flaps > 0)
    findings.push(`The number of pods turned back within ten minutes ${asItIs.flaps} times.`);
  if (asItIs.waitingPeak > 0)
    findings.push(`At worst, a load of ${asItIs.waitingPeak.toFixed(1)} waited for a pod.`);
  const winner = runs.find(({ variant }) => variant.name === best)!;
  if (runs.length > 1) {
    const saved = asItIs.cost - winner.summary.cost;
    findings.push(
      winner === runs[0]
        ? "No variant costs less than the policy as it is."
        : `Of ${runs.length} policies, ${best} costs least: ${winner.summary.cost.toFixed(2)}, which is ${saved.toFixed(2)} (${Math.round((100 * saved) / asItIs.cost)} %) less than as it is.`,
    );
  }
  return findings.length === 0 ? ["Enough pods at every moment, and nothing hidden."] : findings;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} seconds`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

export function printReport({ print }: Machine, report: Report): void {
  const { grid, need, runs, best, assumptions, changes } = report;
  const time = (step: number) =>
    new Date(grid.startMs + step * grid.stepMs).toISOString().slice(0, 19).replace("T", " ");
  print(`${time(0)} to ${time(grid.count - 1)} UTC\n\n`);
  const rows = runs.map(({ variant, summary }) => [
    variant.name === best && runs.length > 1 ? `${variant.name} *` : variant.name,
    ...COLUMNS.map(({ cell }) => cell(summary)),
  ]);
  print(formatTable([["policy", ...COLUMNS.map(({ title }) => title)], ...rows]));
  if (runs.length > 1) print("* costs least\n");
  const drawn = runs.slice(0, MAX_PICTURES);
  const top = Math.max(1, ...drawn.map(({ summary }) => summary.peak), largest(need));
  print(`\nneeded   ${picture(need, top)}\n`);
  for (const { variant, steps } of drawn)
    print(`replicas ${picture(steps.replicas, top)}  ${variant.name}\n`);
  if (changes) {
    for (const { step, from, to, by, reason } of runs[0].steps.changes)
      print(`${time(step)}  ${from} → ${to}  ${by}: ${reason}\n`);
  }
  print(
    `\n${findingsOf(runs, best)
      .map((text) => `${text}\n`)
      .join("")}`,
  );
  print(`\n${assumptions.map((text) => `- ${text}\n`).join("")}`);
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  return most;
}

const BARS = " ▁▂▃▄▅▆▇█";

function picture(values: ArrayLike<number>, top: number): string {
  const width = Math.min(PICTURE_WIDTH, values.length);
  let text = "";
  for (let column = 0; column < width; column++) {
    let most = 0;
    const end = Math.floor(((column + 1) * values.length) / width);
    for (let i = Math.floor((column * values.length) / width); i < end; i++)
      if (values[i] > most) most = values[i];
    text += BARS[Math.ceil((most / top) * (BARS.length - 1))];
  }
  return `${text} ${largest(values)}`;
}

/** With `replicas` as runs of the same number: `[[time, pods], …]`. */
export function asJson({ grid, runs, best, assumptions }: Report) {
  const time = (step: number) => new Date(grid.startMs + step * grid.stepMs).toISOString();
  return {
    from: time(0),
    to: time(grid.count - 1),
    stepSeconds: grid.stepMs / 1000,
    best,
    findings: findingsOf(runs, best),
    assumptions,
    variants: runs.map(({ variant, steps, summary }) => ({
      name: variant.name,
      threshold: thresholdOf(variant.policy.object),
      summary,
      replicas: runLengths(steps.replicas).map(([step, pods]) => [time(step), pods]),
      changes: steps.changes.map(({ step, ...change }) => ({ time: time(step), ...change })),
    })),
  };
}

function runLengths(values: Int32Array): [step: number, value: number][] {
  const runs: [number, number][] = [];
  values.forEach((value, step) => {
    if (runs.at(-1)?.[1] !== value) runs.push([step, value]);
  });
  return runs;
}

function thresholdOf({ spec }: ScaledObject): number | undefined {
  const threshold = spec.triggers.find(({ type }) => type === "prometheus")?.metadata.threshold;
  return threshold === undefined ? undefined : parseQuantity(threshold);
}
