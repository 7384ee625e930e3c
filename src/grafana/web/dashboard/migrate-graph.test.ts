import assert from "node:assert/strict";
import { test } from "node:test";
import { graphData } from "../panels/graph-data.ts";
import type { Json } from "./json.ts";
import { migrateGraph } from "./migrate-graph.ts";
import type { Panel } from "./model.ts";

function migrate(panel: Json): Panel {
  return migrateGraph({ type: "graph", ...panel }) as unknown as Panel;
}

function propertiesOf(panel: Panel, alias: string): Record<string, unknown> {
  const override = panel.fieldConfig.overrides.find(({ matcher }) => matcher.options === alias);
  return Object.fromEntries((override?.properties ?? []).map(({ id, value }) => [id, value]));
}

test("migrateGraph() takes over lines, fills, stacks, axes, legend and tooltip", () => {
  const panel = migrate({
    fill: 2,
    linewidth: 3,
    stack: true,
    percentage: true,
    nullPointMode: "connected",
    yaxes: [{ format: "bytes", label: "used", logBase: 2, min: "0", max: null, decimals: 1 }, {}],
    legend: { show: true, values: true, avg: true, current: true, rightSide: true, sideWidth: 200 },
    tooltip: { shared: false, sort: 2 },
  });
  assert.equal(panel.type, "timeseries");
  const { unit, min, max, decimals, custom } = panel.fieldConfig.defaults;
  assert.deepEqual({ unit, min, max, decimals }, { unit: "bytes", min: 0, max: undefined, decimals: 1 });
  assert.deepEqual(
    [custom?.["fillOpacity"], custom?.["lineWidth"], custom?.["spanNulls"], custom?.["axisLabel"]],
    [20, 3, true, "used"],
  );
  assert.deepEqual(custom?.["stacking"], { mode: "percent", group: "A" });
  assert.deepEqual(custom?.["scaleDistribution"], { type: "log", log: 2 });
  assert.deepEqual(panel.options, {
    tooltip: { mode: "single", sort: "desc" },
    legend: {
      showLegend: true,
      displayMode: "table",
      placement: "right",
      calcs: ["mean", "lastNotNull"],
      width: 200,
    },
  });
});

test("migrateGraph() makes overrides of what a series has for itself", () => {
  const panel = migrate({
    aliasColors: { a: "#fff" },
    yaxes: [{ format: "s" }, { format: "percent", label: "share", min: 0, max: 100 }],
    seriesOverrides: [
      { alias: "/max/", yaxis: 2, dashes: true, dashLength: 4, spaceLength: 6 },
      { alias: "upper", fillBelowTo: "lower", lines: false, legend: false },
      { alias: "dots", lines: false, points: true, pointradius: 3 },
      { alias: "down", transform: "negative-Y", stack: "B" },
    ],
  });
  assert.deepEqual(propertiesOf(panel, "a"), { color: { mode: "fixed", fixedColor: "#fff" } });
  assert.deepEqual(propertiesOf(panel, "/max/"), {
    "custom.axisPlacement": "right",
    unit: "percent",
    "custom.axisLabel": "share",
    min: 0,
    max: 100,
    "custom.lineStyle": { fill: "dash", dash: [4, 6] },
  });
  assert.deepEqual(propertiesOf(panel, "upper"), {
    "custom.fillBelowTo": "lower",
    "custom.lineWidth": 0,
    "custom.hideFrom": { viz: false, legend: true, tooltip: false },
  });
  assert.deepEqual(propertiesOf(panel, "dots"), {
    "custom.pointSize": 8,
    "custom.showPoints": "always",
    "custom.drawStyle": "points",
  });
  assert.deepEqual(propertiesOf(panel, "down"), {
    "custom.stacking": { mode: "normal", group: "B" },
    "custom.transform": "negative-Y",
  });
});

test("migrateGraph() makes steps of thresholds above and below", () => {
  const above = migrate({
    thresholds: [
      { value: 90, op: "gt", fill: true, line: true, colorMode: "critical" },
      { value: 70, op: "gt", fill: true, line: true, colorMode: "warning" },
    ],
  }).fieldConfig.defaults;
  assert.deepEqual(above.thresholds?.steps, [
    { value: null, color: "transparent" },
    { value: 70, color: "orange" },
    { value: 90, color: "red" },
  ]);
  assert.deepEqual(above.custom?.["thresholdsStyle"], { mode: "line+area" });
  const below = migrate({ thresholds: [{ value: 10, op: "lt", line: true, colorMode: "critical" }] });
  assert.deepEqual(below.fieldConfig.defaults.thresholds?.steps, [
    { value: null, color: "red" },
    { value: 10, color: "transparent" },
  ]);
  assert.deepEqual(migrate({}).fieldConfig.defaults.custom?.["thresholdsStyle"], { mode: "off" });
});

test("graphData() draws what a migrated graph hides from its legend", () => {
  const time = { name: "Time", type: "time" as const, values: [1000, 2000], config: {} };
  const config = { custom: { hideFrom: { viz: false, legend: true, tooltip: false } } };
  const frame = { fields: [time, { name: "v", type: "number" as const, values: [1, 2], config }] };
  const [series] = graphData([frame], new Set()).series;
  assert.deepEqual([series.hiddenInLegend, series.hiddenInTooltip], [true, false]);
});
