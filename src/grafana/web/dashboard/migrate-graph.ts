/** The panel `graph` of before 8.0 (upstream `timeseries/migrations.ts`). */
import type { FieldOverride } from "../data/field-config.ts";
import { type Json, listOf, objectOf } from "./json.ts";

export function migrateGraph(panel: Json): Json {
  const [left, right] = listOf(panel["yaxes"]);
  const given = objectOf(panel["fieldConfig"]);
  const defaults = graphDefaults(panel, left);
  if (objectOf(panel["xaxis"])["mode"] === "series") return seriesGraph(panel, defaults);
  const isMigrated = objectOf(given["defaults"])["unit"] !== undefined;
  return {
    ...panel,
    type: "timeseries",
    fieldConfig: isMigrated ? given : { defaults, overrides: seriesOverrides(panel, right) },
    options: { tooltip: tooltipOf(objectOf(panel["tooltip"])), legend: legendOf(objectOf(panel["legend"])) },
  };
}

function graphDefaults(panel: Json, left: Json | undefined): Json {
  const isBars = panel["bars"] === true && panel["lines"] !== true;
  const thresholds = graphThresholds(listOf(panel["thresholds"]));
  const custom: Json = {
    drawStyle: isBars ? "bars" : panel["lines"] === false ? "points" : "line",
    lineWidth: panel["linewidth"] ?? 1,
    fillOpacity: isBars ? 100 : Number(panel["fill"] ?? 1) * 10,
    gradientMode: Number(panel["fillGradient"] ?? 0) > 0 ? "opacity" : "none",
    showPoints: panel["points"] === true ? "always" : "never",
    pointSize: 2 + Number(panel["pointradius"] ?? 2) * 2,
    spanNulls: panel["nullPointMode"] === "connected",
    lineInterpolation: panel["steppedLine"] === true ? "stepAfter" : "linear",
    lineStyle: panel["dashes"] === true ? dashes(panel) : undefined,
    stacking: {
      mode: panel["stack"] === true ? (panel["percentage"] === true ? "percent" : "normal") : "none",
      group: "A",
    },
    axisPlacement: left?.["show"] === false ? "hidden" : "auto",
    axisLabel: left?.["label"] ?? "",
    scaleDistribution:
      Number(left?.["logBase"] ?? 1) > 1 ? { type: "log", log: left?.["logBase"] } : { type: "linear" },
    thresholdsStyle: { mode: thresholds?.style ?? "off" },
  };
  const decimals = left?.["decimals"] ?? panel["decimals"];
  return {
    unit: left?.["format"] ?? "short",
    custom,
    ...limits(left),
    ...(decimals === undefined || decimals === null ? {} : { decimals }),
    ...(thresholds === undefined ? {} : { thresholds: { mode: "absolute", steps: thresholds.steps } }),
    links: listOf(objectOf(panel["options"])["dataLinks"]),
  };
}

const THRESHOLD_COLORS: Record<string, string> = { critical: "red", warning: "orange", ok: "green" };

/** Lines and areas above or below values, as steps from the lowest value up. */
function graphThresholds(given: readonly Json[]): { steps: Json[]; style: string } | undefined {
  const bounds = given
    .filter((one) => one["visible"] !== false && Number.isFinite(Number(one["value"] ?? Number.NaN)))
    .sort((a, b) => Number(a["value"]) - Number(b["value"]));
  if (bounds.length === 0) return undefined;
  const colorOf = (one: Json) =>
    THRESHOLD_COLORS[String(one["colorMode"])] ?? one["fillColor"] ?? one["lineColor"] ?? "red";
  const steps: Json[] = [{ value: null, color: "transparent" }];
  for (const [index, bound] of bounds.entries()) {
    const value = Number(bound["value"]);
    if (bound["op"] === "lt") {
      // What is below has the colour: the step before.
      steps.at(-1)!["color"] = colorOf(bound);
      const next = bounds[index + 1];
      steps.push({ value, color: next?.["op"] === "lt" ? colorOf(next) : "transparent" });
    } else steps.push({ value, color: colorOf(bound) });
  }
  const hasArea = bounds.some((one) => one["fill"] === true);
  const hasLine = bounds.some((one) => one["line"] === true);
  return { steps, style: hasArea ? (hasLine ? "line+area" : "area") : "line" };
}

function legendOf(legend: Json): Json {
  const calcs = Object.entries({ min: "min", max: "max", avg: "mean", current: "lastNotNull", total: "sum" })
    .filter(([key]) => legend[key] === true)
    .map(([, calc]) => calc);
  return {
    showLegend: legend["show"] !== false,
    displayMode: legend["alignAsTable"] === true || calcs.length > 0 ? "table" : "list",
    placement: legend["rightSide"] === true ? "right" : "bottom",
    calcs: legend["values"] === true ? calcs : [],
    ...(legend["rightSide"] === true && Number(legend["sideWidth"]) > 0
      ? { width: Number(legend["sideWidth"]) }
      : {}),
  };
}

function tooltipOf(tooltip: Json): Json {
  return {
    mode: tooltip["shared"] === false ? "single" : "multi",
    sort: ["none", "asc", "desc"][Number(tooltip["sort"] ?? 0)] ?? "none",
  };
}

/** A graph without a time axis shows a bar for each series. */
function seriesGraph(panel: Json, defaults: Json): Json {
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

function dashes(given: Json): Json {
  return { fill: "dash", dash: [Number(given["dashLength"] ?? 10), Number(given["spaceLength"] ?? 10)] };
}

function seriesOverrides(panel: Json, right: Json | undefined): FieldOverride[] {
  const overrides: FieldOverride[] = Object.entries(objectOf(panel["aliasColors"])).map(([name, color]) => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }],
  }));
  for (const given of listOf(panel["seriesOverrides"])) {
    const properties = overrideProperties(given, right);
    const alias = String(given["alias"] ?? "");
    const isRegex = /^\/.*\/[a-z]*$/.test(alias);
    if (properties.length > 0)
      overrides.push({ matcher: { id: isRegex ? "byRegexp" : "byName", options: alias }, properties });
  }
  return overrides;
}

function overrideProperties(given: Json, right: Json | undefined): FieldOverride["properties"] {
  const properties: FieldOverride["properties"] = [];
  const add = (id: string, value: unknown) => properties.push({ id, value });
  if (given["yaxis"] === 2) rightAxis(right).forEach(([id, value]) => void add(id, value));
  if (given["color"] !== undefined) add("color", { mode: "fixed", fixedColor: given["color"] });
  if (given["fill"] !== undefined) add("custom.fillOpacity", Number(given["fill"]) * 10);
  if (given["fillBelowTo"] !== undefined) add("custom.fillBelowTo", given["fillBelowTo"]);
  if (given["linewidth"] !== undefined) add("custom.lineWidth", given["linewidth"]);
  if (given["pointradius"] !== undefined) add("custom.pointSize", 2 + Number(given["pointradius"]) * 2);
  if (given["points"] === true) add("custom.showPoints", "always");
  if (given["steppedLine"] === true) add("custom.lineInterpolation", "stepAfter");
  if (given["nullPointMode"] !== undefined) add("custom.spanNulls", given["nullPointMode"] === "connected");
  if (given["lines"] === false && given["points"] === true) add("custom.drawStyle", "points");
  else if (given["lines"] === false) add("custom.lineWidth", 0);
  if (given["bars"] === true) add("custom.drawStyle", "bars");
  if (given["stack"] === false) add("custom.stacking", { mode: "none" });
  else if (given["stack"] === true || /^[A-Z]$/.test(String(given["stack"] ?? "")))
    add("custom.stacking", { mode: "normal", group: given["stack"] === true ? "A" : given["stack"] });
  if (given["transform"] === "negative-Y") add("custom.transform", "negative-Y");
  if (given["dashes"] === true) add("custom.lineStyle", dashes(given));
  const hide = {
    viz:
      given["lines"] === false &&
      given["bars"] !== true &&
      given["points"] !== true &&
      given["hiddenSeries"] === true,
    legend: given["legend"] === false,
    tooltip: given["hideTooltip"] === true,
  };
  if (hide.viz || hide.legend || hide.tooltip) add("custom.hideFrom", hide);
  return properties;
}

function rightAxis(right: Json | undefined): [id: string, value: unknown][] {
  const label = right?.["label"];
  const bounds = limits(right);
  return [
    ["custom.axisPlacement", right?.["show"] === false ? "hidden" : "right"],
    ["unit", right?.["format"] ?? "short"],
    ...(typeof label === "string" && label !== "" ? [["custom.axisLabel", label] as [string, unknown]] : []),
    ...Object.entries(bounds),
  ];
}
