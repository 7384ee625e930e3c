/** Values of templates as text, as Go's `fmt` prints them. Numbers without a point are of type bigint. */
import { formatHistogram } from "../../../model/histogram-format.ts";
import { compareStrings } from "../../../model/labels.ts";
import { formatGoFloat } from "../../../wire/exposition/go-float.ts";
import { GoDuration, GoNamedNumber, GoTime } from "./go-time.ts";
import { ArgumentMap, Dot, GoHtml, isHistogram, isSample, sampleValue, type Value } from "./values.ts";

/** As `%v`, but for nil. */
export function printed(value: Value): string {
  if (typeof value === "number") return formatGoFloat(value);
  if (typeof value !== "object") return String(value);
  if (value instanceof GoTime || value instanceof GoDuration) return value.toString();
  if (value instanceof GoNamedNumber || value instanceof GoHtml) return value.text;
  if (Array.isArray(value)) return `[${value.map(printed).join(" ")}]`;
  if (isHistogram(value)) return formatHistogram(value);
  if (value instanceof Dot) {
    const { Labels, ExternalLabels, ExternalURL, Value } = value;
    return `{${[Labels, ExternalLabels, ExternalURL, Value].map(shown).join(" ")}}`;
  }
  if (isSample(value)) return `{${printed(value.labels.toObject())} ${printed(sampleValue(value))}}`;
  const entries = value instanceof ArgumentMap ? [...value] : Object.entries(value);
  const pairs = entries
    .sort(([a], [b]) => compareStrings(a, b))
    .map(([key, item]) => `${key}:${shown(item)}`);
  return `map[${pairs.join(" ")}]`;
}

/** As `%v`. */
export function shown(value: Value): string {
  return value === undefined ? "<nil>" : printed(value);
}

/** As Go's `Sprint`: blanks between what is no text. */
export function sprint(args: readonly Value[]): string {
  return args
    .map((value, i) => {
      const isSpaced = i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string";
      return (isSpaced ? " " : "") + shown(value);
    })
    .join("");
}
