/**
 * Dashboards in the schema "v2" (upstream `apps/dashboard/kinds/v2/dashboard_spec.cue`) as the classic model: elements
 * are named and a layout says where they stand. Also reads the two versions before it, `v2alpha1` and `v2beta1`.
 *
 * Differs on purpose: tabs are drawn as rows, of which the first is open; conditional rendering shows everything;
 * library panels are left out.
 */
import { arrayOf, type Json, objectOf, textOf } from "./json.ts";

const GRID_COLUMNS = 24;
/** Heights of an automatic grid's rows, in rows of the grid. */
const ROW_HEIGHTS: Record<string, number> = { short: 5, standard: 9, tall: 15 };
/** Widths that an automatic grid's columns want, in pixels of a window of 1600. */
const COLUMN_WIDTHS: Record<string, number> = { narrow: 192, standard: 448, wide: 768 };
const WINDOW_PX = 1600;
/** Layouts within layouts. */
const MAX_DEPTH = 5;

export function isV2Dashboard(json: Json): boolean {
  return (
    typeof json["elements"] === "object" && typeof json["layout"] === "object" && json["layout"] !== null
  );
}

export function classicOf(spec: Json): Json {
  const time = objectOf(spec["timeSettings"]);
  const sync = textOf(spec["cursorSync"], "Off");
  return {
    uid: spec["uid"],
    title: spec["title"],
    description: spec["description"],
    tags: spec["tags"],
    links: spec["links"],
    graphTooltip: Math.max(0, ["Off", "Crosshair", "Tooltip"].indexOf(sync)),
    time: { from: time["from"], to: time["to"] },
    refresh: time["autoRefresh"],
    templating: { list: arrayOf(spec["variables"]).map((variable) => classicVariable(objectOf(variable))) },
    panels: layoutPanels(objectOf(spec["layout"]), objectOf(spec["elements"])),
  };
}

/** The panels of a layout, placed from its own top. */
function layoutPanels(layout: Json, elements: Json, depth = 0): Json[] {
  if (depth > MAX_DEPTH) return [];
  const spec = objectOf(layout["spec"]);
  switch (textOf(layout["kind"])) {
    case "RowsLayout":
      return sections(arrayOf(spec["rows"]), elements, depth, () => false);
    case "TabsLayout":
      return sections(arrayOf(spec["tabs"]), elements, depth, (index) => index > 0);
    case "AutoGridLayout":
      return autoGrid(spec, elements);
    default:
      return arrayOf(spec["items"]).flatMap((item) => gridItem(objectOf(item), elements));
  }
}

/** Rows or tabs, one below the other. */
function sections(
  items: unknown[],
  elements: Json,
  depth: number,
  isClosed: (index: number) => boolean,
): Json[] {
  const panels: Json[] = [];
  let y = 0;
  for (const [index, item] of items.entries()) {
    const spec = objectOf(objectOf(item)["spec"]);
    const inner = layoutPanels(objectOf(spec["layout"]), elements, depth + 1);
    const collapsed = spec["collapse"] === true || isClosed(index);
    if (spec["hideHeader"] !== true) panels.push(rowAt(spec, y++, collapsed ? shift(inner, y) : undefined));
    if (!collapsed || spec["hideHeader"] === true) panels.push(...shift(inner, y));
    y += heightOf(inner);
  }
  return panels;
}

function rowAt(spec: Json, y: number, inner: Json[] | undefined): Json {
  return {
    type: "row",
    title: spec["title"],
    collapsed: inner !== undefined,
    gridPos: { x: 0, y, w: GRID_COLUMNS, h: 1 },
    ...repeatOf(spec),
    ...(inner === undefined ? {} : { panels: inner }),
  };
}

function shift(panels: Json[], rows: number): Json[] {
  return panels.map((panel) => {
    const position = objectOf(panel["gridPos"]);
    return { ...panel, gridPos: { ...position, y: Number(position["y"] ?? 0) + rows } };
  });
}

function heightOf(panels: Json[]): number {
  const bottoms = panels.map(
    ({ gridPos }) => Number(objectOf(gridPos)["y"]) + Number(objectOf(gridPos)["h"]),
  );
  return Math.max(0, ...bottoms);
}

function autoGrid(spec: Json, elements: Json): Json[] {
  const wanted =
    spec["columnWidthMode"] === "custom"
      ? Number(spec["columnWidth"])
      : (COLUMN_WIDTHS[textOf(spec["columnWidthMode"], "standard")] ?? COLUMN_WIDTHS["standard"]);
  const most = Math.max(1, Math.min(Number(spec["maxColumnCount"] ?? 3) || 3, GRID_COLUMNS));
  const columns = Math.max(1, Math.min(most, Math.floor(WINDOW_PX / wanted) || 1));
  const height = ROW_HEIGHTS[textOf(spec["rowHeightMode"], "standard")] ?? ROW_HEIGHTS["standard"];
  const width = Math.floor(GRID_COLUMNS / columns);
  return arrayOf(spec["items"]).flatMap((item, index) => {
    const own = objectOf(objectOf(item)["spec"]);
    const gridPos = {
      x: (index % columns) * width,
      y: Math.floor(index / columns) * height,
      w: width,
      h: height,
    };
    return elementPanel(own, elements, gridPos);
  });
}

function gridItem(item: Json, elements: Json): Json[] {
  const spec = objectOf(item["spec"]);
  if (textOf(item["kind"]) !== "GridLayoutRow") {
    const { x, y, width, height } = spec;
    return elementPanel(spec, elements, { x, y, w: width, h: height });
  }
  const y = Number(spec["y"] ?? 0);
  // Panels of a row count from the row.
  const inner = shift(
    arrayOf(spec["elements"]).flatMap((one) => gridItem(objectOf(one), elements)),
    y + 1,
  );
  const collapsed = spec["collapsed"] === true;
  return [rowAt(spec, y, collapsed ? inner : undefined), ...(collapsed ? [] : inner)];
}

function elementPanel(item: Json, elements: Json, gridPos: Json): Json[] {
  const name = textOf(objectOf(item["element"])["name"]);
  const element = Object.hasOwn(elements, name) ? objectOf(elements[name]) : {};
  if (element["kind"] !== "Panel") return [];
  return [{ ...classicPanel(objectOf(element["spec"])), gridPos, ...repeatOf(item) }];
}

function repeatOf(item: Json): Json {
  const { mode, value, direction, maxPerRow } = objectOf(item["repeat"]);
  return mode === "variable" ? { repeat: value, repeatDirection: direction, maxPerRow } : {};
}

function classicPanel(spec: Json): Json {
  const data = objectOf(objectOf(spec["data"])["spec"]);
  const viz = objectOf(spec["vizConfig"]);
  const vizSpec = objectOf(viz["spec"]);
  const queryOptions = objectOf(data["queryOptions"]);
  return {
    id: spec["id"],
    title: spec["title"],
    description: textOf(spec["description"]) || undefined,
    transparent: spec["transparent"],
    links: spec["links"],
    // The plugin is the group; before v2beta1 it was the kind.
    type: textOf(viz["group"]) || textOf(viz["kind"]),
    options: vizSpec["options"],
    fieldConfig: vizSpec["fieldConfig"],
    targets: arrayOf(data["queries"]).map((query) => classicTarget(objectOf(objectOf(query)["spec"]))),
    transformations: arrayOf(data["transformations"]).map((one) => {
      const { kind, group, spec: inner } = objectOf(one);
      return { ...objectOf(inner), id: objectOf(inner)["id"] ?? group ?? kind };
    }),
    interval: queryOptions["interval"],
    maxDataPoints: queryOptions["maxDataPoints"],
    timeFrom: queryOptions["timeFrom"],
    timeShift: queryOptions["timeShift"],
  };
}

function classicTarget(spec: Json): Json {
  const query = objectOf(spec["query"]);
  return {
    ...objectOf(query["spec"]),
    refId: spec["refId"],
    hide: spec["hidden"],
    datasource: dataSourceOf(query, spec),
  };
}

/** v2 names a data source by its uid and the query's group; v2alpha1 had a reference beside the query. */
function dataSourceOf(query: Json, outer: Json): Json | undefined {
  const before = objectOf(outer["datasource"]);
  if (before["uid"] !== undefined || before["type"] !== undefined) return before;
  const name = objectOf(query["datasource"])["name"];
  const type = textOf(query["group"]) || (query["kind"] === "DataQuery" ? "" : textOf(query["kind"]));
  return name === undefined && type === "" ? undefined : { type: type || undefined, uid: name };
}

const VARIABLE_TYPES: Record<string, string> = {
  QueryVariable: "query",
  TextVariable: "textbox",
  ConstantVariable: "constant",
  DatasourceVariable: "datasource",
  IntervalVariable: "interval",
  CustomVariable: "custom",
  GroupByVariable: "groupby",
  AdhocVariable: "adhoc",
  SwitchVariable: "switch",
};

const HIDES: Record<string, number> = { dontHide: 0, hideLabel: 1, hideVariable: 2 };

/** In the classic model a number that counts through these. */
const SORTS = [
  "disabled",
  "alphabeticalAsc",
  "alphabeticalDesc",
  "numericalAsc",
  "numericalDesc",
  "alphabeticalCaseInsensitiveAsc",
  "alphabeticalCaseInsensitiveDesc",
  "naturalAsc",
  "naturalDesc",
];

function classicVariable(variable: Json): Json {
  const spec = objectOf(variable["spec"]);
  const query = objectOf(spec["query"]);
  const type = VARIABLE_TYPES[textOf(variable["kind"])] ?? "custom";
  const inner = objectOf(query["spec"]);
  return {
    ...spec,
    type,
    hide: HIDES[textOf(spec["hide"])] ?? 0,
    sort: Math.max(0, SORTS.indexOf(textOf(spec["sort"]))),
    query:
      type === "datasource"
        ? spec["pluginId"]
        : type === "query"
          ? (inner["__legacyStringValue"] ?? (Object.keys(inner).length > 0 ? inner : spec["query"]))
          : spec["query"],
    datasource: type === "query" ? dataSourceOf(query, spec) : undefined,
  };
}
