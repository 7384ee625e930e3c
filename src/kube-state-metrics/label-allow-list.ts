/**
 * Which Kubernetes labels and annotations become Prometheus labels: `--metric-labels-allowlist` and
 * `--metric-annotations-allowlist`, e.g. `pods=[tier,app],nodes=[*]`. Without it `kube_pod_labels` has no series.
 */
import { compareStrings } from "../model/labels.ts";
import type { LabelPairs } from "./family.ts";

/** Resource (`pods`, or `*` for all) → keys, or `*` for every key. */
export type LabelAllowList = Map<string, string[]>;

/** @throws Error that names the part that is not of the form `resource=[key,…]`. */
export function parseLabelAllowList(text: string): LabelAllowList {
  const list: LabelAllowList = new Map();
  let rest = text.trim();
  while (rest !== "") {
    const match = /^\s*([a-z*]+)\s*=\s*\[([^\]]*)\]\s*(,|$)/.exec(rest);
    if (match === null) throw new Error(`invalid allow list at "${rest}": expected resource=[key,key]`);
    const keys = match[2].split(",").map((key) => key.trim());
    list.set(
      match[1],
      keys.filter((key) => key !== ""),
    );
    rest = rest.slice(match[0].length);
  }
  return list;
}

/** The keys allowed for a resource; undefined when the family is to have no series at all. */
export function allowedKeys(list: LabelAllowList, resource: string): string[] | undefined {
  const keys = list.get(resource) ?? list.get("*");
  return keys === undefined || keys.length === 0 ? undefined : keys;
}

/** The labels of an object that the keys allow, named `<prefix>_<key>`, invalid characters as `_`, sorted by key. */
export function prometheusLabels(
  prefix: string,
  data: Record<string, string> = {},
  allowed: string[],
): LabelPairs {
  const patterns = allowed.map((key, index) => patternOf(key, index));
  const keys = Object.keys(data).filter((key) => patterns.some((pattern) => pattern.test(key)));
  const names = uniqueNames(
    keys.sort(compareStrings).map((key) => `${prefix}_${snakeCase(key.replace(/[^a-zA-Z0-9_]/g, "_"))}`),
  );
  return keys.map((key, index) => [names[index], data[key]]);
}

/** Every key is allowed only by a `*` that comes first; elsewhere a `*` stands for part of a key. */
function patternOf(key: string, index: number): RegExp {
  if (key === "*") return index === 0 ? /^/ : /^(?!)/;
  const parts = key.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

/** Names that several keys share get `_conflict1`, `_conflict2`, …, since no sample has a label twice. */
function uniqueNames(names: string[]): string[] {
  const total = new Map<string, number>();
  for (const name of names) total.set(name, (total.get(name) ?? 0) + 1);
  const seen = new Map<string, number>();
  return names.map((name) => {
    if (total.get(name) === 1) return name;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return `${name}_conflict${count}`;
  });
}
