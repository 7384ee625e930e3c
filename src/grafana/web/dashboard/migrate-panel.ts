/** Panels of the Angular era as today's: graph, singlestat, table-old, heatmap, gauge and bargauge of before 7.0. */
import type { FieldOverride } from "../data/field-config.ts";

type Json = Record<string, unknown>;

const list = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : [];
const object = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

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

function migrateGraph(panel: Json): Json {
  const xaxisMode = object(panel["xaxis"])["mode"];
  const [left, right] = list(panel["yaxes"]);
  const legend = object(panel["legend"]);
  const isBars = panel["bars"] === true && panel["lines"] !== true;
  const calcs = Object.entries({ min: "min", max: "max", avg: "mean", current: "lastNotNull", total: "sum" })
    .filter(([key]) => legend[key] === true)
    .map(([, calc]) => calc);
  const custom: Json = {
    drawStyle: isBars ? "bars" : panel["lines"] === false ? "points" : "line",
    lineWidth: panel["linewidth"] ?? 1,
    fillOpacity: isBars ? 100 : Number(panel["fill"] ?? 1) * 10,
    showPoints: panel["points"] === true ? "always" : "never",
    pointSize: panel["pointradius"] ?? 5,
    spanNulls: panel["nullPointMode"] === "connected",
    lineInterpolation: panel["steppedLine"] === true ? "stepAfter" : "linear",
    stacking: {
      mode: panel["stack"] === true ? (panel["percentage"] === true ? "percent" : "normal") : "none",
      group: "A",
    },
    axisLabel: left?.["label"] ?? "",
    scaleDistribution:
      Number(left?.["logBase"] ?? 1) > 1 ? { type: "log", log: left?.["logBase"] } : { type: "linear" },
  };
  const defaults: Json = { unit: left?.["format"] ?? "short", custom, ...limits(left) };
  if (panel["decimals"] !== undefined && panel["decimals"] !== null) defaults["decimals"] = panel["decimals"];
  if (xaxisMode === "series") return migrateSeriesGraph(panel, defaults);
  return {
    ...panel,
    type: "timeseries",
    fieldConfig:
      panel["fieldConfig"] && object(object(panel["fieldConfig"])["defaults"])["unit"]
        ? panel["fieldConfig"]
        : { defaults, overrides: seriesOverrides(panel, right) },
    options: {
      tooltip: { mode: object(panel["tooltip"])["shared"] === false ? "single" : "multi", sort: "none" },
      legend: {
        showLegend: legend["show"] !== false,
        displayMode: legend["alignAsTable"] === true || calcs.length > 0 ? "table" : "list",
        placement: legend["rightSide"] === true ? "right" : "bottom",
        calcs: legend["values"] === true ? calcs : [],
      },
    },
  };
}

/** A graph without a time axis shows a bar for each series. */
function migrateSeriesGraph(panel: Json, defaults: Json): Json {
  return {
    ...panel,
    type: "bargauge",
    fieldConfig: { defaults: { ...defaults, custom: {}, color: { mode: "palette-classic" } }, overrides: [] },
    options: { orientation: "vertical", displayMode: "basic", reduceOptions: { calcs: ["lastNotNull"] } },
  };
}

function limits(axis: Json | undefined): Json {
  const result: Json = {};
  for (const key of ["min", "max"]) {
    const value = axis?.[key];
    if (value !== undefined && value !== null && value !== "" && !Number.isNaN(Number(value)))
      result[key] = Number(value);
  }
  return result;
}

function seriesOverrides(panel: Json, right: Json | undefined): FieldOverride[] {
  const overrides: FieldOverride[] = Object.entries(object(panel["aliasColors"])).map(([name, color]) => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }],
  }));
  for (const given of list(panel["seriesOverrides"])) {
    const alias = String(given["alias"] ?? "");
    const properties: FieldOverride["properties"] = [];
    if (given["yaxis"] === 2) {
      properties.push(
        { id: "custom.axisPlacement", value: "right" },
        { id: "unit", value: right?.["format"] ?? "short" },
      );
    }
    if (given["color"] !== undefined)
      properties.push({ id: "color", value: { mode: "fixed", fixedColor: given["color"] } });
    if (given["fill"] !== undefined)
      properties.push({ id: "custom.fillOpacity", value: Number(given["fill"]) * 10 });
    if (given["linewidth"] !== undefined)
      properties.push({ id: "custom.lineWidth", value: given["linewidth"] });
    if (given["lines"] === false) properties.push({ id: "custom.lineWidth", value: 0 });
    if (given["bars"] === true) properties.push({ id: "custom.drawStyle", value: "bars" });
    if (given["stack"] === false) properties.push({ id: "custom.stacking", value: { mode: "none" } });
    if (given["transform"] === "negative-Y") properties.push({ id: "custom.transform", value: "negative-Y" });
    if (given["dashes"] === true)
      properties.push({ id: "custom.lineStyle", value: { fill: "dash", dash: [10, 10] } });
    const isRegex = /^\/.*\/$/.test(alias);
    if (properties.length > 0)
      overrides.push({ matcher: { id: isRegex ? "byRegexp" : "byName", options: alias }, properties });
  }
  return overrides;
}

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
  const isGauge = object(panel["gauge"])["show"] === true;
  const mappings = list(panel["valueMaps"]).map((map) => ({
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
        min: object(panel["gauge"])["minValue"],
        max: object(panel["gauge"])["maxValue"],
        mappings: mappings.filter(({ options }) => !("null" in options)),
        noValue: list(panel["valueMaps"]).find((map) => map["value"] === "null")?.["text"],
        color: { mode: "thresholds" },
        thresholds: { mode: "absolute", steps: thresholdSteps(panel["thresholds"], panel["colors"]) },
      },
      overrides: [],
    },
    options: {
      reduceOptions: { calcs: [CALCS[String(panel["valueName"])] ?? "lastNotNull"], values: false, fields },
      colorMode:
        panel["colorBackground"] === true ? "background" : panel["colorValue"] === true ? "value" : "none",
      graphMode: object(panel["sparkline"])["show"] === true ? "area" : "none",
      textMode: panel["valueName"] === "name" ? "name" : "auto",
    },
  };
}

function migrateTable(panel: Json): Json {
  const overrides: FieldOverride[] = list(panel["styles"]).flatMap((style) => {
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
                reducers: list(panel["columns"]).map(
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
  if (color === undefined || object(panel["options"])["color"] !== undefined) return panel;
  const yAxis = object(panel["yAxis"]);
  const legacy = object(color);
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
      legend: { show: object(panel["legend"])["show"] === true },
      cellGap: 1,
    },
  };
}

/** `options.fieldOptions` of 6.x. */
function migrateFieldOptions(panel: Json): Json {
  const options = object(panel["options"]);
  const fieldOptions = options["fieldOptions"];
  if (fieldOptions === undefined) return panel;
  const { defaults, calcs, values, thresholds } = object(fieldOptions);
  const steps = list(thresholds).map(({ value, color }) => ({ value: value ?? null, color }));
  return {
    ...panel,
    fieldConfig: {
      defaults: {
        ...(steps.length > 0 ? { thresholds: { mode: "absolute", steps } } : {}),
        ...object(defaults),
        ...(panel["fieldConfig"] ? object(object(panel["fieldConfig"])["defaults"]) : {}),
      },
      overrides: [],
    },
    options: { ...options, reduceOptions: { calcs: calcs ?? ["lastNotNull"], values: values === true } },
  };
}
