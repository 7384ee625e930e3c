/**
 * The OpenAPI v2 document, which kubectl up to 1.26 reads for `explain`, for checks of what is applied, and to see that
 * dry runs are possible: each kind's schema, and one PATCH operation with the `dryRun` parameter.
 */
import type { ResourceInfo } from "../resource-info.ts";
import type { FieldDescriptions } from "./field-descriptions.ts";
import { addCustomSchema, addKindSchemas } from "./openapi-schema.ts";

export type Schema = Record<string, unknown>;

export interface SwaggerDocument {
  swagger: "2.0";
  info: { title: string; version: string };
  paths: Record<string, { patch: SwaggerOperation }>;
  definitions: Record<string, Schema>;
}

export interface SwaggerOperation {
  parameters: { in: "query"; name: string; type: string }[];
  responses: Record<string, { description: string }>;
  "x-kubernetes-group-version-kind": { group: string; kind: string; version: string };
}

export function swaggerDocument(
  resources: readonly ResourceInfo[],
  descriptions: FieldDescriptions,
  version: string,
): SwaggerDocument {
  const into = new Map<string, Schema>();
  const paths: SwaggerDocument["paths"] = {};
  for (const info of resources) {
    const { group, kind } = info;
    if (addKindSchemas(info, { into, descriptions }) === undefined)
      addCustomSchema(info, { into, descriptions });
    paths[`/apis/${group}/${info.version}/${info.resource}/{name}`] = {
      patch: {
        parameters: [{ in: "query", name: "dryRun", type: "string" }],
        responses: { 200: { description: "OK" } },
        "x-kubernetes-group-version-kind": { group, kind, version: info.version },
      },
    };
  }
  const definitions = Object.fromEntries([...into].map(([name, schema]) => [name, olderSchema(schema)]));
  return { swagger: "2.0", info: { title: "Kubernetes", version }, paths, definitions };
}

/** What version 2 has no word for; clients may do without. */
const NEWER = new Set(["allOf", "anyOf", "oneOf", "not", "default", "nullable", "example", "externalDocs"]);
const SUBSCHEMAS = new Set(["items", "additionalProperties"]);

/** A schema of OpenAPI 3 in the terms of version 2. */
function olderSchema(schema: Schema): Schema {
  const { $ref } = (schema.allOf as Schema[] | undefined)?.[0] ?? schema;
  const described = typeof schema.description === "string" ? { description: schema.description } : {};
  if (typeof $ref === "string")
    return { ...described, $ref: $ref.replace("#/components/schemas/", "#/definitions/") };
  if (schema.format === "int-or-string") return { ...described, type: "string", format: "int-or-string" };
  // Old clients would take the type at its word.
  const isLoose = schema.nullable === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const older: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (NEWER.has(key)) continue;
    if (key === "properties") {
      if (!isLoose) older.properties = mapped(value as Record<string, Schema>);
    } else if (SUBSCHEMAS.has(key)) {
      if (!isLoose) older[key] = typeof value === "object" ? olderSchema(value as Schema) : value;
    } else if (key !== "type" || !isLoose) older[key] = value;
  }
  if (older.type === undefined && schema.oneOf !== undefined && !isLoose) older.type = "string";
  return older;
}

function mapped(schemas: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, olderSchema(schema)]));
}
