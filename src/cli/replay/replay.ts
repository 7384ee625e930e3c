/** `topology replay`: what KEDA and the HPA would have done, and what another policy would have. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import type { AutoscalerVersion } from "../../kubernetes/mod.ts";
import { readHttpClient } from "../../prometheus/mod.ts";
import { parseManifests } from "../manifests.ts";
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
import { queriesOf, type ReplayPolicy, type ReplaySteps, replay, STEP_MS } from "./replay-model.ts";
import { replayPage } from "./replay-page.ts";
import { asJson, printReport } from "./replay-report.ts";
import { type Costs, type ReplaySummary, summarize } from "./replay-summary.ts";
import { requireReplayable } from "./replay-triggers.ts";
import { type Variant, variantsOf } from "./replay-variants.ts";

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
  "scaled-object": text("FILE", "the ScaledObject", "k8s/test-topology/manifests/scaledobject.yaml"),
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
  const { print, disk } = machine;
  if (args.includes("--help")) {
    const sentence = "Steps KEDA and the HPA through history, and through variants of the policy.";
    print(helpText("replay (--data DIR | --prometheus URL) [options]", sentence, OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  const base = await readPolicy(machine, values["scaled-object"], values.name, values.kubernetes);
  const history = await openHistory(machine, values);
  try {
    const grid = gridOf(machine, history, values);
    const capacity: CapacityModel = {
      kind: values.model,
      perPod: capacityOf(base.object, values.capacity),
      startupSteps: Math.ceil(values.startup / grid.stepMs),
    };
    const variants = variantsOf(base, values.vary?.split(/\s+/).filter(Boolean) ?? []);
    for (const { name, policy } of variants) usage(name, () => requireReplayable(policy.object));
    const { histories, outages } = await readHistories(history, grid, variants);
    requireAnswers(base.object, histories, grid);
    const need = needOf(base.object, histories, capacity.perPod, grid.count);
    const costs: Costs = {
      perPodHour: cost(values["pod-cost"]),
      perShortPodHour: cost(values["short-cost"]),
      perChange: cost(values["change-cost"]),
    };
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
    const assumptions = assumptionsOf(capacity, grid, runs[0].steps.notes);
    const report = { grid, need, runs, best, assumptions, changes: values.changes };
    if (values.json) print(`${JSON.stringify(asJson(report), null, 2)}\n`);
    else printReport(machine, report);
    if (values.html !== undefined) {
      const title = `Replay of ${base.object.metadata.name}`;
      const { startMs, stepMs } = grid;
      const about = `History of ${queriesOf(base.object).join(", ")} from ${values.data ?? values.prometheus}.`;
      const page = replayPage({ title, about, startMs, stepMs, need, runs, best, assumptions });
      await disk.writeFile(values.html, page).catch((error: Error) => {
        throw new UsageError(`--html ${values.html}: ${error.message}`);
      });
      if (!values.json) print(`\n${values.html} written\n`);
    }
    return 0;
  } finally {
    await history.close();
  }
};

/** What goes wrong in it is the user's matter. @throws UsageError that says where */
function usage(where: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`);
  }
}

async function readPolicy(
  { disk }: Machine,
  path: string,
  name: string | undefined,
  version: string,
): Promise<ReplayPolicy> {
  if (version !== "1.28" && version !== "1.37") throw new UsageError(`--kubernetes ${version}: 1.28 or 1.37`);
  let content: string;
  try {
    content = new TextDecoder().decode(await disk.readFile(path));
  } catch {
    throw new UsageError(`--scaled-object ${path}: no such file`);
  }
  const found = parseManifests(content, path).filter(({ object }) => object.kind === "ScaledObject");
  if (found.length === 0) throw new UsageError(`${path}: there is no ScaledObject in it`);
  const named = found.filter(({ object }) => name === undefined || object.metadata.name === name);
  if (named.length !== 1) {
    const names = found.map(({ object }) => object.metadata.name).join(", ");
    throw new UsageError(
      `${path}: ${name === undefined ? "" : `--name ${name}: `}there are ${names}; choose by --name`,
    );
  }
  return {
    object: named[0].object as ScaledObject,
    kubernetes: version as AutoscalerVersion,
    tolerance: 0.1,
  };
}

async function openHistory(
  machine: Machine,
  values: { data?: string; prometheus?: string; "http.config.file"?: string; "lookback-delta": number },
): Promise<History> {
  const { data, prometheus } = values;
  const lookbackMs = values["lookback-delta"] || undefined;
  if ((data === undefined) === (prometheus === undefined)) {
    throw new UsageError("one of --data DIR and --prometheus URL is needed");
  }
  const configFile = values["http.config.file"];
  if (prometheus !== undefined) {
    if (!/^https?:\/\/[^/]/.test(prometheus) || !URL.canParse(prometheus))
      throw new UsageError(`--prometheus ${prometheus}: no URL such as http://localhost:9090`);
    const request = await requestBy(machine, configFile);
    const { signal } = machine;
    return openRemoteHistory(prometheus, (url, options) => request(url, { ...options, signal }), lookbackMs);
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
        throw new UsageError(`${query}: ${error.message}`);
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
  const answers = (query: string) => histories.get(query)!.values.some((value) => !Number.isNaN(value));
  if (queries.length === 0 || queries.some(answers)) return;
  const [from, to] = [grid.startMs, grid.startMs + (grid.count - 1) * grid.stepMs];
  const time = `from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
  throw new UsageError(`${queries.join(", ")}: answers nothing ${time}; is the metric there?`);
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
