/** OpenAPI schemas of the built-in types, made from the type data: what `kubectl explain` and client-side checks read. */
import {
  type ApiField,
  type ApiType,
  apiType,
  builtinTypeName,
} from "../../../wire/kubernetes/schema/api-type.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { FieldDescriptions, TypeDescriptions } from "./field-descriptions.ts";
import { OWN_DESCRIPTIONS } from "./own-descriptions.ts";

type Schema = Record<string, unknown>;

/** `core/v1.Pod` → `io.k8s.api.core.v1.Pod`. */
export function schemaName(typeName: string): string {
  const match = /^(\w+)\/(\w+)\.(\w+)$/.exec(typeName)!;
  const [, group, version, kind] = match;
  const packages: Record<string, string> = {
    meta: "io.k8s.apimachinery.pkg.apis.meta",
    apiextensions: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    apiregistration: "io.k8s.kube-aggregator.pkg.apis.apiregistration",
  };
  return `${packages[group] ?? `io.k8s.api.${group}`}.${version}.${kind}`;
}

const SCALARS: Record<string, Schema> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  float64: { type: "number", format: "double" },
  duration: { type: "string" },
  bytes: { type: "string", format: "byte" },
  any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  schemaorlist: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  schemaorbool: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  schemaorstrings: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
};

/** Values with a schema of their own, which clients know by its name. */
const NAMED_SCALARS: Record<string, [name: string, schema: Schema]> = {
  time: ["io.k8s.apimachinery.pkg.apis.meta.v1.Time", { type: "string", format: "date-time" }],
  microtime: ["io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", { type: "string", format: "date-time" }],
  quantity: [
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
    { oneOf: [{ type: "string" }, { type: "number" }] },
  ],
  fields: ["io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", { type: "object" }],
  intorstring: [
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
  ],
};

/** Where schemas are gathered, and what is said of their fields. */
export interface SchemaSet {
  into: Map<string, Schema>;
  descriptions: FieldDescriptions;
}

/** The schemas of a kind and of all that it reaches, added by name. */
export function addKindSchemas(info: ResourceInfo, set: SchemaSet): string | undefined {
  const type = apiType(builtinTypeName(info.group, info.version, info.kind));
  if (type === undefined) return undefined;
  addSchema(type, set);
  const name = schemaName(type.name);
  const schema = set.into.get(name)!;
  const texts = set.descriptions[type.name];
  schema.properties = {
    apiVersion: { ...described(texts, "apiVersion"), type: "string" },
    kind: { ...described(texts, "kind"), type: "string" },
    ...(schema.properties as Schema),
  };
  schema["x-kubernetes-group-version-kind"] = [{ group: info.group, version: info.version, kind: info.kind }];
  return name;
}

/** A custom resource's own schema, with what every object has. */
export function addCustomSchema(info: ResourceInfo, set: SchemaSet): string {
  const { group, version, kind } = info;
  const name = `${group.split(".").reverse().join(".")}.${version}.${kind}`;
  const own = (info.schema ?? { type: "object" }) as Schema;
  const texts = set.descriptions[builtinTypeName("", "v1", "Pod")];
  set.into.set(name, {
    ...own,
    properties: {
      ...(own.properties as Schema | undefined),
      apiVersion: { ...described(texts, "apiVersion"), type: "string" },
      kind: { ...described(texts, "kind"), type: "string" },
      metadata: { ...described(texts, "metadata"), ...itemSchema("meta/v1.ObjectMeta", set) },
    },
    "x-kubernetes-group-version-kind": [{ group, version, kind }],
  });
  return name;
}

function described(texts: TypeDescriptions | undefined, field: string): Schema {
  const description = texts?.[field] ?? OWN_DESCRIPTIONS[field];
  return description === undefined ? {} : { description };
}

function addSchema(type: ApiType, set: SchemaSet): void {
  const name = schemaName(type.name);
  if (set.into.has(name)) return;
  const texts = set.descriptions[type.name];
  const schema: Schema = { ...described(texts, ""), type: "object" };
  set.into.set(name, schema);
  const properties: Schema = {};
  const required: string[] = [];
  for (const field of type.fields.values()) {
    properties[field.name] = { ...fieldText(texts, field, set), ...fieldSchema(field, set) };
    if (field.isRequired) required.push(field.name);
  }
  if (type.fields.size > 0) schema.properties = properties;
  if (required.length > 0) schema.required = required;
  if (type.isAtomic) schema["x-kubernetes-map-type"] = "atomic";
}

/** A field that has no text is what its type is. */
function fieldText(texts: TypeDescriptions | undefined, { name, type }: ApiField, set: SchemaSet): Schema {
  const { description } = described(texts, name);
  if (description === undefined) return described(set.descriptions[type.item], "");
  const values = type.container === undefined ? apiType(type.item)?.values : undefined;
  if (values === undefined || String(description).includes("Possible enum values")) return { description };
  const list = [...values].sort().map((value) => ` - \`${JSON.stringify(value)}\``);
  return { description: `${description}\n\nPossible enum values:\n${list.join("\n")}` };
}

function fieldSchema(field: ApiField, set: SchemaSet): Schema {
  const item = itemSchema(field.name === "fieldsV1" ? "fields" : field.type.item, set);
  if (field.type.container === "map") {
    const atomic = field.listType === "atomic" ? { "x-kubernetes-map-type": "atomic" } : {};
    return { type: "object", additionalProperties: item, ...atomic };
  }
  if (field.type.container === undefined) return item;
  return {
    type: "array",
    items: item,
    ...(field.listType !== undefined && { "x-kubernetes-list-type": field.listType }),
    ...(field.listMapKeys.length > 0 && { "x-kubernetes-list-map-keys": field.listMapKeys }),
    ...(field.mergeKey !== undefined && {
      "x-kubernetes-patch-strategy": field.retainKeys ? "merge,retainKeys" : "merge",
    }),
    ...(field.mergeKey && { "x-kubernetes-patch-merge-key": field.mergeKey }),
  };
}

function itemSchema(name: string, set: SchemaSet): Schema {
  const scalar = NAMED_SCALARS[name];
  if (scalar !== undefined) {
    set.into.set(...scalar);
    return { allOf: [{ $ref: `#/components/schemas/${scalar[0]}` }] };
  }
  if (SCALARS[name] !== undefined) return { ...SCALARS[name] };
  const type = apiType(name)!;
  if (type.values !== undefined) return { type: "string", enum: type.values };
  addSchema(type, set);
  // With a sibling keyword a bare reference would be ignored.
  return { allOf: [{ $ref: `#/components/schemas/${schemaName(name)}` }], default: {} };
}
