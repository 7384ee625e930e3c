/** Runs one group of unit tests of rules (`testGroup.test` in upstream's `cmd/promtool/unittest.go`). */
import { silentLogger } from "../../../base/log.ts";
import type { Machine } from "../../../base/machine.ts";
import { formatGoDuration } from "../../../model/go-duration.ts";
import { quoteGo } from "../../../model/go-quote.ts";
import { histogramProblem } from "../../../model/histogram-problem.ts";
import { formatDuration } from "../../config/units.ts";
import type { ParserOptions } from "../../promql/mod.ts";
import { Engine } from "../../promql/mod.ts";
import { tokenize } from "../../promql/parser/lexer.ts";
import type { RuleGroupConfig } from "../../rules/rule-file.ts";
import { RuleGroup } from "../../rules/rule-group.ts";
import { RuleMetrics } from "../../rules/rule-metrics.ts";
import { parseSeriesDescription, type SeriesDescription } from "../promqltest/series-description.ts";
import { SeriesDescriptionError } from "../promqltest/series-description-error.ts";
import type { SequenceValue } from "../promqltest/series-values.ts";
import { TestStorage } from "../promqltest/test-storage.ts";
import { checkAlerts } from "./alert-check.ts";
import { debugDump } from "./debug-dump.ts";
import { checkExpression } from "./expression-check.ts";
import type { TestFile, TestGroup } from "./test-file.ts";
import { RuleTestStore } from "./test-store.ts";

export interface LoadedRules {
  config: RuleGroupConfig;
  file: string;
}

export interface TestRunOptions {
  file: TestFile;
  /** In the order in which they are evaluated. Only asked for where the series are right. */
  loadRules(): Promise<LoadedRules[]>;
  parser: ParserOptions;
  delayedNameRemoval: boolean;
  clock: Machine["clock"];
  /** Alerts that differ are shown as one text, rather than as two. */
  isDiff: boolean;
  /** What `--debug` asks for goes here. */
  debug: ((text: string) => void) | undefined;
}

const MAX_SAMPLES = 10_000;
const TIMEOUT_MS = 100_000;

/** What does not hold, each as upstream words it. */
export async function runTestGroup(test: TestGroup, options: TestRunOptions): Promise<string[]> {
  const { file, clock } = options;
  const given = new TestStorage();
  let series: SeriesDescription[];
  try {
    series = (test.input_series ?? []).map((each, i) =>
      describedSeries(`${each.series} ${each.values}`.trim(), i),
    );
  } catch (error) {
    return [(error as Error).message];
  }
  given.load(
    {
      kind: "load",
      line: 1,
      stepMs: test.interval,
      withCustomBuckets: false,
      series: series.map((each) => ({ ...each, starts: undefined })),
    },
    test.start_timestamp,
  );
  const store = new RuleTestStore(given.queryable());
  const engine = new Engine({
    queryable: store.queryable,
    clock,
    maxSamples: MAX_SAMPLES,
    timeoutMs: TIMEOUT_MS,
    parser: options.parser,
    subqueryStepMs: () => file.evaluation_interval,
    delayedNameRemoval: options.delayedNameRemoval,
  });
  const context = {
    engine,
    storage: store.storage,
    clock,
    log: silentLogger,
    metrics: new RuleMetrics(clock),
    queryOffsetMs: () => 0,
    externalLabels: test.external_labels ?? {},
    externalUrl: test.external_url,
    notify: () => {},
    outageToleranceMs: 0,
    forGracePeriodMs: 0,
    resendDelayMs: 0,
  };
  const rules = await options.loadRules();
  const groups = rules.map(
    ({ config, file: path }) =>
      new RuleGroup({ config, file: path, intervalMs: test.interval, restores: false, context }),
  );
  const refused = firstRefusal(series, test.start_timestamp, test.interval);
  return new TestRun({ test, groups, engine, store, refused }, options).run();
}

/** @throws Error with upstream's text and place: the series stand below a line `load`. */
function describedSeries(text: string, index: number): SeriesDescription {
  try {
    return parseSeriesDescription(text);
  } catch (error) {
    if (!(error instanceof SeriesDescriptionError))
      throw new Error(`${index + 2}:1: parse error: ${(error as Error).message}`);
    // What the lexer stops at it has its own words for.
    const known = tokenize(text).error;
    // A number times something is one, which it is not in an expression.
    const isSame =
      known !== undefined &&
      error.isInLabels &&
      !/^[\d.]+x/.test(text) &&
      Buffer.byteLength(text.slice(0, known.position.start)) === error.offset;
    throw new Error(error.at(index + 2, isSame ? known.detail : undefined));
  }
}

/** A sample that a store does not take. */
interface Refusal {
  timestampMs: number;
  problem: string;
}

/** What keeps the series given from being stored, all of them from there on: they are stored as one. */
function firstRefusal(
  series: readonly SeriesDescription[],
  startMs: number,
  stepMs: number,
): Refusal | undefined {
  let first: Refusal | undefined;
  for (const { labels, values, repeatedLabel } of series) {
    const ofLabels =
      repeatedLabel !== undefined
        ? `label name ${quoteGo(repeatedLabel)} is not unique: invalid sample`
        : labels.size === 0
          ? "empty labelset: invalid sample"
          : undefined;
    const at = values.findIndex(
      (value) => value.kind !== "omitted" && (ofLabels ?? problemOf(value)) !== undefined,
    );
    const timestampMs = startMs + at * stepMs;
    if (at === -1 || (first !== undefined && first.timestampMs <= timestampMs)) continue;
    first = { timestampMs, problem: (ofLabels ?? problemOf(values[at]))! };
  }
  return first;
}

function problemOf(value: SequenceValue): string | undefined {
  return value.kind === "histogram" ? histogramProblem(value.histogram, false) : undefined;
}

/** What a run works with. */
interface Tested {
  test: TestGroup;
  groups: RuleGroup[];
  engine: Engine;
  store: RuleTestStore;
  refused: Refusal | undefined;
}

class TestRun {
  readonly #test: TestGroup;
  readonly #options: TestRunOptions;
  readonly #groups: RuleGroup[];
  readonly #engine: Engine;
  readonly #store: RuleTestStore;
  readonly #refused: Refusal | undefined;

  constructor({ test, groups, engine, store, refused }: Tested, options: TestRunOptions) {
    this.#test = test;
    this.#options = options;
    this.#groups = groups;
    this.#engine = engine;
    this.#store = store;
    this.#refused = refused;
  }

  async run(): Promise<string[]> {
    const { name, start_timestamp: startMs } = this.#test;
    const alertTests = [...(this.#test.alert_rule_test ?? [])].sort((a, b) => a.eval_time - b.eval_time);
    const expressionTests = this.#test.promql_expr_test ?? [];
    const nameless = alertTests.find(({ alertname }) => alertname === "");
    if (nameless !== undefined) {
      const where = name === "" ? "" : ` (in TestGroup ${name})`;
      const at = formatDuration(nameless.eval_time);
      return [`an item under alert_rule_test misses required attribute alertname at eval_time ${at}${where}`];
    }
    const lastMs = Math.max(0, ...[...alertTests, ...expressionTests].map((each) => each.eval_time));
    const { file, debug } = this.#options;
    const intervalMs = file.evaluation_interval;
    const problems: string[] = [];
    let next = 0;
    for (let afterMs = 0; afterMs <= lastMs; afterMs += intervalMs) {
      const atMs = startMs + afterMs;
      if (this.#refused !== undefined && this.#refused.timestampMs <= atMs) {
        problems.push(this.#refused.problem);
      } else {
        const failures = await this.#evaluate(atMs);
        problems.push(...failures);
        if (failures.length > 0) return problems;
      }
      // An alert test holds from one evaluation to the next.
      for (; next < alertTests.length && alertTests[next].eval_time < afterMs + intervalMs; next++)
        problems.push(...checkAlerts(alertTests[next], this.#groups, name, this.#options.isDiff));
    }
    for (const each of expressionTests) {
      problems.push(...(await checkExpression(each, startMs, file.fuzzy_compare, this.#engine)));
    }
    if (debug !== undefined) debug(await debugDump(this.#engine, startMs, lastMs));
    return problems;
  }

  /** Evaluates all groups, whatever their own interval. */
  async #evaluate(atMs: number): Promise<string[]> {
    const failures: string[] = [];
    this.#store.nowMs = atMs;
    for (const group of this.#groups) {
      await group.evaluate(atMs);
      for (const { name, status } of group.rules) {
        if (status.lastError === "") continue;
        failures.push(`    rule: ${name}, time: ${formatGoDuration(atMs)}, err: ${status.lastError}`);
      }
    }
    return failures;
  }
}
