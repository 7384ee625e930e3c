/** Puts a configuration onto an object, and takes fields out of one, by the rules of the schema. */

import type { MergeNode } from "../patch/merge-node.ts";
import { isJsonObject, type JsonObject, setMember } from "../patch/merge-patch.ts";
import type { FieldSet } from "./field-set.ts";
import { itemStep } from "./object-fields.ts";

/** The live value with everything that the configuration says. */
export function mergeObjects(live: unknown, config: unknown, node: MergeNode): unknown {
  if (node.isAtomic) return config;
  if (isJsonObject(config)) {
    const result: JsonObject = isJsonObject(live) ? { ...live } : {};
    for (const [name, value] of Object.entries(config)) {
      const before = Object.hasOwn(result, name) ? result[name] : undefined;
      setMember(result, name, mergeObjects(before, value, node.member(name)));
    }
    return result;
  }
  if (!Array.isArray(config) || !Array.isArray(live) || node.list === undefined) return config;
  return mergeLists(live, config, node);
}

/** Items of the configuration in its order; those of others keep their place after the item they followed. */
function mergeLists(live: unknown[], config: unknown[], node: MergeNode): unknown[] {
  const liveItems = new Map(live.map((item) => [itemStep(item, node), item]));
  const configSteps = config.map((item) => itemStep(item, node));
  const merged = new Map(
    config.map((item, index) => {
      const before = liveItems.get(configSteps[index]);
      return [configSteps[index], node.list!.type === "set" ? item : mergeObjects(before, item, node.item())];
    }),
  );
  const result: unknown[] = [];
  let next = 0;
  for (const [step, item] of liveItems) {
    const at = configSteps.indexOf(step);
    if (at === -1) result.push(item);
    else for (; next <= at; next++) result.push(merged.get(configSteps[next]));
  }
  for (; next < configSteps.length; next++) result.push(merged.get(configSteps[next]));
  return result;
}

/** The value without the fields of the set. */
export function removeFields(value: unknown, set: FieldSet, node: MergeNode): unknown {
  if (set.children.size === 0 || node.isAtomic) return value;
  if (isJsonObject(value)) {
    const result: JsonObject = {};
    for (const [name, member] of Object.entries(value)) {
      const below = set.children.get(`f:${name}`);
      if (below === undefined) setMember(result, name, member);
      else {
        const left = remove(member, below, node.member(name));
        if (left !== undefined) setMember(result, name, left);
      }
    }
    return result;
  }
  if (!Array.isArray(value) || node.list === undefined) return value;
  return value.flatMap((item) => {
    const below = set.children.get(itemStep(item, node));
    if (below === undefined) return [item];
    const left = remove(item, below, node.item());
    return left === undefined ? [] : [left];
  });
}

/** Undefined when nothing of it is left. */
function remove(value: unknown, set: FieldSet, node: MergeNode): unknown {
  if (set.isMember) return undefined;
  const left = removeFields(value, set, node);
  const isEmpty = typeof left === "object" && left !== null && Object.keys(left).length === 0;
  const wasEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isEmpty && !wasEmpty ? undefined : left;
}
