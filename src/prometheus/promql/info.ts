/** `info()`: labels of info metrics, such as `target_info`, on the series they describe (`promql/info.go`). */
import { compareStrings, Labels, METADATA_LABELS, METRIC_NAME } from "../../model/labels.ts";
import { createMatcher, type Matcher } from "../matcher.ts";
import type { SeriesSamples } from "../storage.ts";
import type { EvaluationContext } from "./evaluation-context.ts";
import type { VectorCall } from "./functions/function-implementation.ts";
import type { Grid } from "./grid.ts";
import { infoReference } from "./info-reference.ts";
import { LookbackPlanner, lookBack } from "./lookback.ts";
import type { Expression, VectorSelector } from "./parser/ast.ts";
import { duplicateLabelSet, executionError } from "./query-error.ts";
import { escapeRegex } from "./regex-escape.ts";
import { ColumnBuilder, StepSeries } from "./step-series.ts";

/** The labels that say which info series belongs to which series. */
const IDENTIFYING_LABELS = ["instance", "job"];
const DEFAULT_INFO_METRIC = "target_info";

/** An info series at the steps of the grid, and when each of its samples was taken. */
interface InfoSeries {
  labels: Labels;
  present: Uint8Array;
  sampleTimes: Float64Array;
}

export async function info({ context, call }: VectorCall): Promise<StepSeries[]> {
  const [vector, selector] = call.arguments;
  const base = await context.operands.evaluate(vector, context);
  const wanted = wantedLabels(selector as VectorSelector | undefined);
  const isInfo = (series: StepSeries) =>
    wanted.nameMatchers.every((matcher) => matcher.matches(series.labels.get(METRIC_NAME)));
  const described = base.filter((series) => !isInfo(series));
  const infos = await selectInfos(described, wanted, vector, context);
  const joiner = new InfoJoiner(infos, wanted, context.grid);
  const out = new Map<string, { labels: Labels; columns: ColumnBuilder; dropsName: boolean }>();
  for (const series of base) {
    joiner.join(series, isInfo(series), (step, labels) => {
      let output = out.get(labels.key);
      if (output === undefined) {
        output = { labels, columns: new ColumnBuilder(context.grid), dropsName: series.dropsName };
        out.set(labels.key, output);
      }
      if (output.columns.present[step] === 1) throw duplicateLabelSet();
      output.columns.set(step, series.values[step], series.histograms?.[step]);
    });
    if (context.run.isDue) await context.run.pause();
  }
  return Array.from(
    out.values(),
    ({ labels, columns, dropsName }) => new StepSeries(labels, columns.finish(), { dropsName }),
  );
}

interface WantedLabels {
  /** Which metrics are info metrics. */
  nameMatchers: Matcher[];
  /** The labels asked for; all when there are none. */
  dataMatchers: Matcher[];
}

function wantedLabels(selector: VectorSelector | undefined): WantedLabels {
  const matchers = selector?.matchers ?? [];
  const names = matchers.filter(({ name }) => name === METRIC_NAME);
  const dataMatchers = matchers.filter(({ name }) => name !== METRIC_NAME);
  if (names.some(({ operator }) => operator === "=" || operator === "=~"))
    return { nameMatchers: names, dataMatchers };
  if (names.length > 0) {
    return { nameMatchers: [createMatcher(METRIC_NAME, "=~", ".+_info"), ...names], dataMatchers };
  }
  return { nameMatchers: [createMatcher(METRIC_NAME, "=", DEFAULT_INFO_METRIC)], dataMatchers };
}

async function selectInfos(
  described: readonly StepSeries[],
  { nameMatchers, dataMatchers }: WantedLabels,
  vector: Expression,
  { run, grid }: EvaluationContext,
): Promise<InfoSeries[]> {
  const sets = identifyingMatchers(described.map(({ labels }) => labels));
  if (sets.length === 0) return [];
  const { atMs, offsetMs } = infoReference(vector);
  const [startMs, endMs] = atMs === undefined ? [grid.startMs, grid.endMs] : [atMs, atMs];
  const range = { minMs: startMs - offsetMs - run.lookbackMs + 1, maxMs: endMs - offsetMs };
  const hints = { function: "info", signal: run.signal };
  const selections = sets.map((matchers) =>
    run.queryable.select([...matchers, ...dataMatchers, ...nameMatchers], range, hints),
  );
  const series = (await Promise.all(selections)).flat();
  const timeAt = atMs === undefined ? (step: number) => grid.timeAt(step) - offsetMs : () => atMs - offsetMs;
  const planner = new LookbackPlanner({ grid, lookbackMs: run.lookbackMs, timeAt });
  return series.flatMap((one) => infoSeries(one, planner, grid) ?? []);
}

/**
 * Matchers of the info series that can belong to some series. Those that lack an identifying label want info series
 * that lack it too, hence a set for each combination of labels that there are.
 */
function identifyingMatchers(described: readonly Labels[]): Matcher[][] {
  const sets = new Map<string, Set<string>[]>();
  for (const labels of described) {
    const values = IDENTIFYING_LABELS.map((name) => labels.get(name));
    if (values.every((value) => value === "")) continue;
    const key = values.map((value) => (value === "" ? "-" : "+")).join("");
    const known = sets.get(key) ?? IDENTIFYING_LABELS.map(() => new Set<string>());
    sets.set(key, known);
    values.forEach((value, i) => void known[i].add(value));
  }
  return Array.from(sets.values(), (values) =>
    IDENTIFYING_LABELS.map((name, i) =>
      values[i].has("")
        ? createMatcher(name, "=", "")
        : createMatcher(name, "=~", [...values[i]].map(escapeRegex).join("|")),
    ),
  );
}

function infoSeries(series: SeriesSamples, planner: LookbackPlanner, grid: Grid): InfoSeries | undefined {
  const plan = planner.planFor(series.timestamps);
  const seen = lookBack(series, plan, grid);
  if (seen === undefined) return undefined;
  if (seen.histograms?.some((histogram) => histogram !== undefined)) {
    throw executionError(`this should be an info metric, with float samples: ${series.labels}`);
  }
  const sampleTimes = Float64Array.from(plan.indexes, (index) => series.timestamps[index] ?? 0);
  return { labels: series.labels, present: seen.present, sampleTimes };
}

class InfoJoiner {
  readonly #bySignature = new Map<string, InfoSeries[]>();
  readonly #names: string[];
  readonly #wanted: WantedLabels;
  readonly #wantedNames: ReadonlySet<string>;
  readonly #grid: Grid;
  readonly #isRequired: boolean;

  constructor(infos: InfoSeries[], wanted: WantedLabels, grid: Grid) {
    this.#wanted = wanted;
    this.#wantedNames = new Set(wanted.dataMatchers.map(({ name }) => name));
    this.#isRequired = wanted.dataMatchers.some((matcher) => !matcher.matches(""));
    this.#grid = grid;
    for (const one of infos) {
      const key = signature(one.labels.get(METRIC_NAME), one.labels);
      const same = this.#bySignature.get(key);
      if (same === undefined) this.#bySignature.set(key, [one]);
      else same.push(one);
    }
    this.#names = [...new Set(infos.map(({ labels }) => labels.get(METRIC_NAME)))].sort(compareStrings);
    this.#checkConflicts();
  }

  /** Calls `put` for every sample of a series, with the labels that it is to have. */
  join(series: StepSeries, isInfo: boolean, put: (step: number, labels: Labels) => void): void {
    const candidates = isInfo
      ? []
      : this.#names.map((name) => this.#bySignature.get(signature(name, series.labels)) ?? []);
    const known = new Map<string, Labels>();
    for (let step = 0; step < this.#grid.count; step++) {
      if (series.present[step] === 0) continue;
      if (isInfo) {
        put(step, series.labels);
        continue;
      }
      const infos = candidates.flatMap((same) => newest(same, step) ?? []);
      if (infos.length === 0 && this.#isRequired) continue;
      const key = infos.map(({ labels }) => labels.key).join("\xfe");
      let labels = known.get(key);
      if (labels === undefined) {
        labels = this.#joined(series.labels, infos);
        known.set(key, labels);
      }
      put(step, labels);
    }
  }

  #joined(base: Labels, infos: InfoSeries[]): Labels {
    const added = new Map<string, string>();
    for (const { labels } of infos) {
      for (const [name, value] of labels) {
        if (METADATA_LABELS.has(name)) continue;
        if (this.#wanted.dataMatchers.length > 0 && !this.#wantedNames.has(name)) continue;
        const other = added.get(name);
        if (other !== undefined && other !== value) throw executionError(`conflicting label: ${name}`);
        if (!base.has(name)) added.set(name, value);
      }
    }
    return Labels.of([...base, ...added]);
  }

  /** Two info series of one signature, sampled at the same time, contradict each other. */
  #checkConflicts(): void {
    for (const same of this.#bySignature.values()) {
      for (let step = 0; same.length > 1 && step < this.#grid.count; step++) {
        const here = same.filter(({ present }) => present[step] === 1);
        const newestTime = Math.max(...here.map(({ sampleTimes }) => sampleTimes[step]));
        const rivals = here.filter(({ sampleTimes }) => sampleTimes[step] === newestTime);
        if (rivals.length < 2) continue;
        const [first, second] = rivals.map(({ labels }) => `${labels} @ ${newestTime}`);
        throw executionError(`found duplicate series for info metric: existing ${first}, new ${second}`);
      }
    }
  }
}

function newest(same: InfoSeries[], step: number): InfoSeries | undefined {
  let best: InfoSeries | undefined;
  for (const one of same) {
    if (one.present[step] === 0) continue;
    if (best === undefined || one.sampleTimes[step] > best.sampleTimes[step]) best = one;
  }
  return best;
}

function signature(metricName: string, labels: Labels): string {
  return [metricName, ...IDENTIFYING_LABELS.map((name) => labels.get(name))].join("\xff");
}
