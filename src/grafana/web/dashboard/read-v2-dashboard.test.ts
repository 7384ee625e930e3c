import assert from "node:assert/strict";
import { test } from "node:test";
import { dashboardOf } from "../../dashboard-store.ts";
import type { Json } from "./json.ts";
import { readDashboard } from "./read-dashboard.ts";

const element = (id: number, title: string, group = "timeseries"): Json => ({
  kind: "Panel",
  spec: {
    id,
    title,
    data: {
      kind: "QueryGroup",
      spec: {
        queries: [
          {
            kind: "PanelQuery",
            spec: {
              refId: "A",
              hidden: false,
              query: {
                kind: "DataQuery",
                group: "prometheus",
                version: "v0",
                datasource: { name: "prometheus" },
                spec: { expr: `up{panel="${id}"}`, legendFormat: "{{pod}}" },
              },
            },
          },
        ],
        transformations: [
          { kind: "Transformation", group: "organize", spec: { options: { renameByName: {} } } },
        ],
        queryOptions: { interval: "30s" },
      },
    },
    vizConfig: {
      kind: "VizConfig",
      group,
      version: "13.2.0",
      spec: {
        options: { legend: { showLegend: false } },
        fieldConfig: { defaults: { unit: "s" }, overrides: [] },
      },
    },
  },
});

const item = (name: string, x = 0, y = 0, width = 12, height = 8, more: Json = {}): Json => ({
  kind: "GridLayoutItem",
  spec: { x, y, width, height, element: { kind: "ElementReference", name }, ...more },
});

const elements = { a: element(1, "A"), b: element(2, "B", "stat"), lib: { kind: "LibraryPanel", spec: {} } };

function read(layout: Json, more: Json = {}) {
  return readDashboard({ title: "T", elements, layout, ...more });
}

const placed = (
  panels: readonly { type: string; title: string; gridPos: { x: number; y: number; w: number } }[],
) => panels.map(({ type, title, gridPos }) => [type, title, gridPos.x, gridPos.y, gridPos.w]);

test("readDashboard() reads elements of schema v2 in a grid, with queries, options and repeats", () => {
  const repeat = { repeat: { mode: "variable", value: "pod", direction: "v", maxPerRow: 3 } };
  const { panels } = read({
    kind: "GridLayout",
    spec: { items: [item("a"), item("b", 12, 0, 12, 8, repeat), item("lib"), item("none")] },
  });
  assert.deepEqual(placed(panels), [
    ["timeseries", "A", 0, 0, 12],
    ["stat", "B", 12, 0, 12],
  ]);
  const [first, second] = panels;
  assert.equal(first.targets[0].expr, 'up{panel="1"}');
  assert.deepEqual(first.targets[0].datasource, { type: "prometheus", uid: "prometheus" });
  assert.equal(first.fieldConfig.defaults.unit, "s");
  assert.deepEqual(first.options, { legend: { showLegend: false } });
  assert.equal(first.transformations[0].id, "organize");
  assert.equal(first.interval, "30s");
  assert.deepEqual([second.repeat, second.repeatDirection, second.maxPerRow], ["pod", "v", 3]);
});

test("readDashboard() reads v2alpha1, where the plugin and the data source stood elsewhere", () => {
  const panel = element(1, "A");
  const spec = panel["spec"] as Json;
  spec["vizConfig"] = { kind: "gauge", spec: { pluginVersion: "12", options: {}, fieldConfig: {} } };
  const query = { kind: "prometheus", spec: { expr: "up" } };
  spec["data"] = {
    kind: "QueryGroup",
    spec: {
      queries: [
        { kind: "PanelQuery", spec: { refId: "A", datasource: { type: "prometheus", uid: "p" }, query } },
      ],
      transformations: [{ kind: "merge", spec: { id: "merge", options: {} } }],
    },
  };
  const { panels } = readDashboard({
    title: "T",
    elements: { a: panel },
    layout: { kind: "GridLayout", spec: { items: [item("a")] } },
  });
  assert.equal(panels[0].type, "gauge");
  assert.deepEqual(panels[0].targets[0].datasource, { type: "prometheus", uid: "p" });
  assert.equal(panels[0].transformations[0].id, "merge");
});

test("readDashboard() draws rows as rows, tabs as rows of which the first is open, and an automatic grid", () => {
  const grid = { kind: "GridLayout", spec: { items: [item("a", 0, 0, 24, 6)] } };
  const auto = {
    kind: "AutoGridLayout",
    spec: {
      maxColumnCount: 2,
      columnWidthMode: "standard",
      rowHeightMode: "short",
      items: ["a", "b", "a"].map((name) => ({
        kind: "AutoGridLayoutItem",
        spec: { element: { kind: "ElementReference", name } },
      })),
    },
  };
  const rows = read({
    kind: "RowsLayout",
    spec: {
      rows: [
        { kind: "RowsLayoutRow", spec: { title: "One", collapse: false, layout: grid } },
        { kind: "RowsLayoutRow", spec: { title: "Two", collapse: true, layout: auto } },
      ],
    },
  });
  assert.deepEqual(placed(rows.panels), [
    ["row", "One", 0, 0, 24],
    ["timeseries", "A", 0, 1, 24],
    ["row", "Two", 0, 7, 24],
  ]);
  assert.deepEqual(placed(rows.panels[2].panels ?? []), [
    ["timeseries", "A", 0, 8, 12],
    ["stat", "B", 12, 8, 12],
    ["timeseries", "A", 0, 13, 12],
  ]);
  const tabs = read({
    kind: "TabsLayout",
    spec: { tabs: ["X", "Y"].map((title) => ({ kind: "TabsLayoutTab", spec: { title, layout: grid } })) },
  });
  assert.deepEqual(
    tabs.panels.map(({ type, title, collapsed }) => [type, title, collapsed]),
    [
      ["row", "X", false],
      ["timeseries", "A", undefined],
      ["row", "Y", true],
    ],
  );
});

test("readDashboard() reads variables and times of schema v2", () => {
  const { variables, time, refresh, graphTooltip } = read(
    { kind: "GridLayout", spec: { items: [] } },
    {
      cursorSync: "Crosshair",
      timeSettings: { from: "now-3h", to: "now", autoRefresh: "10s" },
      variables: [
        {
          kind: "QueryVariable",
          spec: {
            name: "pod",
            hide: "hideLabel",
            sort: "alphabeticalDesc",
            multi: true,
            includeAll: true,
            query: {
              kind: "DataQuery",
              group: "prometheus",
              datasource: { name: "prometheus" },
              spec: { __legacyStringValue: "label_values(up, pod)" },
            },
          },
        },
        { kind: "DatasourceVariable", spec: { name: "ds", pluginId: "prometheus" } },
        { kind: "CustomVariable", spec: { name: "c", query: "a,b" } },
      ],
    },
  );
  assert.deepEqual(time, { from: "now-3h", to: "now" });
  assert.deepEqual([refresh, graphTooltip], ["10s", 1]);
  const [pod, ds, custom] = variables;
  assert.deepEqual(
    [pod.type, pod.query, pod.hide, pod.sort, pod.multi, pod.datasource],
    ["query", "label_values(up, pod)", 1, 2, true, { type: "prometheus", uid: "prometheus" }],
  );
  assert.deepEqual(
    [ds.type, ds.query, custom.type, custom.query],
    ["datasource", "prometheus", "custom", "a,b"],
  );
});

test("a resource's dashboard is its spec, under the resource's name", () => {
  for (const version of ["v1", "v2beta1", "v2"]) {
    const json = {
      apiVersion: `dashboard.grafana.app/${version}`,
      kind: "Dashboard",
      metadata: { name: "my-board" },
      spec: { title: "Mine", tags: ["a"] },
    };
    const { uid, title, tags } = dashboardOf(json, "x.json", "", true);
    assert.deepEqual({ uid, title, tags }, { uid: "my-board", title: "Mine", tags: ["a"] });
  }
});
