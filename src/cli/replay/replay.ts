/** `topology replay`: what KEDA and the HPA would have done, and what another policy would have. */
import { isMissing } from "../../base/disk.ts";
import type { CliCommand, Machine } from "../../base/machine.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import { readHttpClient } from "../../prometheus/mod.ts";
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
} from "../options.ts";
import { CAPACITY_MODELS, type CapacityModel } from "./replay-capacity.ts";
import {
  type Grid,
  type History,
  openDirectoryHistory,
  openRemoteHistory,
  type QueryHistory,
} from "./replay-history.ts";
import { queriesOf, type ReplaySteps, replay, STEP_MS } from "./replay-model.ts";
import { replayPage } from "./replay-page.ts";
import { DEFAULT_POLICY, readPolicy, requireReplayable } from "./replay-policy.ts";
import { asJson, printReport } from "./replay-report.ts";
import { type Costs, type ReplaySummary, summarize } from "./replay-summary.ts";
import { AS_IT_IS, type Variant, variantsOf } from "./replay-variants.ts";

/** What is replayed unless told otherwise. */
const DEFAULT_SPAN_MS = 7 * 24 * 3_600_000;
/** A replay's steps: half a year at 15 s. */
const MAX_STEPS = 1_100_000;
/** Without a scrape for this long Prometheus itself was away. */
const OUTAGE_MS = 60_000;
const MIN_STEP_MS = 100;
const LAST_SCRAPE_QUERY = "max(timestamp(up))";

const OPTIONS = {
  data: optionalText("DIR", "a Prometheus data directory; nothing in it is changed"),
  prometheus: optionalText("URL", "a Prometheus (or Thanos, Mimir, …) to ask instead"),
  "http.config.file": optionalText("FILE", "how to ask it, as promtool has it: authorization, TLS, headers"),
  "scaled-object": optionalText("FILE", "the ScaledObject (default: the topology's own)"),
  name: optionalText("NAME", "which ScaledObject of the file, where there are several"),
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
  "lookback-delta": duration("how far a query looks back, as Prometheus has it (0: 5m, or its own)", 0),
  changes: flag("list every change of the replicas"),
  json: flag("the result as JSON"),
  html: optionalText("FILE", "write a page with charts, all in one file"),
};

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

export const command: CliCommand = async (args, machine) => {
  try {
    return await run(args, machine);
  } catch (error) {
    if (!machine.signal.aborted) throw error;
    machine.printError("topology: interrupted, nothing is reported\n");
    return INTERRUPTED;
  }
};

const run: CliCommand = async (args, machine) => {
  const { print } = machine;
  if (args.includes("--help")) {
    const sentence = "Steps KEDA and the HPA through history, and through variants of the policy.";
    print(helpText("replay (--data DIR | --prometheus URL) [options]", sentence, OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  requireOneSource(values);
  const path = values["scaled-object"] ?? DEFAULT_POLICY;
  const base = await readPolicy(machine, path, values.name, values.kubernetes);
  const variants = variantsOf(base, values.vary?.split(/\s+/).filter(Boolean) ?? []);
  for (const { name, policy } of variants) {
    const where = name === AS_IT_IS ? path : `--vary ${name}`;
    await requireReplayable(policy.object).catch((error: Error) => {
      throw new UsageError(`${where}: ${error.message}`);
    });
  }
  const perPod = capacityOf(base.object, values.capacity);
  const costs: Costs = {
    perPodHour: costOf(values, "pod-cost"),
    perShortPodHour: costOf(values, "short-cost"),
    perChange: costOf(values, "change-cost"),
  };
  if (values.html !== undefined) await writePage(machine, values.html, "");
  const history = await openHistory(machine, values);
  try {
    const grid = gridOf(machine, history, values);
    const capacity: CapacityModel = {
      kind: values.model,
      perPod,
      startupSteps: Math.ceil(values.startup / grid.stepMs),
    };
    const { histories, outages } = await readHistories(history, grid, variants);
    requireAnswers(base.object, histories, grid);
    const need = needOf(base.object, histories, capacity.perPod, grid.count);
    const first = need.find((pods) => !Number.isNaN(pods)) ?? 1;
    const initialReplicas = values["initial-replicas"] || first;
    const giveWay = () => machine.clock.sleep(0, machine.signal);
    const runs: { variant: Variant; steps: ReplaySteps; summary: ReplaySummary }[] = [];
    for (const variant of variants) {
      const { policy } = variant;
      const steps = await replay({ policy, grid, histories, outages, initialReplicas, capacity, giveWay });
      runs.push({ variant, steps, summary: summarize(steps, need, grid.stepMs, costs) });
    }
    const best = runs.reduce((a, b) => (b.summary.cost < a.summary.cost ? b : a)).variant.name;
    const notes = [...runs[0].steps.notes, ...severalNotes(base.object, histories)];
    const assumptions = assumptionsOf(capacity, grid, notes);
    const report = { grid, need, runs, best, assumptions, changes: values.changes };
    if (values.json) print(`${JSON.stringify(asJson(report), null, 2)}\n`);
    else printReport(machine, report);
    if (values.html !== undefined) {
      const title = `Replay of ${base.object.metadata.name}`;
      const { startMs, stepMs } = grid;
      const about = `History of ${queriesOf(base.object).join(", ")} from ${values.data ?? values.prometheus}.`;
      const page = replayPage({ title, about, startMs, stepMs, need, runs, best, assumptions });
      await writePage(machine, values.html, page);
      if (!values.json) print(`\n${values.html} written\n`);
    }
    return 0;
  } finally {
    await history.close();
  }
};

/** Empty first, so that a place that can't be written is told before anything is computed. */
async function writePage({ disk }: Machine, path: string, page: string): Promise<void> {
  await disk.writeFile(path, page).catch((error: Error) => {
    throw new UsageError(`--html ${path}: ${isMissing(error) ? "there is no such folder" : error.message}`);
  });
}

function requireOneSource({ data, prometheus }: { data?: string; prometheus?: string }): void {
  if ((data === undefined) === (prometheus === undefined))
    throw new UsageError("one of --data DIR and --prometheus URL is needed");
}

async function openHistory(
  machine: Machine,
  values: { data?: string; prometheus?: string; "http.config.file"?: string; "lookback-delta": number },
): Promise<History> {
  const { data, prometheus } = values;
  const lookbackMs = values["lookback-delta"] || undefined;
  const configFile = values["http.config.file"];
  if (prometheus !== undefined) {
    if (!/^https?:\/\/[^/]/.test(prometheus) || !URL.canParse(prometheus))
      throw new UsageError(`--prometheus ${prometheus}: no URL such as http://localhost:9090`);
    const request = await requestBy(machine, configFile);
    const { signal } = machine;
    const refused = (error: unknown) => {
      throw signal.aborted
        ? error
        : new UsageError(`--prometheus ${prometheus}: ${describeNetworkError(error)}`);
    };
    const ask: typeof request = (url, options) => request(url, { ...options, signal }).catch(refused);
    return openRemoteHistory(prometheus, ask, lookbackMs);
  }
  if (configFile !== undefined) throw new UsageError("--http.config.file goes with --prometheus");
  try {
    return await openDirectoryHistory(data!, machine, lookbackMs);
  } catch (error) {
    throw new UsageError(`--data ${data}: ${(error as Error).message}`);
  }
}

async function requestBy(machine: Machine, configFile: string | undefined) {
  if (configFile === undefined) return machine.network.fetch;
  try {
    return await readHttpClient(configFile, machine);
  } catch (error) {
    throw new UsageError(`--http.config.file ${configFile}: ${(error as Error).message}`);
  }
}

interface GridValues {
  data?: string;
  from?: string;
  to?: string;
  "horizontal-pod-autoscaler-sync-period": number;
}

function gridOf({ clock }: Machine, { range }: History, values: GridValues): Grid {
  const { data, from, to, "horizontal-pod-autoscaler-sync-period": stepMs } = values;
  const nowMs = clock.now();
  if (range !== undefined && !Number.isFinite(range.maxMs))
    throw new UsageError(`--data ${data}: there are no samples to replay`);
  const endMs = to === undefined ? Math.min(range?.maxMs ?? nowMs, nowMs) : timeOf("--to", to, nowMs);
  const fallback = Math.max(endMs - DEFAULT_SPAN_MS, range?.minMs ?? 0);
  const startMs = from === undefined ? fallback : timeOf("--from", from, nowMs);
  if (range !== undefined && (startMs > range.maxMs || endMs < range.minMs)) {
    const [first, last] = [range.minMs, range.maxMs].map((ms) => new Date(ms).toISOString());
    throw new UsageError(`there are no samples in that time: the data is from ${first} to ${last}`);
  }
  if (startMs >= endMs) throw new UsageError("--from lies after --to");
  if (stepMs < MIN_STEP_MS) throw new UsageError("--horizontal-pod-autoscaler-sync-period: 100ms at least");
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
      if (histories.has(query)) continue;
      const refused = (error: Error) => {
        throw error instanceof UsageError ? error : new UsageError(`${query}: ${error.message}`);
      };
      histories.set(query, await history.query(query, grid).catch(refused));
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

/** @throws UsageError where no query of the ScaledObject ever answers: nothing could be told of it */
function requireAnswers(
  object: ScaledObject,
  histories: ReadonlyMap<string, QueryHistory>,
  grid: Grid,
): void {
  const queries = queriesOf(object);
  const answers = (query: string) => {
    const { values, several } = histories.get(query)!;
    return values.some((value, step) => !Number.isNaN(value) && several[step] === 0);
  };
  if (queries.length === 0 || queries.some(answers)) return;
  const many = queries.find((query) => histories.get(query)!.several.includes(1));
  if (many !== undefined)
    throw new UsageError(
      `${many}: answers with several series, of which KEDA takes only one: aggregate, by sum()`,
    );
  const [from, to] = [grid.startMs, grid.startMs + (grid.count - 1) * grid.stepMs];
  const time = `from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
  throw new UsageError(`${queries.join(", ")}: answers nothing ${time}; is the metric there?`);
}

/** Queries that sometimes had more than one answer. */
function severalNotes(object: ScaledObject, histories: ReadonlyMap<string, QueryHistory>): string[] {
  return queriesOf(object).flatMap((query) => {
    const { several } = histories.get(query)!;
    const count = several.reduce((sum, one) => sum + one, 0);
    if (count === 0) return [];
    const share = Math.max(1, Math.round((100 * count) / several.length));
    return [`${query} answered with several series in ${share} % of the steps, which is an error to KEDA`];
  });
}

/** What one pod can take of the first Prometheus trigger's metric, or of the formula's. */
function capacityOf({ spec }: ScaledObject, given: string | undefined): number {
  if (given !== undefined) {
    const capacity = Number(given);
    if (!(capacity > 0) || !Number.isFinite(capacity))
      throw new UsageError(`--capacity ${given}: a number above 0 is needed`);
    return capacity;
  }
  const trigger = spec.triggers.find(({ type }) => type === "prometheus");
  const capacity = Number(trigger?.metadata.threshold ?? spec.advanced?.scalingModifiers?.target);
  if (capacity > 0) return capacity;
  if (trigger === undefined) return 1;
  throw new UsageError("--capacity is needed: the ScaledObject says of no metric what one pod can take");
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

function costOf<K extends string>(values: Record<K, string>, option: K): number {
  const number = Number(values[option]);
  if (values[option].trim() === "" || !(number >= 0) || !Number.isFinite(number))
    throw new UsageError(`--${option} ${values[option]}: a cost is a number from 0`);
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
