/** Paths into objects, as the configuration of custom-resource metrics has them (upstream `compilePath`). */
import { toNumber } from "./number-value.ts";

/** One step: a key, an index (from the end when negative), or `[key=value]`, which finds an element of a list. */
export interface ValuePath {
  parts: readonly string[];
  /** What is there; undefined when the path leads nowhere. */
  read(value: unknown): unknown;
}

type Step = (value: unknown) => unknown;

/** @throws Error for a list lookup without `=` */
export function compilePath(parts: readonly string[] = []): ValuePath {
  const steps = parts.map(stepOf);
  return {
    parts,
    read: (value) =>
      steps.reduce<unknown>(
        (found, step) => (found === undefined || found === null ? undefined : step(found)),
        value,
      ),
  };
}

/** `[status,conditions]`, as upstream prints it. */
export function pathText({ parts }: ValuePath): string {
  return `[${parts.join(",")}]`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function stepOf(part: string): Step {
  return part.startsWith("[") && part.endsWith("]") ? lookup(part) : keyOrIndex(part);
}

function lookup(part: string): Step {
  const [key, ...rest] = part.slice(1, -1).split("=");
  if (rest.length === 0) throw new Error(`invalid list lookup: ${part}`);
  const wanted = rest.join("=");
  const number = toNumber(wanted, false);
  const isSame = (value: unknown): boolean => {
    if (value === wanted) return true;
    const found = toNumber(value, false);
    if (typeof number === "number" && found === number) return true;
    return typeof value === "boolean" && GO_BOOLEANS.get(wanted) === value;
  };
  return (value) =>
    Array.isArray(value)
      ? value.find((element) => isRecord(element) && Object.hasOwn(element, key) && isSame(element[key]))
      : undefined;
}

/** What `strconv.ParseBool` takes. */
const GO_BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

function keyOrIndex(part: string): Step {
  const [key, wanted, ...more] = part.split("=");
  return (value) => {
    if (isRecord(value)) {
      if (wanted !== undefined && more.length === 0 && value[key] === wanted) return wanted;
      return Object.hasOwn(value, part) ? value[part] : undefined;
    }
    if (!Array.isArray(value) || !/^[+-]?\d+$/.test(part)) return undefined;
    return value.at(Number(part));
  };
}
