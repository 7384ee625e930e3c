/** Grafana dashboard JSON from a few words: panels are laid out in rows of 24 columns in the order given. */

export const DATA_SOURCE = { type: "prometheus", uid: "prometheus" } as const;

export interface Query {
  expr: string;
  legend?: string;
  /** The value now, instead of its course. */
  instant?: boolean;
  format?: "table" | "heatmap";
  exemplar?: boolean;
}

export interface PanelSpec {
  title: string;
  type: string;
  description?: string;
  /** Of 24 columns. */
  width: number;
  /** Of 38 pixels. */
  height: number;
  queries?: Query[];
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  color?: Record<string, unknown>;
  /** From low to high: a colour, and the value where it begins. */
  thresholds?: [color: string, from: number | null][];
  mappings?: unknown[];
  custom?: Record<string, unknown>;
  options?: Record<string, unknown>;
  overrides?: { matcher: { id: string; options: unknown }; properties: { id: string; value: unknown }[] }[];
  transformations?: unknown[];
}

export interface DashboardSpec {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  /** Rows of panels with their headings; "" for none. */
  rows: [title: string, panels: PanelSpec[]][];
  variables?: unknown[];
  /** @default "now-15m" */
  from?: string;
}

export const TIER_VARIABLE = {
  name: "tier",
  label: "Tier",
  type: "query",
  datasource: DATA_SOURCE,
  query: { query: "label_values(percolate_active_tenants, tier)", refId: "tier" },
  definition: "label_values(percolate_active_tenants, tier)",
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  current: { text: "All", value: "$__all" },
  options: [],
};

/** A dashboard in the classic model, schema version 42. */
export function dashboard(spec: DashboardSpec): object {
  const panels: object[] = [];
  let y = 0;
  for (const [title, members] of spec.rows) {
    if (title !== "") {
      const gridPos = { x: 0, y, w: 24, h: 1 };
      panels.push({ id: panels.length + 1, type: "row", title, collapsed: false, gridPos, panels: [] });
      y += 1;
    }
    let x = 0;
    let height = 0;
    for (const member of members) {
      if (x + member.width > 24) {
        y += height;
        [x, height] = [0, 0];
      }
      panels.push(panel(member, panels.length + 1, { x, y, w: member.width, h: member.height }));
      x += member.width;
      height = Math.max(height, member.height);
    }
    y += height;
  }
  return {
    uid: spec.uid,
    title: spec.title,
    description: spec.description,
    tags: ["percolate", ...spec.tags],
    schemaVersion: 42,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: "10s",
    time: { from: spec.from ?? "now-15m", to: "now" },
    timezone: "browser",
    templating: { list: spec.variables ?? [] },
    annotations: { list: [] },
    links: [],
    panels,
  };
}

interface GridPosition {
  x: number;
  y: number;
  w: number;
  h: number;
}

function panel(spec: PanelSpec, id: number, gridPos: GridPosition): object {
  const {
    title,
    type,
    description,
    queries = [],
    custom,
    options = {},
    overrides = [],
    transformations,
  } = spec;
  const { unit, decimals, min, max, mappings = [] } = spec;
  const thresholds = (spec.thresholds ?? [["green", null]]).map(([color, value]) => ({ color, value }));
  const color = spec.color ?? { mode: spec.thresholds === undefined ? "palette-classic" : "thresholds" };
  return defined({
    id,
    title,
    type,
    description,
    gridPos,
    datasource: type === "text" ? undefined : DATA_SOURCE,
    targets: queries.map((query, index) => target(query, String.fromCharCode(65 + index))),
    fieldConfig: {
      defaults: defined({
        unit,
        decimals,
        min,
        max,
        color,
        mappings,
        thresholds: { mode: "absolute", steps: thresholds },
        custom: type === "timeseries" ? { ...LINES, ...custom } : custom,
      }),
      overrides,
    },
    options: type === "timeseries" ? { ...GRAPH, ...options } : options,
    transformations,
  });
}

/** Without members that are undefined, as JSON has none. */
function defined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

const LINES = {
  drawStyle: "line",
  lineInterpolation: "linear",
  lineWidth: 2,
  fillOpacity: 12,
  gradientMode: "opacity",
  showPoints: "never",
  spanNulls: false,
  stacking: { mode: "none", group: "A" },
};

const GRAPH = {
  tooltip: { mode: "multi", sort: "desc" },
  legend: { showLegend: true, displayMode: "list", placement: "bottom", calcs: [] },
};

function target(query: Query, refId: string): object {
  const { expr, legend = "__auto", instant = false, format = "time_series", exemplar = false } = query;
  return {
    refId,
    datasource: DATA_SOURCE,
    expr,
    legendFormat: legend,
    instant,
    range: !instant,
    format,
    exemplar,
  };
}

/** Steps at the scrapes, for counts that jump. */
export const STEPS = { lineInterpolation: "stepAfter", fillOpacity: 8 };
export const STACKED = {
  stacking: { mode: "normal", group: "A" },
  fillOpacity: 35,
  lineWidth: 1,
  gradientMode: "none",
};

/** A large number with its course. */
export function stat(title: string, width: number, query: Query, more: Partial<PanelSpec> = {}): PanelSpec {
  return {
    title,
    type: "stat",
    width,
    height: 4,
    queries: [query],
    ...(more.thresholds === undefined ? { color: { mode: "fixed", fixedColor: "blue" } } : {}),
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      colorMode: "value",
      graphMode: "area",
      textMode: "value",
    },
    ...more,
  };
}

export function graph(
  title: string,
  width: number,
  queries: Query[],
  more: Partial<PanelSpec> = {},
): PanelSpec {
  return { title, type: "timeseries", width, height: 8, queries, ...more };
}

export function legendTable(...calcs: string[]): Record<string, unknown> {
  return {
    legend: {
      showLegend: true,
      displayMode: "table",
      placement: "right",
      calcs,
      sortBy: "Last *",
      sortDesc: true,
    },
  };
}
