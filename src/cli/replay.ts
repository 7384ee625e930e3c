/** `topology replay`: what KEDA and the HPA would have done, and what another policy would have. */
import type { CliCommand, Machine } from "../base/machine.ts";
import type { ScaledObject } from "../keda/mod.ts";
import type { AutoscalerVersion } from "../kubernetes/mod.ts";
import { parseQuantity } from "../model/quantity.ts";
import { parseManifests } from "./manifests.ts";
import {
  choice,
  duration,
  flag,
  helpText,
  integer,
  optionalText,
  parseDurationMs,
  parseOptions,
  text,
  UsageError,
} from "./options.ts";
import { CAPACITY_MODELS, type CapacityModel } from "./replay-capacity.ts";
import {
  type Grid,
  type History,
  openDirectoryHistory,
  openRemoteHistory,
  type QueryHistory,
} from "./replay-history.ts";
import { queriesOf, type ReplayPolicy, type ReplaySteps, replay, STEP_MS } from "./replay-model.ts";
import { replayPage } from "./replay-page.ts";
import { type Costs, type ReplaySummary, summarize } from "./replay-summary.ts";
import { type Variant, variantsOf } from "./replay-variants.ts";
import { formatTable } from "./table.ts";

/** What is replayed unless told otherwise. */
const DEFAULT_SPAN_MS = 7 * 24 * 3_600_000;
/** A replay's steps: half a year at 15 s. */
const MAX_STEPS = 1_100_000;
/** Without a scrape for this long Prometheus itself was away. */
const OUTAGE_MS = 60_000;
const LAST_SCRAPE_QUERY = "max(timestamp(up))";
const PICTURE_WIDTH = 60;

const OPTIONS = {
  data: optionalText("DIR", "a Prometheus data directory; nothing in it is changed"),
  prometheus: optionalText("URL", "a Prometheus (or Thanos, Mimir, …) to ask instead"),
  "scaled-object": text("FILE", "the ScaledObject", "k8s/test-topology/manifests/scaledobject.yaml"),
  vary: optionalText("FIELD=VALUES", "other policies: threshold=1..10, tolerance=0,0.1; separated by spaces"),
  from: optionalText("TIME", "RFC 3339, or an age such as 7d (default: the last 7 days)"),
  to: optionalText("TIME", "RFC 3339, or an age (default: the last sample)"),
  capacity: optionalText("N", "what one pod can take of the metric (default: the ScaledObject's threshold)"),
  model: choice("MODEL", "what pods do to the metric: open (nothing), saturating, queueing", CAPACITY_MODELS),
  startup: duration("from asking for a pod to its taking load", 0),
  "initial-replicas": integer("N", "pods at the beginning (0: as many as the first value needs)", 0, {
    min: 0,
    max: 100_000,
  }),
  "horizontal-pod-autoscaler-sync-period": duration("how often the HPA looks: the step", STEP_MS),
  kubernetes: text("VERSION", "whose HPA: 1.28 or 1.37", "1.37"),
  "pod-cost": text("COST", "of a pod for an hour", "1"),
  "short-cost": text("COST", "of a pod that is needed and missing, for an hour", "10"),
  "change-cost": text("COST", "of each change of the number of pods", "0"),
  changes: flag("list every change of the replicas"),
  json: flag("the result as JSON"),
  html: optionalText("FILE", "write a page with charts, all in one file"),
};

export const command: CliCommand = async (args, machine) => {
  const { print, disk } = machine;
  if (args.includes("--help")) {
    const sentence = "Steps KEDA and the HPA through history, and through variants of the policy.";
    print(helpText("replay (--data DIR | --prometheus URL) [options]", sentence, OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  const base = await readPolicy(machine, values["scaled-object"], values.kubernetes);
  const history = await openHistory(machine, values);
  try {
    const grid = gridOf(machine, history, values);
    const capacity: CapacityModel = {
      kind: values.model,
      perPod: capacityOf(base.object, values.capacity),
      startupSteps: Math.ceil(values.startup / grid.stepMs),
    };
    const variants = variantsOf(base, values.vary?.split(/\s+/).filter(Boolean) ?? []);
    const { histories, outages } = await readHistories(history, grid, variants);
    const need = needOf(base.object, histories, capacity.perPod, grid.count);
    const costs: Costs = {
      perPodHour: cost(values["pod-cost"]),
      perShortPodHour: cost(values["short-cost"]),
      perChange: cost(values["change-cost"]),
    };
    const first = need.find((pods) => !Number.isNaN(pods)) ?? 1;
    const initialReplicas = values["initial-replicas"] || first;
    const runs: { variant: Variant; steps: ReplaySteps; summary: ReplaySummary }[] = [];
    for (const variant of variants) {
      const { policy } = variant;
      const steps = await replay({ policy, grid, histories, outages, initialReplicas, capacity });
      runs.push({ variant, steps, summary: summarize(steps, need, grid.stepMs, costs) });
    }
    const best = runs.reduce((a, b) => (b.summary.cost < a.summary.cost ? b : a)).variant.name;
    const assumptions = assumptionsOf(capacity, grid, runs[0].steps.notes);
    if (values.json) print(`${JSON.stringify(asJson(grid, runs, best, assumptions), null, 2)}\n`);
    else printReport(machine, { grid, need, runs, best, assumptions, changes: values.changes });
    if (values.html !== undefined) {
      const title = `Replay of ${base.object.metadata.name}`;
      const { startMs, stepMs } = grid;
      await disk.writeFile(
        values.html,
        replayPage({ title, startMs, stepMs, need, runs, best, assumptions }),
      );
      if (!values.json) print(`\n${values.html} written\n`);
    }
    return 0;
  } finally {
    await history.close();
  }
};

async function readPolicy({ disk }: Machine, path: string, version: string): Promise<ReplayPolicy> {
  if (version !== "1.28" && version !== "1.37") throw new UsageError(`--kubernetes ${version}: 1.28 or 1.37`);
  let content: string;
  try {
    content = new TextDecoder().decode(await disk.readFile(path));
  } catch {
    throw new UsageError(`--scaled-object ${path}: no such file`);
  }
  const found = parseManifests(content, path).find(({ object }) => object.kind === "ScaledObject");
  if (found === undefined) throw new UsageError(`${path}: there is no ScaledObject in it`);
  return { object: found.object as ScaledObject, kubernetes: version as AutoscalerVersion, tolerance: 0.1 };
}

async function openHistory(
  machine: Machine,
  { data, prometheus }: { data?: string; prometheus?: string },
): Promise<History> {
  if ((data === undefined) === (prometheus === undefined)) {
    throw new UsageError("one of --data DIR and --prometheus URL is needed");
  }
  if (prometheus !== undefined) return openRemoteHistory(prometheus, machine.network);
  try {
    return await openDirectoryHistory(data!, machine);
  } catch (error) {
    throw new UsageError(`--data ${data}: ${(error as Error).message}`);
  }
}

interface GridValues {
  from?: string;
  to?: string;
  "horizontal-pod-autoscaler-sync-period": number;
}

function gridOf({ clock }: Machine, { range }: History, values: GridValues): Grid {
  const { from, to, "horizontal-pod-autoscaler-sync-period": stepMs } = values;
  const nowMs = clock.now();
  if (range !== undefined && !Number.isFinite(range.maxMs))
    throw new UsageError("there are no samples to replay");
  const endMs = to === undefined ? Math.min(range?.maxMs ?? nowMs, nowMs) : timeOf("--to", to, nowMs);
  const fallback = Math.max(endMs - DEFAULT_SPAN_MS, range?.minMs ?? 0);
  const startMs = from === undefined ? fallback : timeOf("--from", from, nowMs);
  if (startMs >= endMs) throw new UsageError("--from lies after --to");
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  if (count > MAX_STEPS)
    throw new UsageError(
      `that are more than ${MAX_STEPS} steps of ${stepMs / 1000} s: choose --from and --to`,
    );
  return { startMs, stepMs, count };
}

function timeOf(option: string, value: string, nowMs: number): number {
  const parsed = Date.parse(value);
  if (/^\d{4}-/.test(value) && !Number.isNaN(parsed)) return parsed;
  try {
    return nowMs - parseDurationMs(value);
  } catch {
    throw new UsageError(
      `${option} ${value}: neither a time such as 2026-01-31T12:00:00Z nor an age such as 7d`,
    );
  }
}

async function readHistories(history: History, grid: Grid, variants: Variant[]) {
  const histories = new Map<string, QueryHistory>();
  for (const { policy } of variants) {
    for (const query of queriesOf(policy.object)) {
      if (!histories.has(query)) histories.set(query, await history.query(query, grid));
    }
  }
  const scraped = await history.query(LAST_SCRAPE_QUERY, grid);
  const outages = new Uint8Array(grid.count);
  // Data without `up` (remote write alone) says nothing of outages.
  if (scraped.values.some((value) => !Number.isNaN(value))) {
    for (let i = 0; i < grid.count; i++) {
      const lastMs = scraped.values[i] * 1000;
      if (Number.isNaN(lastMs) || grid.startMs + i * grid.stepMs - lastMs > OUTAGE_MS) outages[i] = 1;
    }
  }
  return { histories, outages };
}

function capacityOf({ spec }: ScaledObject, given: string | undefined): number {
  const threshold = spec.triggers.find(({ type }) => type === "prometheus")?.metadata.threshold;
  const capacity = Number(given ?? threshold);
  if (!(capacity > 0))
    throw new UsageError("--capacity: a number above 0 is needed, since the ScaledObject has no threshold");
  return capacity;
}

/** Pods that the load takes: the first Prometheus trigger's value over what one pod can take, and the minimum at least. */
function needOf(
  object: ScaledObject,
  histories: ReadonlyMap<string, QueryHistory>,
  capacity: number,
  count: number,
): Float64Array {
  const need = new Float64Array(count).fill(Number.NaN);
  const [query] = queriesOf(object);
  const values = query === undefined ? undefined : histories.get(query)?.values;
  if (values === undefined) return need;
  const { minReplicaCount = 0 } = object.spec;
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(values[i])) continue;
    need[i] = Math.max(Math.ceil(values[i] / capacity - 1e-9), minReplicaCount);
  }
  return need;
}

function cost(value: string): number {
  const number = Number(value);
  if (value.trim() === "" || !(number >= 0)) throw new UsageError(`${value}: a cost is a number from 0`);
  return number;
}

const LOOPS: Record<CapacityModel["kind"], string> = {
  open: "History does not react: the metric is what it was, whatever number of pods the policy would have made (open loop).",
  saturating:
    "Pods show no more of the metric than they can take; the recorded metric is taken for the load (closed loop).",
  queueing:
    "What pods can't take in a step waits and comes on top in the next; the recorded metric is taken for the load (closed loop).",
};

function assumptionsOf(
  { kind, perPod, startupSteps }: CapacityModel,
  { stepMs }: Grid,
  notes: string[],
): string[] {
  const started = startupSteps === 0 ? "at once" : `after ${(startupSteps * stepMs) / 1000} s`;
  return [
    LOOPS[kind],
    `One pod takes ${perPod} of the metric; what is needed beyond the pods that are there is short, the rest is wasted.`,
    `A pod takes load ${started}. The HPA looks every ${stepMs / 1000} s, KEDA at its polling interval.`,
    `Prometheus was away where nothing had been scraped for ${OUTAGE_MS / 1000} s; then the query fails instead of being empty.`,
    ...notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`),
  ];
}

interface Report {
  grid: Grid;
  need: Float64Array;
  runs: { variant: Variant; steps: ReplaySteps; summary: ReplaySummary }[];
  best: string;
  assumptions: string[];
  changes: boolean;
}

function printReport({ print }: Machine, { grid, need, runs, best, assumptions, changes }: Report): void {
  const time = (step: number) =>
    new Date(grid.startMs + step * grid.stepMs).toISOString().slice(0, 19).replace("T", " ");
  print(`${time(0)} to ${time(grid.count - 1)} UTC\n\n`);
  const header = [
    "policy",
    "pod-hours",
    "short",
    "wasted",
    "peak",
    "changes",
    "flaps",
    "reacts in",
    "hidden",
    "read as idle",
    "cost",
  ];
  const rows = runs.map(({ variant, summary }) => [
    variant.name === best && runs.length > 1 ? `${variant.name} *` : variant.name,
    summary.podHours.toFixed(1),
    `${Math.round(summary.shortPodMinutes)} pod-min`,
    `${Math.round(summary.wastedPodMinutes)} pod-min`,
    String(summary.peak),
    String(summary.changes),
    String(summary.flaps),
    `${summary.reactMedianSeconds}s`,
    `${Math.round(summary.hiddenSeconds / 60)}m`,
    `${Math.round(summary.readAsIdleSeconds / 60)}m`,
    summary.cost.toFixed(2),
  ]);
  print(formatTable([header, ...rows]));
  print(`\nneeded   ${picture(need)}\n`);
  for (const { variant, steps } of runs.slice(0, 12))
    print(`replicas ${picture(steps.replicas)}  ${variant.name}\n`);
  if (changes) {
    for (const { step, from, to, by, reason } of runs[0].steps.changes)
      print(`${time(step)}  ${from} → ${to}  ${by}: ${reason}\n`);
  }
  const hidden = runs[0].summary.hiddenSeconds;
  if (hidden > 0) {
    print(
      `\nFor ${Math.round(hidden / 60)} minutes the HPA's tolerance kept away a pod that was needed: set behavior.scaleUp.tolerance.\n`,
    );
  }
  if (runs[0].summary.readAsIdleSeconds > 0) {
    print('\nEmpty answers were read as idleness: set ignoreNullValues "false" and a fallback.\n');
  }
  if (runs.length > 1) print(`\n* costs least\n`);
  print(`\n${assumptions.map((text) => `- ${text}\n`).join("")}`);
}

const BARS = " ▁▂▃▄▅▆▇█";

function picture(values: ArrayLike<number>): string {
  let top = 1;
  for (let i = 0; i < values.length; i++) if (values[i] > top) top = values[i];
  const width = Math.min(PICTURE_WIDTH, values.length);
  let text = "";
  for (let column = 0; column < width; column++) {
    let most = 0;
    const end = Math.floor(((column + 1) * values.length) / width);
    for (let i = Math.floor((column * values.length) / width); i < end; i++)
      if (values[i] > most) most = values[i];
    text += BARS[Math.ceil((most / top) * (BARS.length - 1))];
  }
  return `${text} ${top}`;
}

function asJson(grid: Grid, runs: Report["runs"], best: string, assumptions: string[]) {
  const time = (step: number) => new Date(grid.startMs + step * grid.stepMs).toISOString();
  return {
    from: time(0),
    to: time(grid.count - 1),
    stepSeconds: grid.stepMs / 1000,
    best,
    assumptions,
    variants: runs.map(({ variant, steps, summary }) => ({
      name: variant.name,
      threshold: thresholdOf(variant.policy.object),
      summary,
      changes: steps.changes.map(({ step, ...change }) => ({ time: time(step), ...change })),
    })),
  };
}

function thresholdOf({ spec }: ScaledObject): number | undefined {
  const threshold = spec.triggers.find(({ type }) => type === "prometheus")?.metadata.threshold;
  return threshold === undefined ? undefined : parseQuantity(threshold);
}
