/**
 * Dashboard JSON of any age as the model: missing parts get their defaults, rows of before 2018 become panels, schema v2
 * becomes the classic model, and Angular-era panels become today's (upstream `DashboardMigrator`, and the panels' own migrations).
 */
import type { PanelFieldConfig } from "../data/field-config.ts";
import { arrayOf, type Json, objectOf, textOf } from "./json.ts";
import { migratePanel } from "./migrate-panel.ts";
import {
  type Dashboard,
  EMPTY_CONFIG,
  type GridPosition,
  type Panel,
  type Target,
  type Variable,
} from "./model.ts";
import { classicOf, isV2Dashboard } from "./read-v2-dashboard.ts";

/** Columns of the grid. */
export const GRID_COLUMNS = 24;
const DEFAULT_PANEL_HEIGHT = 8;

/** Never throws: what cannot be understood is left out. */
export function readDashboard(given: Json): Dashboard {
  const json = isV2Dashboard(given) ? classicOf(given) : given;
  const templating = objectOf(json["templating"]);
  const time = objectOf(json["time"]);
  const panels = arrayOf(json["panels"]).length > 0 ? readPanels(json["panels"]) : readRows(json["rows"]);
  return {
    uid: textOf(json["uid"]),
    title: textOf(json["title"], "Untitled"),
    description: textOf(json["description"]) || undefined,
    tags: arrayOf(json["tags"]).filter((tag) => typeof tag === "string"),
    panels: panels.map((panel, index) => ({ ...panel, id: panel.id || index + 1 })),
    variables: arrayOf(templating["list"]).flatMap(readVariable),
    time: { from: textOf(time["from"], "now-6h"), to: textOf(time["to"], "now") },
    refresh: textOf(json["refresh"]),
    graphTooltip: Number(json["graphTooltip"] ?? (json["sharedCrosshair"] === true ? 1 : 0)),
    links: arrayOf(json["links"]).map((link) => objectOf(link)) as Dashboard["links"],
  };
}

function readPanels(value: unknown): Panel[] {
  return arrayOf(value)
    .map((panel) => readPanel(objectOf(panel)))
    .sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
}

function readPanel(json: Json): Panel {
  const migrated = migratePanel(json);
  const fieldConfig = objectOf(migrated["fieldConfig"]);
  return {
    ...(migrated as Partial<Panel>),
    id: Number(migrated["id"] ?? 0),
    type: textOf(migrated["type"], "text"),
    title: textOf(migrated["title"]),
    gridPos: readPosition(migrated["gridPos"], migrated["type"] === "row"),
    targets: arrayOf(migrated["targets"]).map((target, index) => readTarget(objectOf(target), index)),
    fieldConfig: migrated["fieldConfig"] === undefined ? EMPTY_CONFIG : readFieldConfig(fieldConfig),
    options: objectOf(migrated["options"]),
    transformations: arrayOf(migrated["transformations"]) as Panel["transformations"],
    panels: migrated["type"] === "row" ? readPanels(migrated["panels"]) : undefined,
  };
}

function readFieldConfig(json: Json): PanelFieldConfig {
  const overrides = arrayOf(json["overrides"]).map(objectOf);
  return {
    defaults: objectOf(json["defaults"]),
    overrides: overrides.map((override) => ({
      matcher: {
        id: textOf(objectOf(override["matcher"])["id"]),
        options: objectOf(override["matcher"])["options"],
      },
      properties: arrayOf(override["properties"]).map((property) => ({
        id: textOf(objectOf(property)["id"]),
        value: objectOf(property)["value"],
      })),
    })),
  };
}

function readTarget(json: Json, index: number): Target {
  return { ...json, refId: textOf(json["refId"], String.fromCharCode(65 + (index % 26))) };
}

function readPosition(value: unknown, isRow: boolean): GridPosition {
  const { x, y, w, h } = objectOf(value);
  const number = (given: unknown, fallback: number) =>
    typeof given === "number" && Number.isFinite(given) ? given : fallback;
  const width = isRow ? GRID_COLUMNS : Math.min(GRID_COLUMNS, Math.max(1, number(w, 12)));
  return {
    x: Math.min(GRID_COLUMNS - width, Math.max(0, number(x, 0))),
    y: Math.max(0, number(y, 0)),
    w: width,
    h: isRow ? 1 : Math.max(1, number(h, DEFAULT_PANEL_HEIGHT)),
  };
}

/** Rows of before schema version 16: panels with a width in twelfths, one row below the other. */
function readRows(value: unknown): Panel[] {
  const panels: Panel[] = [];
  let y = 0;
  for (const row of arrayOf(value).map(objectOf)) {
    const title = textOf(row["title"]);
    const height = Math.max(3, Math.round(Number.parseInt(String(row["height"] ?? "250"), 10) / 38));
    const isCollapsed = row["collapse"] === true;
    if (title !== "" && (row["showTitle"] === true || isCollapsed)) {
      panels.push(
        readPanel({
          type: "row",
          title,
          collapsed: isCollapsed,
          gridPos: { x: 0, y, w: GRID_COLUMNS, h: 1 },
          repeat: row["repeat"],
        }),
      );
      y++;
    }
    let x = 0;
    let rowHeight = height;
    const inner: Panel[] = [];
    for (const panel of arrayOf(row["panels"]).map(objectOf)) {
      const w = Math.min(GRID_COLUMNS, Math.max(2, Math.floor(Number(panel["span"] ?? 4)) * 2));
      if (x + w > GRID_COLUMNS) {
        x = 0;
        y += rowHeight;
      }
      const h =
        panel["height"] === undefined
          ? height
          : Math.max(3, Math.round(Number.parseInt(String(panel["height"]), 10) / 38));
      rowHeight = Math.max(height, h);
      inner.push(readPanel({ ...panel, gridPos: { x, y, w, h } }));
      x += w;
    }
    if (isCollapsed && panels.at(-1)?.type === "row") panels.at(-1)!.panels = inner;
    else panels.push(...inner);
    y += rowHeight;
  }
  return panels;
}

function readVariable(value: unknown): Variable[] {
  const json = objectOf(value);
  const name = textOf(json["name"]);
  return name === "" ? [] : [{ ...(json as Partial<Variable>), name, type: textOf(json["type"], "query") }];
}
