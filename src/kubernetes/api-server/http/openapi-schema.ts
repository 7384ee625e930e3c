/** OpenAPI schemas of the built-in types, made from the type data: what `kubectl explain` and client-side checks read. */
import {
  type ApiField,
  type ApiType,
  apiType,
  builtinTypeName,
} from "../../../wire/kubernetes/schema/api-type.ts";
import type { ResourceInfo } from "../resource-info.ts";

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
  time: { type: "string", format: "date-time" },
  microtime: { type: "string", format: "date-time" },
  quantity: { type: "string" },
  intorstring: { type: "string", format: "int-or-string" },
  any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  json: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
};

/** The schemas of a kind and of all that it reaches, added to `into` by name. */
export function addKindSchemas(info: ResourceInfo, into: Map<string, Schema>): string | undefined {
  const type = apiType(builtinTypeName(info.group, info.version, info.kind));
  if (type === undefined) return undefined;
  addSchema(type, into);
  const name = schemaName(type.name);
  const schema = into.get(name)!;
  schema.properties = {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    ...(schema.properties as Schema),
  };
  schema["x-kubernetes-group-version-kind"] = [{ group: info.group, version: info.version, kind: info.kind }];
  return name;
}

function addSchema(type: ApiType, into: Map<string, Schema>): void {
  const name = schemaName(type.name);
  if (into.has(name)) return;
  const schema: Schema = { type: "object" };
  into.set(name, schema);
  const properties: Schema = {};
  const required: string[] = [];
  for (const field of type.fields.values()) {
    properties[field.name] = fieldSchema(field, into);
    if (field.isRequired) required.push(field.name);
  }
  schema.properties = properties;
  if (required.length > 0) schema.required = required;
  if (type.isAtomic) schema["x-kubernetes-map-type"] = "atomic";
}

function fieldSchema(field: ApiField, into: Map<string, Schema>): Schema {
  const item = itemSchema(field.type.item, into);
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

function itemSchema(name: string, into: Map<string, Schema>): Schema {
  if (SCALARS[name] !== undefined) return { ...SCALARS[name] };
  const type = apiType(name)!;
  if (type.values !== undefined) return { type: "string", enum: type.values };
  addSchema(type, into);
  // With a sibling keyword a bare reference would be ignored.
  return { allOf: [{ $ref: `#/components/schemas/${schemaName(name)}` }], default: {} };
}
