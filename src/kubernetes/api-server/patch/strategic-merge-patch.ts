/**
 * Strategic merge patch (apimachinery `strategicpatch`): a merge patch that knows which lists are maps in disguise.
 *
 * Directives: `$patch: replace|delete`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 */
import { goText } from "./go-text.ts";
import type { MergeNode } from "./merge-node.ts";
import { isJsonObject, type JsonObject, setMember } from "./merge-patch.ts";
import { inPatchOrder } from "./patch-order.ts";

export const SET_ORDER = "$setElementOrder/";
const DELETE_FROM = "$deleteFromPrimitiveList/";

/** A patch that can't be carried out. */
export class StrategicPatchError extends Error {
  /** Its form is wrong, whatever it is applied to: the client's mistake (400). What else goes wrong is answered with 500. */
  readonly isBadFormat: boolean;

  constructor(message: string, isBadFormat = false) {
    super(message);
    this.isBadFormat = isBadFormat;
  }
}

/**
 * The target with the patch applied. Neither argument is changed.
 *
 * @throws StrategicPatchError when a list item has no merge key or a directive is malformed.
 */
export function strategicMergePatch(target: unknown, patch: unknown, node: MergeNode): unknown {
  if (!isJsonObject(patch)) return patch;
  return mergeMap(isJsonObject(target) ? target : {}, patch, node);
}

function mergeMap(target: JsonObject, patch: JsonObject, node: MergeNode): JsonObject {
  const { $patch: directive, ...members } = patch;
  if (directive === "replace") return members;
  if (directive === "delete") return {};
  if (directive !== undefined) throw unknownDirective(directive, patch);
  const result = retained(target, members);
  delete members.$retainKeys;
  for (const key of Object.keys(members)) {
    if (key.startsWith(SET_ORDER)) mergeOrdered(result, members, key, node);
  }
  for (const [key, value] of Object.entries(members)) {
    if (key.startsWith(DELETE_FROM)) deleteFromList(result, key.slice(DELETE_FROM.length), value);
    else mergeMember(result, key, value, node);
  }
  return result;
}

function unknownDirective(directive: unknown, patch: JsonObject): StrategicPatchError {
  return new StrategicPatchError(`unknown patch type: ${String(directive)} in map: ${goText(patch)}`);
}

function memberOf(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** `$retainKeys` names all members that stay, those of the patch included. */
function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const { $retainKeys: names, ...members } = patch;
  if (names === undefined) return { ...target };
  const isNamed = (name: string) => (names as unknown[]).includes(name);
  const isStray = ([name, value]: [string, unknown]) =>
    value !== null && !name.startsWith(DELETE_FROM) && !name.startsWith(SET_ORDER) && !isNamed(name);
  if (!Array.isArray(names) || Object.entries(members).some(isStray)) {
    throw new StrategicPatchError("invalid patch format of retainKeys", true);
  }
  return Object.fromEntries(Object.entries(target).filter(([name]) => isNamed(name)));
}

function mergeMember(result: JsonObject, key: string, value: unknown, node: MergeNode): void {
  if (value === null) {
    delete result[key];
    return;
  }
  const current = memberOf(result, key);
  if (isJsonObject(value) && isJsonObject(current)) {
    const below = node.member(key);
    setMember(result, key, below.isReplaced ? value : mergeMap(current, value, below));
  } else if (Array.isArray(value) && Array.isArray(current)) {
    setMember(result, key, mergeList(current, value, node.member(key), key));
  } else {
    const added = withoutDirectives(withoutNulls(value));
    if (added === undefined) delete result[key];
    else setMember(result, key, added);
  }
}

/** A list with the order of its items: both are taken out of the patch. */
function mergeOrdered(result: JsonObject, patch: JsonObject, directive: string, node: MergeNode): void {
  const key = directive.slice(SET_ORDER.length);
  const order = patch[directive];
  const [current, added] = [memberOf(result, key), memberOf(patch, key)];
  delete patch[directive];
  for (const list of [order, current ?? [], added ?? []]) {
    if (Array.isArray(list)) continue;
    throw new StrategicPatchError(`expected a []interface {}, but received a ${goType(list)}`);
  }
  const below = node.member(key);
  checkOrder((added ?? []) as unknown[], order as unknown[], below.mergeKey);
  if (current === undefined && added === undefined) return;
  delete patch[key];
  let merged = current as unknown[];
  if (current === undefined) merged = withoutDirectives(added) as unknown[];
  else if (added !== undefined) merged = mergeList(current as unknown[], added as unknown[], below, key);
  if (elementType([...((current ?? []) as unknown[]), ...((added ?? []) as unknown[])]) === undefined) {
    throw new StrategicPatchError("no elements in any of the given slices");
  }
  const live = liveOrder((current ?? []) as unknown[], (added ?? []) as unknown[], merged, below.mergeKey);
  setMember(result, key, inPatchOrder(merged, order as unknown[], live, below.mergeKey));
}

/**
 * The order that counts as the server's: upstream deletes and adds in the place of the old list, so that new items come
 * to stand where deleted ones left room.
 */
function liveOrder(
  current: unknown[],
  patch: unknown[],
  merged: unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const gone = new Set(
    patch
      .filter((item) => isJsonObject(item) && item.$patch === "delete")
      .map((item) => keyOf(item, mergeKey)),
  );
  if (!mergeKey || gone.size === 0) return current;
  const keys = (items: unknown[]) => items.map((item) => keyOf(item, mergeKey));
  const before = new Set(keys(current));
  const kept = current.filter((item) => !gone.has(keyOf(item, mergeKey)));
  const added = merged.filter((item) => !before.has(keyOf(item, mergeKey)));
  return [...kept, ...added].slice(0, current.length);
}

/** The patch's items must stand in the order that it names. */
function checkOrder(list: unknown[], order: unknown[], mergeKey: string | undefined): void {
  const items = list.filter((item) => !isJsonObject(item) || item.$patch === undefined);
  if (order.length === 0 || items.length === 0) return;
  let next = 0;
  for (let at = 0; at < order.length && next < items.length; at++) {
    if (keyOf(items[next], mergeKey) === keyOf(order[at], mergeKey)) next++;
  }
  if (next === items.length) return;
  throw new StrategicPatchError(
    `The order in patch list:\n${goText(list)}\n doesn't match ${SET_ORDER.slice(0, -1)} list:\n${goText(order)}\n`,
  );
}

/** @throws StrategicPatchError when a list of objects has an item that is none, or is without its key. */
function keyOf(item: unknown, mergeKey: string | undefined): unknown {
  if (!mergeKey) return item;
  if (!isJsonObject(item)) {
    throw new StrategicPatchError(`expected a map[string]interface {}, but received a ${goType(item)}`);
  }
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
  return item[mergeKey];
}

function noMergeKey(item: JsonObject, mergeKey: string): StrategicPatchError {
  return new StrategicPatchError(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
}

function goType(value: unknown): string {
  if (value === null || value === undefined) return "%!s(<nil>)";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" ? (Number.isInteger(value) ? "int64" : "float64") : "string";
}

/** The Go type that all items have; undefined where there are none. */
function elementType(items: unknown[]): string | undefined {
  const [first, ...others] = items.map(goType);
  if (first === "[]interface {}") throw new StrategicPatchError("lists of lists are not supported");
  if (others.every((type) => type === first)) return first;
  throw new StrategicPatchError(`list element types are not identical: ${goText(items)}`);
}

function mergeList(current: unknown[], patch: unknown[], node: MergeNode, name: string): unknown[] {
  const { mergeKey } = node;
  if (mergeKey === undefined) return patch;
  const type = elementType([...current, ...patch]);
  if (type === undefined) return current;
  if (type !== "map[string]interface {}") {
    return inPatchOrder([...new Set([...current, ...patch])], patch, current, undefined);
  }
  if (mergeKey === "") throw new StrategicPatchError(`cannot merge lists without merge key for ${name}`);
  const { kept, additions } = splitDirectives(current as JsonObject[], patch as JsonObject[], mergeKey);
  const merged = [...kept];
  for (const item of additions) {
    const key = keyOf(item, mergeKey);
    const index = merged.findIndex((held) => held[mergeKey] === key);
    if (index === -1) merged.push(item);
    else merged[index] = mergeMap(merged[index], item, node.item());
  }
  return inPatchOrder(merged, additions, kept, mergeKey);
}

/** Carries out `$patch: delete` and `$patch: replace` of list items; what is left is to be merged. */
function splitDirectives(current: JsonObject[], patch: JsonObject[], mergeKey: string) {
  let kept = current;
  let isReplaced = false;
  const additions: JsonObject[] = [];
  for (const item of patch) {
    switch (item.$patch) {
      case undefined:
        additions.push(item);
        break;
      case "delete": {
        const key = keyOf(item, mergeKey);
        kept = kept.filter((held) => held[mergeKey] !== key);
        break;
      }
      case "replace":
        isReplaced = true;
        break;
      case "merge":
        throw new StrategicPatchError("merging lists cannot yet be specified in the patch");
      default:
        throw unknownDirective(item.$patch, item);
    }
  }
  return isReplaced ? { kept: additions, additions: [] } : { kept, additions };
}

function deleteFromList(result: JsonObject, name: string, gone: unknown): void {
  const list = memberOf(result, name);
  if (!Array.isArray(list) || !Array.isArray(gone)) return;
  setMember(
    result,
    name,
    list.filter((item) => !gone.includes(item)),
  );
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== null) setMember(result, key, withoutNulls(member));
  }
  return result;
}

/** Without the objects that only say how to patch; undefined when the value is one. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isJsonObject(value)) return value;
  if (value.$patch !== undefined) return undefined;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const kept = withoutDirectives(member);
    if (kept !== undefined) setMember(result, key, kept);
  }
  return result;
}
