import assert from "node:assert/strict";
import { test } from "node:test";
import { fixed, interpolate, prometheusFormat, type VariableValue } from "./interpolate.ts";
import { arrange, sectionsOf } from "./layout.ts";
import type { Panel, Variable } from "./model.ts";
import { readDashboard } from "./read-dashboard.ts";
import { intervalMs, intervalText, parseTime, queryIntervalMs, resolveRange } from "./time-range.ts";
import { ALL, resolveVariable, type VariableSources, valueOfState } from "./variables.ts";

const NOW = Date.UTC(2026, 10, 23, 13, 30, 45, 500);
const HOUR = 3_600_000;

test("parseTime() reads relative and absolute times", () => {
  const cases: [text: string, ms: number | undefined][] = [
    ["now", NOW],
    ["now-1h", NOW - HOUR],
    ["now-1h+30m", NOW - HOUR / 2],
    ["now-2d", NOW - 48 * HOUR],
    ["1795440000000", 1_795_440_000_000],
    ["2026-11-23T13:00:00Z", Date.UTC(2026, 10, 23, 13)],
    ["now-x", undefined],
    ["yesterday-ish", undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseTime(text, NOW), ms, text);
  assert.equal(parseTime("now/m", NOW), NOW - 45_500);
  assert.equal(parseTime("now/m", NOW, true), NOW - 45_500 + 59_999);
  assert.deepEqual(resolveRange({ from: "now", to: "now-1h" }, NOW), {
    fromMs: NOW - HOUR - 1000,
    toMs: NOW - HOUR,
  });
});

test("queryIntervalMs() takes round steps that fill the panel", () => {
  const range = (hours: number) => ({ fromMs: NOW - hours * HOUR, toMs: NOW });
  assert.equal(queryIntervalMs(range(1), 1000, 1000), 5_000);
  assert.equal(queryIntervalMs(range(6), 1000, 15_000), 20_000);
  assert.equal(queryIntervalMs(range(0.25), 1000, 15_000), 15_000);
  assert.equal(queryIntervalMs(range(24 * 7), 500, 1000), 1_200_000);
  for (const [ms, text] of [
    [15_000, "15s"],
    [60_000, "1m"],
    [90_000, "90s"],
    [1500, "1500ms"],
    [86_400_000, "1d"],
  ] as const) {
    assert.equal(intervalText(ms), text);
    assert.equal(intervalMs(text), ms);
  }
});

test("interpolate() fills in variables in the formats that dashboards use", () => {
  const many: VariableValue = { value: ["a.b", "c"], text: "A + C", multi: true };
  const scope = new Map<string, VariableValue>([
    ["one", fixed("x.y")],
    ["many", many],
    ["picked", { value: "a.b", text: "a.b", multi: true }],
    ["__interval", fixed("15s")],
  ]);
  const cases: [text: string, expected: string][] = [
    ["rate(a[$__interval])", "rate(a[15s])"],
    ["{a='$one'}", "{a='x.y'}"],
    ["{a=~'$many'}", "{a=~'(a\\\\.b|c)'}"],
    ["{a=~'$picked'}", "{a=~'a\\\\.b'}"],
    ["${many:csv} ${many:pipe} ${many:text} [[one]]", "a.b,c a.b|c A + C x.y"],
    ["${many:regex}", "(a\\.b|c)"],
    ["${many:queryparam}", "var-many=a.b&var-many=c"],
    ["${many:singlequote} ${many:json}", "'a.b','c' [\"a.b\",\"c\"]"],
    ["$unknown ${other:raw} $1", "$unknown ${other:raw} $1"],
  ];
  for (const [text, expected] of cases)
    assert.equal(interpolate(text, scope, prometheusFormat), expected, text);
});

const sources: VariableSources = {
  dataSources: [{ uid: "p", name: "Prometheus", type: "prometheus", isDefault: true, jsonData: {} }],
  labelValues: async (_, label, selector) => [`${label} of ${selector ?? "all"}`, "b10", "b2"],
  labelNames: async () => ["job", "pod"],
  metricNames: async () => ["node_cpu", "go_info"],
  queryResult: async () => ['up{pod="db-0",ns="x"} 1 0', 'up{pod="db-1",ns="x"} 0 0'],
};

test("resolveVariable() finds the choices of each kind of variable", async () => {
  const scope = new Map([["ns", fixed("prod")]]);
  const choices = async (given: Partial<Variable>) =>
    (await resolveVariable({ name: "v", type: "query", ...given }, undefined, scope, sources)).choices.map(
      ({ text, value }) => (text === value ? value : `${text}=${value}`),
    );
  const cases: [Partial<Variable>, string[]][] = [
    [{ query: "label_values(pod)" }, ["pod of all", "b10", "b2"]],
    [{ query: { query: 'label_values(up{ns="$ns"}, pod)' } }, ['pod of up{ns="prod"}', "b10", "b2"]],
    [{ query: "label_values(pod)", regex: "/b(\\d+)/", sort: 3 }, ["2", "10"]],
    [{ query: "label_values(pod)", sort: 2 }, ["pod of all", "b2", "b10"]],
    [{ query: "label_names()" }, ["job", "pod"]],
    [{ query: "metrics(node_.*)" }, ["node_cpu"]],
    [{ query: "query_result(up)", regex: '/pod="(?<text>[^"]+)".* (?<value>\\d) /' }, ["db-0=1", "db-1=0"]],
    [{ type: "custom", query: "a, b : 2, c\\,d" }, ["a", "b=2", "c,d"]],
    [{ type: "datasource", query: "prometheus" }, ["Prometheus=p"]],
    [{ type: "interval", query: "1m,5m" }, ["1m", "5m"]],
    [{ type: "constant", query: "x" }, ["x"]],
    [{ type: "adhoc" }, []],
  ];
  for (const [given, expected] of cases)
    assert.deepEqual(await choices(given), expected, JSON.stringify(given));
});

test("resolveVariable() selects what the address says, then what was saved, then the first", async () => {
  const variable: Variable = {
    name: "v",
    type: "query",
    query: "label_names()",
    multi: true,
    includeAll: true,
    current: { value: ["pod"] },
  };
  const select = async (wanted: string[] | undefined, more: Partial<Variable> = {}) =>
    resolveVariable({ ...variable, ...more }, wanted, new Map(), sources);
  assert.deepEqual((await select(["job", "pod"])).selected, ["job", "pod"]);
  assert.deepEqual((await select(["All"])).selected, [ALL]);
  assert.deepEqual((await select(["gone"])).selected, ["pod"]);
  assert.deepEqual((await select(undefined, { current: {} })).selected, [ALL]);
  assert.deepEqual((await select(undefined, { current: {}, includeAll: false })).selected, ["job"]);
  assert.deepEqual(valueOfState(await select([ALL])).value, ["job", "pod"]);
  assert.equal(valueOfState(await select([ALL], { allValue: ".*" })).value, ".*");
});

const panel = (id: number, x: number, y: number, w: number, h: number, more: object = {}) => ({
  id,
  type: "stat",
  title: "",
  gridPos: { x, y, w, h },
  ...more,
});

test("arrange() closes gaps and keeps panels apart", () => {
  const { panels } = readDashboard({
    title: "t",
    panels: [panel(1, 0, 10, 12, 4), panel(2, 12, 12, 12, 4), panel(3, 0, 20, 24, 2)],
  });
  assert.deepEqual(
    arrange(panels).map(({ id, gridPos }) => [id, gridPos.x, gridPos.y]),
    [
      [1, 0, 0],
      [2, 12, 0],
      [3, 0, 4],
    ],
  );
});

test("sectionsOf() repeats panels and rows, and keeps closed rows' panels", async () => {
  const dashboard = readDashboard({
    title: "t",
    panels: [
      panel(1, 0, 0, 24, 4, { repeat: "pod", maxPerRow: 2 }),
      {
        id: 2,
        type: "row",
        title: "$pod",
        collapsed: true,
        repeat: "pod",
        gridPos: { x: 0, y: 4, w: 24, h: 1 },
        panels: [panel(3, 0, 5, 6, 4)],
      },
    ],
  });
  const variable: Variable = {
    name: "pod",
    type: "custom",
    query: "a,b,c",
    includeAll: true,
    multi: true,
    current: { value: [ALL] },
  };
  const state = await resolveVariable(variable, undefined, new Map(), sources);
  const sections = sectionsOf(dashboard.panels, [state], new Set());
  assert.deepEqual(
    sections[0].panels.map(({ gridPos: { x, y, w }, scopedVariables }) => [
      x,
      y,
      w,
      scopedVariables?.["pod"],
    ]),
    [
      [0, 0, 12, "a"],
      [12, 0, 12, "b"],
      [0, 4, 12, "c"],
    ],
  );
  const rows = sections.slice(1);
  assert.deepEqual(
    rows.map(({ row, collapsed, panels }) => [row?.scopedVariables?.["pod"], collapsed, panels.length]),
    [
      ["a", true, 1],
      ["b", true, 1],
      ["c", true, 1],
    ],
  );
  assert.equal(rows[1].panels[0].scopedVariables?.["pod"], "b");
});

test("readDashboard() makes today's panels of those of long ago", () => {
  const { panels } = readDashboard({
    title: "old",
    rows: [
      {
        title: "CPU",
        showTitle: true,
        height: "304px",
        panels: [
          {
            type: "graph",
            span: 8,
            stack: true,
            fill: 2,
            yaxes: [{ format: "bytes", min: 0 }, {}],
            seriesOverrides: [{ alias: "/in/", transform: "negative-Y" }],
            targets: [{ expr: "a" }],
          },
          {
            type: "singlestat",
            span: 4,
            format: "s",
            valueName: "avg",
            thresholds: "1,2",
            colorBackground: true,
            sparkline: { show: true },
          },
          { type: "table-old", span: 12, styles: [{ pattern: "Time", type: "hidden" }] },
        ],
      },
    ],
  });
  assert.deepEqual(
    panels.map(({ type, gridPos: { x, y, w, h } }) => [type, x, y, w, h]),
    [
      ["row", 0, 0, 24, 1],
      ["timeseries", 0, 1, 16, 8],
      ["stat", 16, 1, 8, 8],
      ["table", 0, 9, 24, 8],
    ],
  );
  const [, graph, stat, table] = panels as [Panel, Panel, Panel, Panel];
  assert.equal(graph.fieldConfig.defaults.unit, "bytes");
  assert.equal(graph.fieldConfig.defaults.min, 0);
  assert.deepEqual(graph.fieldConfig.defaults.custom?.["stacking"], { mode: "normal", group: "A" });
  assert.deepEqual(graph.fieldConfig.overrides[0].properties, [
    { id: "custom.transform", value: "negative-Y" },
  ]);
  assert.deepEqual(stat.options["reduceOptions"], { calcs: ["mean"], values: false, fields: undefined });
  assert.deepEqual(
    stat.fieldConfig.defaults.thresholds?.steps.map(({ value }) => value),
    [null, 1, 2],
  );
  assert.deepEqual(table.fieldConfig.overrides[0].properties, [{ id: "custom.hidden", value: true }]);
});

test("readDashboard() survives any JSON", () => {
  for (const json of [
    {},
    { panels: 1, templating: [], time: null },
    { panels: [null, 1, {}] },
    { rows: [{ panels: {} }] },
    { templating: { list: [{}, null] } },
  ]) {
    assert.ok(readDashboard(json as Record<string, unknown>));
  }
});
