/**
 * Strategic merge patch (apimachinery `strategicpatch`): a merge patch that knows which lists are maps in disguise.
 *
 * Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`,
 * `$setElementOrder/<field>`.
 */
import { deepEqual } from "../deep-equal.ts";
import type { MergeNode } from "./merge-node.ts";
import { isJsonObject, type JsonObject, setMember } from "./merge-patch.ts";

const SET_ORDER = "$setElementOrder/";
const DELETE_FROM = "$deleteFromPrimitiveList/";

/**
 * The target with the patch applied. Neither argument is changed.
 *
 * @throws Error when a list item has no merge key or a directive is malformed.
 */
export function strategicMergePatch(target: unknown, patch: unknown, node: MergeNode): unknown {
  if (!isJsonObject(patch)) return patch;
  const base: JsonObject = isJsonObject(target) ? target : {};
  const { $patch: directive, $retainKeys: retainKeys, ...members } = patch;
  if (directive === "replace") return withoutDirectives(members);
  if (directive === "delete") return undefined;
  if (directive !== undefined && directive !== "merge") {
    throw new Error(`Unknown patch type found: ${String(directive)}`);
  }
  const result: JsonObject = retained(base, retainKeys);
  for (const [key, value] of Object.entries(members)) {
    if (key.startsWith("$")) continue;
    const below = node.member(key);
    if (value === null) delete result[key];
    else if (Array.isArray(value)) {
      setMember(result, key, mergeList(memberOf(result, key), value, below, members[SET_ORDER + key]));
    } else setMember(result, key, strategicMergePatch(memberOf(result, key), value, below));
    if (result[key] === undefined) delete result[key];
  }
  applyListDirectives(result, members, node);
  return result;
}

function memberOf(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function retained(base: JsonObject, retainKeys: unknown): JsonObject {
  if (retainKeys === undefined) return { ...base };
  if (!Array.isArray(retainKeys)) throw new Error("$retainKeys must be a list of names");
  return Object.fromEntries(Object.entries(base).filter(([key]) => retainKeys.includes(key)));
}

/** Directives about a list that come without the list itself. */
function applyListDirectives(result: JsonObject, patch: JsonObject, node: MergeNode): void {
  for (const [key, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue;
    if (key.startsWith(DELETE_FROM)) {
      const name = key.slice(DELETE_FROM.length);
      const list = memberOf(result, name);
      if (Array.isArray(list)) {
        setMember(
          result,
          name,
          list.filter((item) => !value.some((gone) => deepEqual(item, gone))),
        );
      }
    } else if (key.startsWith(SET_ORDER)) {
      const name = key.slice(SET_ORDER.length);
      const list = memberOf(result, name);
      if (Array.isArray(list) && !Array.isArray(memberOf(patch, name))) {
        setMember(result, name, inOrder(list, list, value, node.member(name).mergeKey || undefined));
      }
    }
  }
}

function mergeList(target: unknown, patch: unknown[], node: MergeNode, order: unknown): unknown[] {
  const current = Array.isArray(target) ? target : [];
  const { mergeKey } = node;
  if (mergeKey === undefined) return patch.map(withoutDirectives);
  if (mergeKey === "") {
    const merged = [...current, ...patch.filter((item) => !current.some((held) => deepEqual(held, item)))];
    return Array.isArray(order) ? inOrder(merged, current, order, undefined) : merged;
  }
  const { kept, additions } = splitDirectives(current, patch, mergeKey);
  const merged = additions.reduce<unknown[]>((list, item) => mergeItem(list, item, mergeKey, node), kept);
  return Array.isArray(order) ? inOrder(merged, current, order, mergeKey) : merged;
}

/** Carries out `$patch: delete` and `$patch: replace` of list items; what is left is to be merged. */
function splitDirectives(current: unknown[], patch: unknown[], mergeKey: string) {
  let kept = [...current];
  const additions: JsonObject[] = [];
  for (const item of patch) {
    if (!isJsonObject(item)) {
      throw new Error(`map: ${JSON.stringify(item)} is not an object with merge key ${mergeKey}`);
    }
    if (item.$patch === "replace" && Object.keys(item).length === 1) {
      kept = [];
      continue;
    }
    if (item[mergeKey] === undefined) {
      throw new Error(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    }
    if (item.$patch === "delete") kept = kept.filter((held) => !sameKey(held, item, mergeKey));
    else additions.push(item);
  }
  return { kept, additions };
}

function mergeItem(list: unknown[], item: JsonObject, mergeKey: string, node: MergeNode): unknown[] {
  const index = list.findIndex((held) => sameKey(held, item, mergeKey));
  if (index === -1) return [...list, strategicMergePatch({}, item, node.item())];
  return list.with(index, strategicMergePatch(list[index], item, node.item()));
}

function sameKey(a: unknown, b: unknown, mergeKey: string): boolean {
  return isJsonObject(a) && isJsonObject(b) && a[mergeKey] === b[mergeKey];
}

/**
 * Items that the order names stand in that order; those that only the server has keep their place relative to the
 * server's other ones.
 */
function inOrder(
  list: unknown[],
  live: unknown[],
  order: unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (item: unknown) =>
    mergeKey === undefined ? item : isJsonObject(item) ? item[mergeKey] : undefined;
  const position = new Map(order.map((item, index) => [keyOf(item), index]));
  const named = list
    .filter((item) => position.has(keyOf(item)))
    .sort((a, b) => position.get(keyOf(a))! - position.get(keyOf(b))!);
  const livePosition = new Map(live.map((item, index) => [keyOf(item), index]));
  const placeOf = (item: unknown) => livePosition.get(keyOf(item)) ?? Number.POSITIVE_INFINITY;
  const result: unknown[] = [];
  let next = 0;
  for (const item of list.filter((candidate) => !position.has(keyOf(candidate)))) {
    while (next < named.length && placeOf(named[next]) < placeOf(item)) result.push(named[next++]);
    result.push(item);
  }
  return [...result, ...named.slice(next)];
}

/** A value as it is stored: nulls and directives left out. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (!key.startsWith("$") && member !== null) setMember(result, key, withoutDirectives(member));
  }
  return result;
}
