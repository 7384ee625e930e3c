/** Where the number is in an answer: a path into JSON, or a selector in the Prometheus text format. */
import { parseQuantity } from "../../model/quantity.ts";

/** Longer paths are refused: each step is a look-up. */
export const MAX_PATH_STEPS = 100;

/**
 * The value at `a.b.0.c` (the paths of GJSON: names, indexes, `#` for a list's length; `\.` is a dot in a name).
 *
 * @throws Error with upstream's text
 */
export function valueFromJson(root: unknown, location: string): number {
  const steps = location.split(/(?<!\\)\./).map((step) => step.replaceAll("\\.", "."));
  if (steps.length > MAX_PATH_STEPS) throw new Error(`valueLocation has more than ${MAX_PATH_STEPS} steps`);
  let value = root;
  for (const step of steps) value = at(value, step);
  return numberOf(value, location);
}

function at(value: unknown, step: string): unknown {
  if (Array.isArray(value)) {
    if (step === "#") return value.length;
    return /^\d+$/.test(step) ? value[Number(step)] : undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined;
}

const LABEL = /\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y;

/**
 * The first sample that a selector (`name{label="value"}`) matches.
 *
 * @throws Error with upstream's text when there is none
 */
export function valueFromPrometheus(body: string, location: string): number {
  const selector = /^\s*([A-Za-z_:][A-Za-z0-9_:]*)\s*(?:\{(.*)\})?\s*$/.exec(location);
  if (selector === null) throw new Error(`parse error in valueLocation ${JSON.stringify(location)}`);
  const [, name, labels = ""] = selector;
  const wanted = parseLabels(labels);
  let found = false;
  for (const line of body.split(/\r?\n/)) {
    const sample = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/.exec(line);
    if (sample === null || sample[1] !== name) continue;
    found = true;
    const have = parseLabels(sample[2] ?? "");
    if (Array.from(wanted).every(([label, value]) => have.get(label) === value)) return goNumber(sample[3]);
  }
  throw new Error(found ? `value ${location} not found` : `metric '${name}' not found`);
}

function goNumber(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

function parseLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.trimEnd().length) {
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`parse error in labels ${JSON.stringify(text)}`);
    labels.set(
      match[1],
      match[2].replaceAll(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character)),
    );
  }
  return labels;
}

/** A number, or a text that is a quantity. */
function numberOf(value: unknown, location: string): number {
  if (typeof value === "number") return value;
  if (typeof value !== "string") {
    const kind =
      value === undefined || value === null ? "Null" : typeof value === "boolean" ? "True" : "JSON";
    throw new Error(
      `valueLocation ${JSON.stringify(location)} must point to a numeric value or a string parseable as a Quantity, got ${kind}`,
    );
  }
  try {
    return parseQuantity(value);
  } catch {
    throw new Error(
      `valueLocation ${JSON.stringify(location)} points to a string that is not parseable as a Quantity`,
    );
  }
}
