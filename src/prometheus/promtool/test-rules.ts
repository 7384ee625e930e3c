/** `promtool test rules`: unit tests of rules (`cmd/promtool/unittest.go`). */
import { posix } from "node:path";
import { silentLogger } from "../../base/log.ts";
import type { CliCommand, Machine } from "../../base/machine.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareLabels, Labels } from "../../model/labels.ts";
import { histogramJson } from "../api/query-json.ts";
import { parseSelector } from "../api/selectors.ts";
import { duration } from "../config/discovery-config.ts";
import { glob } from "../config/load-config.ts";
import {
  boolean,
  ConfigError,
  decodeYaml,
  float,
  list,
  mapping,
  struct,
  text,
} from "../config/strict-yaml.ts";
import { formatDuration } from "../config/units.ts";
import { Engine, MemoryQueryable } from "../promql/mod.ts";
import { parseRuleFile, RuleFileError, type RuleGroupConfig } from "../rules/rule-file.ts";
import { RuleGroup } from "../rules/rule-group.ts";
import type { SeriesSamples } from "../storage.ts";
import type { Tsdb } from "../tsdb/mod.ts";
import { parseToolArguments } from "./arguments.ts";
import { parseSeriesDescription } from "./promqltest/series-description.ts";
import { TestStorage } from "./promqltest/test-storage.ts";

interface ExpectedAlert {
  exp_labels: Record<string, string>;
  exp_annotations: Record<string, string>;
}

interface TestGroup {
  name: string;
  interval: number;
  input_series: { series: string; values: string }[];
  alert_rule_test: { eval_time: number; alertname: string; exp_alerts: ExpectedAlert[] }[];
  promql_expr_test: {
    expr: string;
    eval_time: number;
    exp_samples: { labels: string; value: number; histogram: string }[];
  }[];
  external_labels?: Record<string, string>;
  external_url: string;
}

interface TestFile {
  rule_files: string[];
  evaluation_interval: number;
  group_eval_order: string[];
  fuzzy_compare: boolean;
  tests: TestGroup[];
}

const strings = mapping(text(), "map[string]string");

const testFile = struct<TestFile>({
  type: "main.unitTestFile",
  defaults: () => ({
    rule_files: [],
    evaluation_interval: 60_000,
    group_eval_order: [],
    fuzzy_compare: false,
    tests: [],
  }),
  fields: {
    rule_files: list(text(), "[]string"),
    evaluation_interval: duration,
    group_eval_order: list(text(), "[]string"),
    fuzzy_compare: boolean,
    tests: list(
      struct<TestGroup>({
        type: "main.testGroup",
        defaults: () => ({
          name: "",
          interval: 60_000,
          input_series: [],
          alert_rule_test: [],
          promql_expr_test: [],
          external_url: "",
        }),
        fields: {
          name: text(),
          interval: duration,
          input_series: list(
            struct({
              type: "main.series",
              defaults: () => ({ series: "", values: "" }),
              fields: { series: text(), values: text() },
            }),
            "[]main.series",
          ),
          alert_rule_test: list(
            struct<TestGroup["alert_rule_test"][number]>({
              type: "main.alertTestCase",
              defaults: () => ({ eval_time: 0, alertname: "", exp_alerts: [] }),
              fields: {
                eval_time: duration,
                alertname: text(),
                exp_alerts: list(
                  struct<ExpectedAlert>({
                    type: "main.alert",
                    defaults: () => ({ exp_labels: {}, exp_annotations: {} }),
                    fields: { exp_labels: strings, exp_annotations: strings },
                  }),
                  "[]main.alert",
                ),
              },
            }),
            "[]main.alertTestCase",
          ),
          promql_expr_test: list(
            struct<TestGroup["promql_expr_test"][number]>({
              type: "main.promqlTestCase",
              defaults: () => ({ expr: "", eval_time: 0, exp_samples: [] }),
              fields: {
                expr: text(),
                eval_time: duration,
                exp_samples: list(
                  struct({
                    type: "main.sample",
                    defaults: () => ({ labels: "", value: 0, histogram: "" }),
                    fields: { labels: text(), value: float, histogram: text() },
                  }),
                  "[]main.sample",
                ),
              },
            }),
            "[]main.promqlTestCase",
          ),
          external_labels: strings,
          external_url: text(),
        },
      }),
      "[]main.testGroup",
    ),
  },
});

export const testRules: CliCommand = async (args, machine) => {
  const { rest: files } = parseToolArguments(
    args,
    ["run", "junit"],
    ["diff", "debug", "ignore-unknown-fields"],
  );
  let failed = false;
  for (const file of files) {
    machine.print(`Unit Testing:  ${file}\n`);
    const problems = await testOneFile(file, machine);
    if (problems.length > 0) {
      failed = true;
      machine.print(`  FAILED:\n${problems.map((problem) => `${problem}\n`).join("")}\n`);
    } else machine.print("  SUCCESS\n\n");
  }
  return failed ? 1 : 0;
};

async function testOneFile(path: string, machine: Machine): Promise<string[]> {
  const { disk } = machine;
  try {
    const content = new TextDecoder().decode(await disk.readFile(path));
    const file = decodeYaml<TestFile>(content, testFile, () => {
      throw new ConfigError("the file is empty");
    });
    const groups: { config: RuleGroupConfig; file: string }[] = [];
    for (const pattern of file.rule_files ?? []) {
      const absolute = posix.isAbsolute(pattern) ? pattern : posix.join(posix.dirname(path), pattern);
      for (const rules of await glob(disk, absolute)) {
        for (const config of parseRuleFile(new TextDecoder().decode(await disk.readFile(rules))))
          groups.push({ config, file: rules });
      }
    }
    const order = new Map((file.group_eval_order ?? []).map((name, index) => [name, index]));
    groups.sort(
      (a, b) => (order.get(a.config.name) ?? order.size) - (order.get(b.config.name) ?? order.size),
    );
    const problems: string[] = [];
    for (const test of file.tests ?? []) problems.push(...(await runTest(test, file, groups, machine)));
    return problems;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof RuleFileError) return [error.message];
    throw error;
  }
}

/** The store of one test: the series given, from time 0, and what rules write. */
async function runTest(
  test: TestGroup,
  file: TestFile,
  groups: { config: RuleGroupConfig; file: string }[],
  machine: Machine,
): Promise<string[]> {
  const written = new WrittenSeries();
  const input = new TestStorage();
  input.load({
    kind: "load",
    stepMs: test.interval,
    withCustomBuckets: false,
    series: (test.input_series ?? []).map(({ series, values }) =>
      parseSeriesDescription(`${series} ${values}`),
    ),
  } as Parameters<TestStorage["load"]>[0]);
  const inputs = input.queryable();
  const engine = new Engine({
    queryable: {
      select: async (matchers, range) =>
        merged([
          ...(await inputs.select(matchers, range)),
          ...(await written.queryable().select(matchers, range)),
        ]),
      series: (matchers, range) => inputs.series(matchers, range),
      labelNames: (matchers, range) => inputs.labelNames(matchers, range),
      labelValues: (name, matchers, range) => inputs.labelValues(name, matchers, range),
      exemplars: async () => [],
    },
    clock: machine.clock,
  });
  const context = {
    engine,
    storage: { appender: () => written.appender(), select: async () => [] } as unknown as Tsdb,
    clock: machine.clock,
    log: silentLogger,
    externalLabels: test.external_labels ?? {},
    externalUrl: test.external_url,
    notify: () => {},
    outageToleranceMs: 0,
    forGracePeriodMs: 0,
    resendDelayMs: 60_000,
  };
  const running = groups.map(
    ({ config, file: path }) => new RuleGroup(config, path, file.evaluation_interval, 0, context),
  );
  for (const group of running) for (const rule of group.rules) rule.alerts?.startAnew();
  return evaluate(test, file, running, engine);
}

async function evaluate(
  test: TestGroup,
  file: TestFile,
  groups: RuleGroup[],
  engine: Engine,
): Promise<string[]> {
  const problems: string[] = [];
  const alertTests = [...(test.alert_rule_test ?? [])].sort((a, b) => a.eval_time - b.eval_time);
  const lastMs = Math.max(
    0,
    ...alertTests.map((each) => each.eval_time),
    ...(test.promql_expr_test ?? []).map((each) => each.eval_time),
  );
  const prefix = test.name === "" ? "" : `    name: ${test.name},\n`;
  let next = 0;
  for (let atMs = 0; atMs <= lastMs; atMs += file.evaluation_interval) {
    for (const group of groups) {
      if (atMs % group.intervalMs === 0) await group.evaluate(atMs);
      for (const rule of group.rules)
        if (rule.status.lastError !== "")
          problems.push(
            `${prefix}    rule: ${rule.name}, time: ${formatDuration(atMs)}, err: ${rule.status.lastError}`,
          );
    }
    // An alert test holds from one evaluation to the next.
    for (; next < alertTests.length && alertTests[next].eval_time < atMs + file.evaluation_interval; next++)
      problems.push(...checkAlerts(alertTests[next], groups, prefix));
    if (problems.length > 0) return problems;
  }
  for (const each of test.promql_expr_test ?? [])
    problems.push(...(await checkExpression(each, file.fuzzy_compare, engine, prefix)));
  return problems;
}

function checkAlerts(
  test: TestGroup["alert_rule_test"][number],
  groups: RuleGroup[],
  prefix: string,
): string[] {
  const show = (labels: Labels, annotations: Labels) => `Labels:${labels} Annotations:${annotations}`;
  const got = groups
    .flatMap((group) => group.rules)
    .filter((rule) => rule.config.alert === test.alertname)
    .flatMap((rule) => rule.alerts?.active ?? [])
    .filter((alert) => alert.state === "firing")
    .map((alert) => show(alert.labels, Labels.of(alert.annotations)))
    .sort();
  const expected = (test.exp_alerts ?? [])
    .map(({ exp_labels: labels, exp_annotations: annotations }) =>
      show(Labels.of({ ...labels, alertname: test.alertname }), Labels.of(annotations ?? {})),
    )
    .sort();
  if (got.join("\n") === expected.join("\n")) return [];
  const lines = (all: string[]) =>
    `[${all.map((each, index) => `\n            ${index}:\n              ${each}`).join("")}\n            ]`;
  return [
    `${prefix}    alertname: ${test.alertname}, time: ${formatDuration(test.eval_time)}, \n        exp:${lines(expected)}, \n        got:${lines(got)}`,
  ];
}

async function checkExpression(
  test: TestGroup["promql_expr_test"][number],
  isFuzzy: boolean,
  engine: Engine,
  prefix: string,
): Promise<string[]> {
  const where = `${prefix}    expr: ${JSON.stringify(test.expr)}, time: ${formatDuration(test.eval_time)},`;
  try {
    const result = await engine.instant(test.expr, test.eval_time);
    const samples: ExpectedSample[] =
      result.kind === "vector"
        ? result.samples.map(({ labels, value, histogram }) => ({ labels, value, histogram }))
        : result.kind === "scalar"
          ? [{ labels: Labels.empty, value: result.value, histogram: undefined }]
          : [];
    const expected: ExpectedSample[] = (test.exp_samples ?? []).map(({ labels, value, histogram }) => ({
      labels: labelsOf(labels),
      value,
      histogram: histogram === "" ? undefined : histogramOf(histogram),
    }));
    const order = (list: ExpectedSample[]) => list.sort((a, b) => compareLabels(a.labels, b.labels));
    order(samples);
    order(expected);
    const isEqual =
      samples.length === expected.length &&
      samples.every(
        (each, i) => each.labels.equals(expected[i].labels) && isSameSample(each, expected[i], isFuzzy),
      );
    if (isEqual) return [];
    const show = (list: ExpectedSample[]) =>
      list.length === 0
        ? "nil"
        : list
            .map(
              ({ labels, value, histogram }) =>
                `\n            ${labels} ${histogram ? histogramJson(histogram) : value}`,
            )
            .join("");
    return [`${where}\n        exp: ${show(expected)}\n        got: ${show(samples)}`];
  } catch (error) {
    return [`${where} err: ${(error as Error).message}`];
  }
}

interface ExpectedSample {
  labels: Labels;
  value: number;
  histogram: FloatHistogram | undefined;
}

/** `{{schema:1 sum:2 count:3 buckets:[1 2]}}`, as in series. */
function histogramOf(text: string): FloatHistogram {
  const [value] = parseSeriesDescription(`x ${text}`).values;
  if (value?.kind !== "histogram") throw new ConfigError(`not a histogram: ${text}`);
  return value.histogram;
}

function isSameSample(a: ExpectedSample, b: ExpectedSample, isFuzzy: boolean): boolean {
  if (a.histogram === undefined || b.histogram === undefined)
    return a.histogram === b.histogram && isSame(a.value, b.value, isFuzzy);
  return (
    histogramJson(a.histogram) === histogramJson(b.histogram) && a.histogram.schema === b.histogram.schema
  );
}

function isSame(a: number, b: number, isFuzzy: boolean): boolean {
  return (
    Object.is(a, b) || a === b || (isFuzzy && Math.abs(a - b) <= Math.max(Math.abs(a), Math.abs(b)) * 2e-16)
  );
}

/** `metric{a="b"}`, `{a="b"}`, or nothing. */
function labelsOf(selector: string): Labels {
  if (selector.trim() === "" || selector.trim() === "{}") return Labels.empty;
  return Labels.of(parseSelector(selector).map((matcher): [string, string] => [matcher.name, matcher.value]));
}

/** What rules have written: kept apart, since a store takes no samples from before its head. */
class WrittenSeries {
  readonly #series = new Map<
    string,
    { labels: Labels; timestamps: number[]; values: number[]; stale: boolean[] }
  >();

  appender() {
    const add = (labels: Labels, timestampMs: number, value: number, isStale: boolean) => {
      let series = this.#series.get(labels.key);
      if (series === undefined)
        this.#series.set(labels.key, (series = { labels, timestamps: [], values: [], stale: [] }));
      series.timestamps.push(timestampMs);
      series.values.push(value);
      series.stale.push(isStale);
      return 1;
    };
    return {
      append: (_: number, labels: Labels, timestampMs: number, value: number) =>
        add(labels, timestampMs, value, false),
      appendStale: (_: number, labels: Labels, timestampMs: number) => add(labels, timestampMs, 0, true),
      appendHistogram: () => 0,
      appendExemplar: () => 0,
      setMetadata: () => {},
      commit: async () => {},
      rollback: () => {},
    };
  }

  queryable(): MemoryQueryable {
    const store = new MemoryQueryable();
    for (const { labels, timestamps, values, stale } of this.#series.values()) {
      const column = Float64Array.from(values);
      const words = new Uint32Array(column.buffer);
      for (const [i, isStale] of stale.entries()) if (isStale) words.set([2, 0x7ff00000], 2 * i);
      store.addColumns({ labels, timestamps: Float64Array.from(timestamps), values: column });
    }
    return store;
  }
}

/** The two stores' series together; one that both have is the input's. */
function merged(all: SeriesSamples[]): SeriesSamples[] {
  const byKey = new Map<string, SeriesSamples>();
  for (const series of all) if (!byKey.has(series.labels.key)) byKey.set(series.labels.key, series);
  return [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels));
}
