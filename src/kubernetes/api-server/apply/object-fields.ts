/** Which fields an object has, and in which two objects differ, by the rules of the schema (structured-merge-diff). */
import { deepEqual } from "../deep-equal.ts";
import type { MergeNode } from "../patch/merge-node.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { FieldSet } from "./field-set.ts";

/** Members of an object or items of a list by their step in a path; undefined for what has no places of its own. */
export function placesOf(
  value: unknown,
  node: MergeNode,
): Map<string, [value: unknown, node: MergeNode]> | undefined {
  if (node.isAtomic) return undefined;
  if (isJsonObject(value)) {
    return new Map(Object.entries(value).map(([name, member]) => [`f:${name}`, [member, node.member(name)]]));
  }
  if (!Array.isArray(value) || node.list === undefined) return undefined;
  return new Map(value.map((item) => [itemStep(item, node), [item, node.item()]]));
}

/** `k:{"name":"a"}` or `v:"a"`. Keys that an item leaves out count with their default. */
export function itemStep(item: unknown, node: MergeNode): string {
  if (node.list!.type === "set" || !isJsonObject(item)) return `v:${JSON.stringify(item)}`;
  const keys: Record<string, unknown> = {};
  for (const key of [...node.list!.keys].sort()) {
    const value = item[key] ?? KEY_DEFAULTS[key];
    if (value !== undefined) keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Defaults of list keys in the built-in kinds. */
export const KEY_DEFAULTS: Record<string, unknown> = { protocol: "TCP" };

/** Every field that the object sets. */
export function fieldsOf(value: unknown, node: MergeNode): FieldSet {
  const set = new FieldSet();
  addFields(set, value, node);
  return set;
}

/** @param withContainers objects and lists are in the set themselves, not only what is in them */
function addFields(set: FieldSet, value: unknown, node: MergeNode, withContainers = false): void {
  const places = placesOf(value, node);
  if (places === undefined || places.size === 0) {
    set.isMember = true;
    return;
  }
  if (withContainers) set.isMember = true;
  for (const [step, [member, below]] of places) {
    const child = set.at(step);
    if (!step.startsWith("f:")) child.isMember = true;
    if (!step.startsWith("v:")) addFields(child, member, below, withContainers);
  }
}

export interface Comparison {
  /** Fields that the new object has and the old one has not. */
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

export function compareFields(before: unknown, after: unknown, node: MergeNode): Comparison {
  const result = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compare(before, after, node, result);
  return result;
}

function compare(given: unknown, wanted: unknown, node: MergeNode, into: Comparison): void {
  if (deepEqual(given, wanted)) return;
  // Null is as good as an empty object or list: what the other one has is new, but not the place itself.
  const before = given === null ? emptyLike(wanted) : given;
  const after = wanted === null ? emptyLike(given) : wanted;
  const [old, now] = [placesOf(before, node), placesOf(after, node)];
  if (old === undefined || now === undefined) {
    into.modified.isMember = true;
    return;
  }
  for (const [step, [member, below]] of now) {
    const previous = old.get(step);
    if (previous === undefined) mark(into.added.at(step), step, member, below);
    else {
      const inner = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
      compare(previous[0], member, below, inner);
      for (const kind of ["added", "modified", "removed"] as const) {
        if (!inner[kind].isEmpty) into[kind].children.set(step, inner[kind]);
      }
    }
  }
  for (const [step, [member, below]] of old) {
    if (!now.has(step)) mark(into.removed.at(step), step, member, below);
  }
}

function emptyLike(value: unknown): unknown {
  return Array.isArray(value) ? [] : isJsonObject(value) ? {} : null;
}

function mark(set: FieldSet, step: string, value: unknown, node: MergeNode): void {
  if (!step.startsWith("f:")) set.isMember = true;
  if (!step.startsWith("v:")) addFields(set, value, node, true);
}
