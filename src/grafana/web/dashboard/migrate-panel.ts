/** Panels of the Angular era as today's: graph (in `migrate-graph.ts`), singlestat, table-old, heatmap, gauge and bargauge of before 7.0. */
import type { FieldOverride } from "../data/field-config.ts";
import { type Json, listOf, objectOf } from "./json.ts";
import { migrateGraph } from "./migrate-graph.ts";

/** The same panel when it is of today. */
export function migratePanel(panel: Json): Json {
  const migrate = MIGRATIONS[String(panel["type"])];
  // A type of then may have its fieldConfig from a half-done migration of upstream's: only old settings are moved.
  return migrate === undefined ? panel : migrate(panel);
}

const MIGRATIONS: Record<string, (panel: Json) => Json> = {
  graph: migrateGraph,
  singlestat: migrateSinglestat,
  "grafana-singlestat-panel": migrateSinglestat,
  "table-old": migrateTable,
  heatmap: migrateHeatmap,
  gauge: migrateFieldOptions,
  bargauge: migrateFieldOptions,
  stat: migrateFieldOptions,
  "grafana-piechart-panel": (panel) => ({ ...panel, type: "piechart" }),
};

const CALCS: Record<string, string> = {
  avg: "mean",
  current: "lastNotNull",
  total: "sum",
  delta: "delta",
  range: "range",
  diff: "diff",
  min: "min",
  max: "max",
  first: "first",
};

/** `1,5` with three colours → steps. */
function thresholdSteps(thresholds: unknown, colors: unknown): Json[] {
  const bounds = String(thresholds ?? "")
    .split(",")
    .filter((text) => text.trim() !== "")
    .map(Number);
  const names = Array.isArray(colors) ? colors : ["#299c46", "#ed8128", "#d44a3a"];
  return [null, ...bounds].map((value, index) => ({ value, color: names[index] ?? "red" }));
}

function migrateSinglestat(panel: Json): Json {
  const isGauge = objectOf(panel["gauge"])["show"] === true;
  const mappings = listOf(panel["valueMaps"]).map((map) => ({
    type: "value",
    options: { [String(map["value"])]: { text: map["text"] } },
  }));
  const fields = panel["valueName"] === "name" ? "" : undefined;
  return {
    ...panel,
    type: isGauge ? "gauge" : "stat",
    fieldConfig: {
      defaults: {
        unit:
          panel["postfix"] && (panel["format"] ?? "none") === "none"
            ? `suffix:${panel["postfix"]}`
            : panel["format"],
        decimals: panel["decimals"],
        min: objectOf(panel["gauge"])["minValue"],
        max: objectOf(panel["gauge"])["maxValue"],
        mappings: mappings.filter(({ options }) => !("null" in options)),
        noValue: listOf(panel["valueMaps"]).find((map) => map["value"] === "null")?.["text"],
        color: { mode: "thresholds" },
        thresholds: { mode: "absolute", steps: thresholdSteps(panel["thresholds"], panel["colors"]) },
      },
      overrides: [],
    },
    options: {
      reduceOptions: { calcs: [CALCS[String(panel["valueName"])] ?? "lastNotNull"], values: false, fields },
      colorMode:
        panel["colorBackground"] === true ? "background" : panel["colorValue"] === true ? "value" : "none",
      graphMode: objectOf(panel["sparkline"])["show"] === true ? "area" : "none",
      textMode: panel["valueName"] === "name" ? "name" : "auto",
    },
  };
}

function migrateTable(panel: Json): Json {
  const overrides: FieldOverride[] = listOf(panel["styles"]).flatMap((style) => {
    const pattern = String(style["pattern"] ?? "");
    const properties: FieldOverride["properties"] = [];
    if (style["alias"]) properties.push({ id: "displayName", value: style["alias"] });
    if (style["unit"] && style["type"] === "number") properties.push({ id: "unit", value: style["unit"] });
    if (style["decimals"] !== undefined && style["type"] === "number")
      properties.push({ id: "decimals", value: style["decimals"] });
    if (style["type"] === "hidden") properties.push({ id: "custom.hidden", value: true });
    if (style["colorMode"]) {
      properties.push(
        {
          id: "custom.cellOptions",
          value: { type: style["colorMode"] === "value" ? "color-text" : "color-background" },
        },
        {
          id: "thresholds",
          value: {
            mode: "absolute",
            steps: thresholdSteps((style["thresholds"] as unknown[] | undefined)?.join(","), style["colors"]),
          },
        },
      );
    }
    const isRegex = /^\/.*\/$/.test(pattern);
    return properties.length === 0
      ? []
      : [{ matcher: { id: isRegex ? "byRegexp" : "byName", options: pattern }, properties }];
  });
  const transform = String(panel["transform"] ?? "");
  const transformations =
    transform === "timeseries_to_rows"
      ? [{ id: "seriesToRows" }]
      : transform === "timeseries_aggregations"
        ? [
            {
              id: "reduce",
              options: {
                reducers: listOf(panel["columns"]).map(
                  (column) => CALCS[String(column["value"])] ?? "lastNotNull",
                ),
              },
            },
          ]
        : transform === "timeseries_to_columns"
          ? [{ id: "joinByField" }]
          : [{ id: "merge" }];
  return {
    ...panel,
    type: "table",
    fieldConfig: { defaults: {}, overrides },
    transformations: panel["transformations"] ?? transformations,
  };
}

function migrateHeatmap(panel: Json): Json {
  const color = panel["color"];
  if (color === undefined || objectOf(panel["options"])["color"] !== undefined) return panel;
  const yAxis = objectOf(panel["yAxis"]);
  const legacy = objectOf(color);
  const scheme = String(legacy["colorScheme"] ?? "interpolateOranges").replace("interpolate", "");
  return {
    ...panel,
    options: {
      calculate: panel["dataFormat"] !== "tsbuckets",
      color:
        legacy["mode"] === "opacity"
          ? { mode: "opacity", fill: legacy["cardColor"] }
          : { mode: "scheme", scheme },
      yAxis: {
        unit: yAxis["format"],
        decimals: yAxis["decimals"],
        reverse: panel["reverseYBuckets"] === true,
      },
      legend: { show: objectOf(panel["legend"])["show"] === true },
      cellGap: 1,
    },
  };
}

/** `options.fieldOptions` of 6.x. */
function migrateFieldOptions(panel: Json): Json {
  const options = objectOf(panel["options"]);
  const fieldOptions = options["fieldOptions"];
  if (fieldOptions === undefined) return panel;
  const { defaults, calcs, values, thresholds } = objectOf(fieldOptions);
  const steps = listOf(thresholds).map(({ value, color }) => ({ value: value ?? null, color }));
  return {
    ...panel,
    fieldConfig: {
      defaults: {
        ...(steps.length > 0 ? { thresholds: { mode: "absolute", steps } } : {}),
        ...objectOf(defaults),
        ...(panel["fieldConfig"] ? objectOf(objectOf(panel["fieldConfig"])["defaults"]) : {}),
      },
      overrides: [],
    },
    options: { ...options, reduceOptions: { calcs: calcs ?? ["lastNotNull"], values: values === true } },
  };
}
