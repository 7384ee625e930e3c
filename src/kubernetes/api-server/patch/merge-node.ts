/**
 * How a place in an object merges, whether its kind is built in or custom: what server-side apply and strategic merge
 * patches need to know of the schema.
 */
import { type ApiField, type ApiType, apiType, kindType } from "../../../wire/kubernetes/schema/api-type.ts";
import type { JsonSchema } from "../custom/json-schema.ts";
import type { ResourceInfo } from "../resource-info.ts";

export interface MergeNode {
  /** Owned and replaced as one. */
  isAtomic: boolean;
  /** Lists: how items are told apart. Absent: atomic. */
  list?: { type: "map" | "set"; keys: readonly string[] };
  /** Strategic merge patches merge the list by this member ("" for plain values). */
  mergeKey?: string;
  /** Strategic merge patches replace the object as a whole. */
  isReplaced?: boolean;
  /** The place below: a member by its name, or the items of a list. */
  member(name: string): MergeNode;
  item(): MergeNode;
}

/** A place without schema: objects merge by member, lists are replaced. */
export const UNTYPED_NODE: MergeNode = {
  isAtomic: false,
  member: () => UNTYPED_NODE,
  item: () => UNTYPED_NODE,
};

/** A member of a built-in kind that holds anything (`RawExtension`): owned as one. */
const OPAQUE_NODE: MergeNode = { ...UNTYPED_NODE, isAtomic: true };

const METADATA_TYPE = "meta/v1.ObjectMeta";

export function rootNode(info: ResourceInfo): MergeNode {
  if (!info.isCustom) {
    const type = kindType(info.group, info.version, info.kind);
    return type === undefined ? UNTYPED_NODE : structNode(type);
  }
  const node = schemaNode(info.schema);
  const metadata = structNode(apiType(METADATA_TYPE)!);
  return { ...node, member: (name) => (name === "metadata" ? metadata : node.member(name)) };
}

const structNodes = new WeakMap<ApiType, MergeNode>();

function structNode(type: ApiType): MergeNode {
  let node = structNodes.get(type);
  if (node === undefined) {
    node = {
      isAtomic: type.isAtomic,
      member: (name) => {
        const field = type.fields.get(name);
        return field === undefined ? UNTYPED_NODE : fieldNode(field);
      },
      item: () => UNTYPED_NODE,
    };
    structNodes.set(type, node);
  }
  return node;
}

const fieldNodes = new WeakMap<ApiField, MergeNode>();

function fieldNode(field: ApiField): MergeNode {
  let node = fieldNodes.get(field);
  if (node === undefined) {
    node = makeFieldNode(field);
    fieldNodes.set(field, node);
  }
  return node;
}

function makeFieldNode(field: ApiField): MergeNode {
  const item = () => typeNode(field.type.item);
  switch (field.type.container) {
    case undefined:
      if (field.isReplaced) return { ...item(), isReplaced: true };
      return field.listType === "atomic" ? { ...item(), isAtomic: true } : item();
    case "map":
      return { isAtomic: field.listType === "atomic", member: item, item };
    case "list": {
      const { listType, listMapKeys: keys } = field;
      const list = listType === "map" || listType === "set" ? { type: listType, keys } : undefined;
      return {
        isAtomic: list === undefined,
        list,
        mergeKey: field.mergeKey,
        member: () => UNTYPED_NODE,
        item,
      };
    }
  }
}

function typeNode(name: string): MergeNode {
  if (name === "any") return OPAQUE_NODE;
  const type = apiType(name);
  return type === undefined || type.values !== undefined ? UNTYPED_NODE : structNode(type);
}

function schemaNode(schema: JsonSchema | undefined): MergeNode {
  if (schema === undefined) return UNTYPED_NODE;
  const listType = schema["x-kubernetes-list-type"];
  const list =
    listType === "map" || listType === "set"
      ? { type: listType, keys: schema["x-kubernetes-list-map-keys"] ?? [] }
      : undefined;
  return {
    isAtomic: schema["x-kubernetes-map-type"] === "atomic",
    list,
    member(name) {
      if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) {
        return schemaNode(schema.properties[name]);
      }
      return typeof schema.additionalProperties === "object"
        ? schemaNode(schema.additionalProperties)
        : UNTYPED_NODE;
    },
    item: () => schemaNode(schema.items),
  };
}
