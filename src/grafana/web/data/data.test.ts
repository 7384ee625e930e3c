import assert from "node:assert/strict";
import { test } from "node:test";
import { blend, cssColor, thresholdColor } from "./colors.ts";
import { applyFieldConfig } from "./field-config.ts";
import { displayNameOf, type Field, type Frame } from "./frame.ts";
import { framesOf, legendOf } from "./prometheus.ts";
import { reduce } from "./reduce.ts";
import { readTrace } from "./trace.ts";
import { transform } from "./transformations/transform.ts";
import { displayText, formatUnit } from "./units.ts";

test("formatUnit() writes values in Grafana's units", () => {
  const cases: [value: number, unit: string | undefined, expected: string, decimals?: number][] = [
    [1234, "short", "1.23 K"],
    [0, "bytes", "0 B"],
    [1536, "bytes", "1.5 KiB"],
    [1500, "decbytes", "1.5 kB"],
    [2048, "kbytes", "2 MiB"],
    [0.5, "percentunit", "50%"],
    [12.345, "percent", "12.3%"],
    [0.0012, "s", "1.2 ms"],
    [90, "s", "1.5 mins"],
    [1500, "ms", "1.5 s"],
    [2.71, undefined, "2.71"],
    [2.71, "none", "2.7", 1],
    [12_500, "reqps", "12.5K req/s"],
    [5, "suffix:pods", "5 pods"],
    [5, "currencyUSD", "$5"],
    [Number.POSITIVE_INFINITY, "short", "+Inf"],
    [1e-7, "s", "100 ns"],
    [3661, "dthms", "01:01:01"],
    [8, "made-up", "8 made-up"],
  ];
  for (const [value, unit, expected, decimals] of cases) {
    const { prefix = "", text, suffix } = formatUnit(value, unit, decimals);
    assert.equal(prefix + text + suffix, expected, `${value} ${unit}`);
  }
});

test("displayText() maps values, ranges, patterns and what is missing", () => {
  const mappings = [
    { type: "value" as const, options: { 0: { text: "down" }, up: { text: "UP" } } },
    { type: "range" as const, options: { from: 10, to: 20, result: { text: "warm" } } },
    { type: "regex" as const, options: { pattern: "^node-(.*)$", result: { text: "$1" } } },
    { type: "special" as const, options: { match: "null+nan", result: { text: "–" } } },
  ];
  const cases: [unknown, string][] = [
    [0, "down"],
    ["up", "UP"],
    [15, "warm"],
    ["node-a", "a"],
    [null, "–"],
    [Number.NaN, "–"],
    [5, "5"],
    ["x", "x"],
  ];
  for (const [value, expected] of cases)
    assert.equal(displayText(value, { mappings }, typeof value), expected);
});

test("colours have names, and thresholds have colours", () => {
  assert.equal(cssColor("semi-dark-red"), "#E02F44");
  assert.equal(cssColor("#123456"), "#123456");
  const steps = [
    { color: "green", value: null },
    { color: "red", value: 80 },
  ];
  assert.equal(thresholdColor({ thresholds: { mode: "absolute", steps } }, 79), "#73BF69");
  assert.equal(thresholdColor({ thresholds: { mode: "absolute", steps } }, 80), "#F2495C");
  assert.equal(thresholdColor({ min: 0, max: 10, thresholds: { mode: "percentage", steps } }, 8), "#F2495C");
  assert.equal(blend(["#000000", "#ffffff"], 0.5), "rgb(128,128,128)");
});

test("reduce() calculates what legends show", () => {
  const values = [1, null, 5, 3, null];
  const cases: [string, unknown][] = [
    ["lastNotNull", 3],
    ["last", null],
    ["first", 1],
    ["min", 1],
    ["max", 5],
    ["mean", 3],
    ["sum", 9],
    ["count", 5],
    ["range", 4],
    ["diff", 2],
    ["delta", 4],
    ["p95", 5],
    ["changeCount", 4],
    ["nonsense", 3],
  ];
  for (const [name, expected] of cases) assert.equal(reduce(values, name), expected, name);
  assert.equal(reduce([], "mean"), null);
});

const column = (name: string, values: unknown[], more: Partial<Field> = {}): Field => ({
  name,
  type: typeof values[0] === "number" ? "number" : "string",
  values,
  config: {},
  ...more,
});
const table = (frame: Frame) => frame.fields.map((field) => [displayNameOf(field, frame), ...field.values]);

test("framesOf() makes series with gaps, tables, and buckets", () => {
  const options = { refId: "A", format: "time_series", legendFormat: "{{pod}}", stepMs: 10_000 };
  const matrix = {
    resultType: "matrix" as const,
    result: [
      {
        metric: { pod: "a" },
        values: [
          [0, "1"],
          [10, "2"],
          [40, "+Inf"],
        ] as [number, string][],
      },
    ],
  };
  const [frame] = framesOf(matrix, options);
  assert.deepEqual(
    frame.fields.map(({ values }) => values),
    [
      [0, 10_000, 20_000, 40_000],
      [1, 2, null, Number.POSITIVE_INFINITY],
    ],
  );
  assert.equal(displayNameOf(frame.fields[1], frame), "a");
  const vector = {
    resultType: "vector" as const,
    result: [{ metric: { pod: "a" }, value: [1, "5"] as [number, string] }],
  };
  assert.deepEqual(table(framesOf(vector, { ...options, format: "table" })[0]), [
    ["Time", 1000],
    ["pod", "a"],
    ["Value", 5],
  ]);
  const bucket = (le: string, value: string) => ({
    metric: { le },
    values: [[0, value]] as [number, string][],
  });
  const buckets = {
    resultType: "matrix" as const,
    result: [bucket("+Inf", "6"), bucket("0.1", "1"), bucket("1", "4")],
  };
  assert.deepEqual(table(framesOf(buckets, { ...options, format: "heatmap" })[0]), [
    ["Time", 0],
    ["0.1", 1],
    ["1", 3],
    ["+Inf", 2],
  ]);
  assert.equal(legendOf("__auto", { __name__: "up", pod: "a" }), "a");
  assert.equal(legendOf("__auto", { __name__: "up" }), "up");
  assert.equal(legendOf("", { __name__: "up", pod: "a" }), 'up{pod="a"}');
});

test("transform() does what dashboards ask for", () => {
  const a: Frame = { refId: "A", fields: [column("pod", ["x", "y"]), column("cpu", [1, 2])] };
  const b: Frame = { refId: "B", fields: [column("pod", ["y", "z"]), column("mem", [30, 40])] };
  const run = (frames: Frame[], id: string, options: Record<string, unknown> = {}) =>
    transform(frames, [{ id, options }]).map(table);
  assert.deepEqual(run([a, b], "merge"), [
    [
      ["pod", "x", "y", "z"],
      ["cpu", 1, 2, null],
      ["mem", null, 30, 40],
    ],
  ]);
  assert.deepEqual(run([a, b], "joinByField", { byField: "pod", mode: "inner" }), [
    [
      ["pod", "y"],
      ["cpu", 2],
      ["mem", 30],
    ],
  ]);
  assert.deepEqual(run([a], "organize", { excludeByName: { pod: true }, renameByName: { cpu: "CPU" } }), [
    [["CPU", 1, 2]],
  ]);
  assert.deepEqual(run([a], "sortBy", { sort: [{ field: "cpu", desc: true }] }), [
    [
      ["pod", "y", "x"],
      ["cpu", 2, 1],
    ],
  ]);
  assert.deepEqual(
    run([a], "filterByValue", {
      type: "include",
      match: "all",
      filters: [{ fieldName: "cpu", config: { id: "greater", options: { value: 1 } } }],
    }),
    [
      [
        ["pod", "y"],
        ["cpu", 2],
      ],
    ],
  );
  assert.deepEqual(
    run([a], "calculateField", {
      mode: "binary",
      alias: "double",
      binary: { left: "cpu", operator: "*", right: "2" },
    })[0][2],
    ["double", 2, 4],
  );
  assert.deepEqual(run([a], "renameByRegex", { regex: "^c(.*)$", renamePattern: "C$1" })[0][1], [
    "Cpu",
    1,
    2,
  ]);
  assert.deepEqual(run([a], "reduce", { reducers: ["max"] }), [
    [
      ["Field", "cpu"],
      ["Max", 2],
    ],
  ]);
  assert.deepEqual(run([a], "limit", { limitField: 1 }), [
    [
      ["pod", "x"],
      ["cpu", 1],
    ],
  ]);
  assert.deepEqual(run([a], "unheardOf"), [table(a)]);
  const grouped: Frame = { fields: [column("node", ["n", "n", "m"]), column("pods", [1, 2, 4])] };
  assert.deepEqual(
    run([grouped], "groupBy", {
      fields: {
        node: { operation: "groupby" },
        pods: { operation: "aggregate", aggregations: ["sum", "count"] },
      },
    }),
    [
      [
        ["node", "n", "m"],
        ["pods (sum)", 3, 4],
        ["pods (count)", 2, 1],
      ],
    ],
  );
  const series = (pod: string): Frame => ({
    refId: "A",
    fields: [column("Time", [1, 2], { type: "time" }), column("Value", [1, 2], { labels: { pod } })],
  });
  assert.deepEqual(run([series("x")], "labelsToFields"), [
    [
      ["Time", 1, 2],
      ["pod", "x", "x"],
      ["Value", 1, 2],
    ],
  ]);
  assert.equal(run([series("x"), series("y")], "timeSeriesTable")[0][0][1], "x");
});

test("applyFieldConfig() lets the last override that matches win", () => {
  const frame: Frame = { refId: "A", fields: [column("cpu", [1]), column("mem", [2])] };
  const overrides = [
    { matcher: { id: "byRegexp", options: "/.*/" }, properties: [{ id: "unit", value: "s" }] },
    {
      matcher: { id: "byName", options: "mem" },
      properties: [
        { id: "unit", value: "bytes" },
        { id: "custom.stacking.mode", value: "normal" },
      ],
    },
    { matcher: { id: "byFrameRefID", options: "B" }, properties: [{ id: "unit", value: "none" }] },
    { matcher: { id: "byRegexp", options: "(" }, properties: [{ id: "unit", value: "none" }] },
  ];
  const [{ fields }] = applyFieldConfig([frame], {
    defaults: { decimals: 1, custom: { lineWidth: 2 } },
    overrides,
  });
  assert.deepEqual(
    fields.map(({ config }) => [config.unit, config.decimals]),
    [
      ["s", 1],
      ["bytes", 1],
    ],
  );
  assert.deepEqual(fields[1].config.custom, { lineWidth: 2, stacking: { mode: "normal" } });
});

test("readTrace() makes a tree, whatever the parents are", () => {
  const span = (id: string, parent: string, start: number) => ({
    spanId: id.repeat(16),
    parentSpanId: parent.repeat(16),
    name: id,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 5_000_000),
  });
  const answer = {
    trace: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "db" } }] },
          scopeSpans: [
            {
              spans: [
                span("b", "a", 2_000_000),
                span("a", "", 1_000_000),
                span("c", "b", 3_000_000),
                span("d", "f", 4_000_000),
                span("e", "e", 5_000_000),
              ],
            },
          ],
        },
      ],
    },
  };
  const trace = readTrace(answer);
  assert.deepEqual(
    trace.spans.map(({ name, depth, startMs }) => [name, depth, startMs]),
    [
      ["a", 0, 0],
      ["b", 1, 1],
      ["c", 2, 2],
      ["d", 0, 3],
      ["e", 0, 4],
    ],
  );
  assert.equal(trace.durationMs, 9);
  const circle = {
    trace: { resourceSpans: [{ scopeSpans: [{ spans: [span("a", "b", 1), span("b", "a", 2)] }] }] },
  };
  assert.deepEqual(
    readTrace(circle).spans.map(({ name, depth }) => [name, depth]),
    [
      ["a", 0],
      ["b", 1],
    ],
  );
  assert.deepEqual(readTrace(undefined).spans, []);
});
