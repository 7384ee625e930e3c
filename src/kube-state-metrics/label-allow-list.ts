/**
 * Which Kubernetes labels and annotations become Prometheus labels: `--metric-labels-allowlist` and
 * `--metric-annotations-allowlist`, e.g. `pods=[tier,app],nodes=[*]` (upstream `pkg/options/types.go`,
 * `internal/store/utils.go`). Without it `kube_pod_labels` has no series.
 */
import { compareStrings } from "../model/labels.ts";
import type { LabelPairs } from "./sample.ts";

/** Resource (`pods`, or `*` for all) → keys, or `*` for every key. */
export type LabelAllowList = Map<string, string[]>;

const BAD_FORMAT = "invalid format, metric=[label1,label2,labeln...],metricN=[]";

/**
 * Reads the flag one character at a time, as upstream does, since what it forgives is part of the format: nothing but
 * the neighbours of `=`, `[`, `]` and `,` is looked at.
 *
 * @throws Error with upstream's text
 */
export function parseLabelAllowList(text: string): LabelAllowList {
  const list: LabelAllowList = new Map();
  const characters = [...text];
  let wordStart = 0;
  let name = "";
  const take = (end: number) => characters.slice(wordStart, end).join("").trim();
  const add = (end: number) => list.set(name, [...(list.get(name) ?? []), take(end)]);
  for (const [index, character] of characters.entries()) {
    const previous = characters[index - 1] ?? character;
    const next = characters[index + 1];
    if (!"=[],".includes(character)) continue;
    if (character === "=") {
      if (previous === "," || next !== "[") throw new Error(BAD_FORMAT);
      name = take(index);
      list.set(name, []);
    } else if (character === "[") {
      if (previous !== "=") throw new Error(BAD_FORMAT);
    } else if (character === "]") {
      if (next !== undefined && next !== ",") throw new Error(BAD_FORMAT);
      if (previous !== "[") add(index);
    } else {
      if (previous === "," || next === undefined || next === "]") throw new Error(BAD_FORMAT);
      if (previous !== "]") add(index);
    }
    wordStart = index + 1;
  }
  for (const key of [...list.values()].flat())
    if (key.split("*").length > 2) throw new Error("invalid format, only one wildcard per label allowed");
  return list;
}

/** The keys allowed for a resource; undefined when the family is to have no series at all. `*` overrides the rest. */
export function allowedKeys(list: LabelAllowList, resource: string): string[] | undefined {
  const keys = list.get("*") ?? list.get(resource);
  return keys === undefined || keys.length === 0 ? undefined : keys;
}

/** The labels of an object that the keys allow, named `<prefix>_<key>`, invalid characters as `_`, sorted by key. */
export function prometheusLabels(
  prefix: string,
  data: Record<string, string> | undefined,
  allowed: string[],
): LabelPairs {
  const patterns = allowed.map((key, index) => patternOf(key, index));
  const keys = Object.keys(data ?? {}).filter((key) => patterns.some((pattern) => pattern.test(key)));
  const names = uniqueNames(
    keys.sort(compareStrings).map((key) => `${prefix}_${snakeCase(key.replace(/[^a-zA-Z0-9_]/g, "_"))}`),
  );
  return keys.map((key, index) => [names[index], data![key]]);
}

/** Every key is allowed only by a `*` that comes first; elsewhere a `*` stands for part of a key. */
function patternOf(key: string, index: number): RegExp {
  if (key === "*") return index === 0 ? /^/ : /^(?!)/;
  const parts = key.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  // Several wildcards allow nothing, rather than more than was meant.
  return parts.length > 2 ? /^(?!)/ : new RegExp(`^${parts.join(".*")}$`);
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

/** Names that several keys share get `_conflict1`, `_conflict2`, …: the next that no other key has. */
function uniqueNames(names: string[]): string[] {
  const result: string[] = [];
  const used = new Map<string, number>();
  const conflicts = new Map<string, number>();
  const nextFree = (base: string): string => {
    let count = conflicts.get(base) ?? 0;
    do count++;
    while (used.has(`${base}_conflict${count}`));
    conflicts.set(base, count);
    return `${base}_conflict${count}`;
  };
  for (const base of names) {
    let name = base;
    const taken = used.get(base);
    if (conflicts.has(base)) name = nextFree(base);
    else if (taken !== undefined) {
      // The first one of the name was written without a number.
      const renamed = nextFree(base);
      used.delete(base);
      used.set(renamed, taken);
      result[taken] = renamed;
      name = nextFree(base);
    }
    used.set(name, result.length);
    result.push(name);
  }
  return result;
}
