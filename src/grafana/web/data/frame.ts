/** Tables of columns, in which all data travel from query to panel (upstream `@grafana/data` DataFrame). */

export type FieldType = "time" | "number" | "string" | "boolean" | "other";
export type LabelSet = Readonly<Record<string, string>>;

export interface Field {
  name: string;
  type: FieldType;
  labels?: LabelSet;
  values: unknown[];
  config: FieldConfig;
}

export interface Frame {
  name?: string;
  refId?: string;
  fields: Field[];
}

/** How a field is shown: the panel's defaults with the overrides that match it. */
export interface FieldConfig {
  displayName?: string;
  /** What the data source calls it: the legend of a query. */
  displayNameFromDS?: string;
  unit?: string;
  decimals?: number | null;
  min?: number | null;
  max?: number | null;
  noValue?: string;
  color?: { mode: string; fixedColor?: string; seriesBy?: string };
  thresholds?: { mode: "absolute" | "percentage"; steps: { color: string; value: number | null }[] };
  mappings?: ValueMapping[];
  links?: { title?: string; url?: string; targetBlank?: boolean }[];
  /** The panel's own settings of a field: `lineWidth`, `stacking`, `cellOptions`, … */
  custom?: Record<string, unknown>;
}

export interface ValueMapping {
  type: "value" | "range" | "regex" | "special";
  options: Record<string, unknown>;
}

export function timeField(frame: Frame): Field | undefined {
  return frame.fields.find(({ type }) => type === "time");
}

export function numberFields(frame: Frame): Field[] {
  return frame.fields.filter(({ type }) => type === "number");
}

export function lengthOf(frame: Frame): number {
  return frame.fields[0]?.values.length ?? 0;
}

/** What a field is called in legends and headings. */
export function displayNameOf(field: Field, frame?: Frame): string {
  const { displayName, displayNameFromDS } = field.config;
  if (displayName) return fillName(displayName, field);
  if (displayNameFromDS) return displayNameFromDS;
  if (field.name === "Value" && field.labels !== undefined) {
    const labels = labelText(field.labels);
    if (labels !== "{}") return labels;
  }
  return field.name === "Value" ? (frame?.name ?? field.name) : field.name;
}

/** `${__field.labels.pod}` and its like within a display name. */
function fillName(template: string, field: Field): string {
  return template.replace(/\$\{__field\.(labels\.)?(\w+)\}/g, (_, isLabel?: string, key = "") => {
    if (isLabel) return field.labels?.[key] ?? "";
    if (key === "name" || key === "displayName") return field.config.displayNameFromDS ?? field.name;
    return key === "labels" ? labelText(field.labels ?? {}) : "";
  });
}

/** `name{label="value"}` */
export function labelText(labels: LabelSet): string {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
}
