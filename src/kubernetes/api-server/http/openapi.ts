/** `/openapi/v2` and `/openapi/v3`: enough for kubectl's validation, dry-run checks and `explain`. */
import { createHash } from "node:crypto";
import type { HttpRequest, HttpResponse } from "../../../base/network.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { FieldDescriptions } from "./field-descriptions.ts";
import { addCustomSchema, addKindSchemas } from "./openapi-schema.ts";
import { swaggerDocument } from "./openapi-v2.ts";
import { swaggerProtobuf } from "./swagger-protobuf.ts";

export const KUBERNETES_VERSION = "v1.35.0";

type Schema = Record<string, unknown>;

/** Documents that are kept as text; more than there are group versions that anyone reads. */
export const MAX_KEPT_DOCUMENTS = 100;
const DAY_MS = 24 * 3600 * 1000;

export interface OpenApiSource {
  resources: ResourceInfo[];
  /** What is said of the built-in kinds. */
  descriptions: FieldDescriptions;
  nowMs: number;
  /** Documents by path and hash. */
  kept: Map<string, string | Uint8Array>;
}

/** Answers `/openapi/…`; undefined for unknown documents. */
export function openApiResponse(
  { path, query }: { path: string; query: URLSearchParams },
  request: Pick<HttpRequest, "headers">,
  source: OpenApiSource,
): HttpResponse | undefined {
  const { resources, descriptions, nowMs, kept } = source;
  if (path === "/openapi/v2") return v2(request, source);
  if (path === "/openapi/v3") return v3Index(resources);
  const match = /^\/openapi\/v3\/(api\/[^/]+|apis\/[^/]+\/[^/]+)$/.exec(path);
  if (match === null) return undefined;
  const hash = hashOf(match[1], resources);
  const text = keptDocument(kept, `${match[1]} ${hash}`, () => {
    const document = v3Document(match[1], resources, descriptions);
    return document && JSON.stringify(document);
  });
  if (text === undefined) return undefined;
  const response = json(text as string);
  // What was asked for by its hash never changes.
  if (query.get("hash") !== hash) return response;
  const expires = new Date(nowMs + 365 * DAY_MS).toUTCString();
  return { ...response, headers: { ...response.headers, "cache-control": "public, immutable", expires } };
}

function keptDocument<T extends string | Uint8Array | undefined>(
  kept: OpenApiSource["kept"],
  key: string,
  make: () => T,
): T | string | Uint8Array {
  const found = kept.get(key);
  if (found !== undefined) return found;
  const made = make();
  if (made === undefined) return made;
  const [oldest] = kept.keys();
  if (kept.size >= MAX_KEPT_DOCUMENTS) kept.delete(oldest);
  kept.set(key, made);
  return made;
}

/** Of one group version's document, or of all. */
function hashOf(path: string | undefined, resources: ResourceInfo[]): string {
  return createHash("sha256").update(fingerprint(path, resources)).digest("hex").slice(0, 32).toUpperCase();
}

function json(body: string): HttpResponse {
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

function v2(request: Pick<HttpRequest, "headers">, source: OpenApiSource): HttpResponse {
  const { resources, descriptions, kept } = source;
  const isProtobuf = (request.headers.accept ?? "").includes("protobuf");
  const made = () => swaggerDocument(resources, descriptions, KUBERNETES_VERSION);
  const key = `v2 ${isProtobuf} ${hashOf(undefined, resources)}`;
  if (!isProtobuf) return json(keptDocument(kept, key, () => JSON.stringify(made())) as string);
  const type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  const body = keptDocument(kept, key, () => swaggerProtobuf(made()));
  return { status: 200, headers: { "content-type": type }, body };
}

function documentPath({ group, version }: ResourceInfo): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function v3Index(resources: ResourceInfo[]): HttpResponse {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const info of resources) {
    const path = documentPath(info);
    if (paths[path] !== undefined) continue;
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(path, resources)}` };
  }
  return json(JSON.stringify({ paths }));
}

/** Changes whenever the document would. */
function fingerprint(path: string | undefined, resources: ResourceInfo[]): string {
  const parts = resources
    .filter((info) => path === undefined || documentPath(info) === path)
    .map((info) => `${info.resource} ${info.version} ${info.kind} ${JSON.stringify(info.schema ?? null)}`);
  return [KUBERNETES_VERSION, path, ...parts].join("\n");
}

function v3Document(path: string, resources: ResourceInfo[], descriptions: FieldDescriptions) {
  const infos = resources.filter((info) => documentPath(info) === path);
  if (infos.length === 0) return undefined;
  const schemas = new Map<string, Schema>();
  const paths: Record<string, Schema> = {};
  for (const info of infos) {
    const name =
      addKindSchemas(info, { into: schemas, descriptions }) ??
      addCustomSchema(info, { into: schemas, descriptions });
    const base = `/${path}${info.namespaced ? "/namespaces/{namespace}" : ""}/${info.resource}`;
    paths[base] = {
      get: operation(info, name, "list", []),
      post: operation(info, name, "post", WRITE_PARAMETERS),
    };
    paths[`${base}/{name}`] = {
      get: operation(info, name, "get", []),
      put: operation(info, name, "put", WRITE_PARAMETERS),
      patch: operation(info, name, "patch", [...WRITE_PARAMETERS, "force"]),
      delete: operation(info, name, "delete", ["dryRun"]),
    };
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: KUBERNETES_VERSION },
    paths,
    components: { schemas: Object.fromEntries(schemas) },
  };
}

const WRITE_PARAMETERS = ["dryRun", "fieldManager", "fieldValidation"];

function operation(info: ResourceInfo, schema: string, action: string, parameters: string[]): Schema {
  const { group, version, kind } = info;
  return {
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind },
    ...(parameters.length > 0 && {
      parameters: parameters.map((name) => ({
        name,
        in: "query",
        schema: { type: name === "force" ? "boolean" : "string", uniqueItems: true },
      })),
    }),
    responses: {
      200: {
        description: "OK",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
    },
  };
}
