/**
 * Values in templates and the types that Go has for them, which errors name. Whole numbers are of type bigint, those
 * with a point of type number, nil is undefined.
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import type { Labels } from "../../../model/labels.ts";
import { GoDuration, GoNamedNumber, GoTime } from "./go-time.ts";

export interface QuerySample {
  labels: Labels;
  value: number;
  histogram?: FloatHistogram;
}

/** What a rule's template begins with. */
export class Dot {
  readonly Labels: Record<string, string>;
  readonly ExternalLabels: Record<string, string>;
  readonly ExternalURL: string;
  readonly Value: number | FloatHistogram;

  constructor(
    labels: Record<string, string>,
    externalLabels: Record<string, string>,
    externalUrl: string,
    value: number | FloatHistogram,
  ) {
    this.Labels = labels;
    this.ExternalLabels = externalLabels;
    this.ExternalURL = externalUrl;
    this.Value = value;
  }
}

/** What `safeHtml` makes: text of a type of its own. */
export class GoHtml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What `args` makes. */
export class ArgumentMap extends Map<string, Value> {}

export type Value =
  | undefined
  | boolean
  | string
  | number
  | bigint
  | GoTime
  | GoDuration
  | GoNamedNumber
  | GoHtml
  | FloatHistogram
  | QuerySample
  | QuerySample[]
  | ArgumentMap
  | Dot
  | Record<string, string>;

export function isSample(value: Value): value is QuerySample {
  return typeof value === "object" && "labels" in value && typeof value.labels !== "string";
}

/** Maps that come from a configuration have no prototype. */
const PLAIN_PROTOTYPES: readonly unknown[] = [Object.prototype, null];

/** A map of labels has texts only. */
export function isHistogram(value: Value): value is FloatHistogram {
  return typeof value === "object" && "schema" in value && typeof value.schema === "number";
}

export function isLabelMap(value: Value): value is Record<string, string> {
  return (
    typeof value === "object" &&
    PLAIN_PROTOTYPES.includes(Object.getPrototypeOf(value)) &&
    !isSample(value) &&
    !isHistogram(value)
  );
}

export function typeName(value: Value): string {
  switch (typeof value) {
    case "undefined":
      return "<nil>";
    case "bigint":
      return "int";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "string":
      return "string";
  }
  if (Array.isArray(value)) return "template.queryResult";
  if (value instanceof GoTime) return value.isPointer ? "*time.Time" : "time.Time";
  if (value instanceof GoDuration) return value.isPointer ? "*time.Duration" : "time.Duration";
  if (value instanceof GoNamedNumber) return value.type;
  if (value instanceof GoHtml) return "template.HTML";
  if (isHistogram(value)) return "*histogram.FloatHistogram";
  if (value instanceof ArgumentMap) return "map[string]interface {}";
  if (value instanceof Dot)
    return "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }";
  return isSample(value) ? "*template.sample" : "map[string]string";
}

/** As `if` takes it: not the zero of its type. */
export function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof ArgumentMap) return value.size > 0;
  if (value instanceof GoNamedNumber) return value.number !== 0n;
  if (value instanceof GoHtml) return value.text !== "";
  if (value instanceof GoDuration) return value.isPointer || value.ms !== 0;
  if (isLabelMap(value)) return Object.keys(value).length > 0;
  return value !== undefined && value !== "" && value !== 0 && value !== 0n && value !== false;
}

/** A histogram in place of the number where there is one. */
export function sampleValue({ value, histogram }: QuerySample): number | FloatHistogram {
  return histogram ?? value;
}
