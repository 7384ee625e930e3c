/** Files of unit tests of rules, as `promtool test rules` reads them (`cmd/promtool/unittest.go`). */
import { parseTime } from "../../api/api-request.ts";
import { duration } from "../../config/discovery-config.ts";
import { boolean, decodeYaml, float, list, mapping, parsed, struct, text } from "../../config/strict-yaml.ts";

export interface ExpectedAlert {
  exp_labels: Record<string, string>;
  exp_annotations: Record<string, string>;
}

export interface TestGroup {
  name: string;
  /** Between the values of series; 0: as between evaluations. */
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
  /** Milliseconds since the epoch: when the series begin. */
  start_timestamp: number;
}

export interface TestFile {
  rule_files: string[];
  evaluation_interval: number;
  group_eval_order: string[];
  fuzzy_compare: boolean;
  tests: TestGroup[];
}

const strings = mapping(text(), "map[string]string");

const testFileDecoder = struct<TestFile>({
  type: "main.unitTestFile",
  defaults: () => ({
    rule_files: [],
    evaluation_interval: 0,
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
          interval: 0,
          input_series: [],
          alert_rule_test: [],
          promql_expr_test: [],
          external_url: "",
          start_timestamp: 0,
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
          start_timestamp: parsed(parseTime, 0),
        },
      }),
      "[]main.testGroup",
    ),
  },
});

/** How often rules are evaluated where a file does not say. */
const DEFAULT_INTERVAL_MS = 60_000;

/** @throws ConfigError */
export function parseTestFile(content: string): TestFile {
  const file = decodeYaml<TestFile>(content, testFileDecoder, () => ({
    rule_files: [],
    evaluation_interval: 0,
    group_eval_order: [],
    fuzzy_compare: false,
    tests: [],
  }));
  file.evaluation_interval ||= DEFAULT_INTERVAL_MS;
  for (const test of file.tests ?? []) test.interval ||= file.evaluation_interval;
  return file;
}
