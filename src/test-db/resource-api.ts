/** The API that tenants use: `/api/v1/resources` and `/api/v1/entities/{id}`. */
import type { Clock } from "../base/clock.ts";
import { type HttpBody, type HttpResponse, jsonResponse, readBody } from "../base/network.ts";
import { type Random, randomUuid } from "../base/random.ts";
import { HttpError } from "./http-error.ts";
import type { Resource, TenantDatabase } from "./tenant-database.ts";

/** The body of a POST. */
export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_NAME_LENGTH = 500;
export const MAX_ID_LENGTH = 128;
export const MAX_QUERY_LENGTH = 1_000;
export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;
export const MAX_OFFSET = 100_000;
const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/;

/** A request of a tenant, parsed: what to do with its database. */
export interface Operation {
  /** The route's pattern. */
  route: string;
  run: (database: TenantDatabase) => Promise<HttpResponse>;
}

export interface OperationRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  body: HttpBody;
  /** Of a write: see `TenantDatabase.insert`. */
  requestId: string | undefined;
}

export const RESOURCES_ROUTE = "/api/v1/resources";
export const ENTITY_ROUTE = "/api/v1/entities/{id}";
const ENTITY_PREFIX = "/api/v1/entities/";

/** The pattern of a path; undefined when there is none. */
export function routeOf(path: string): string | undefined {
  if (path === RESOURCES_ROUTE) return RESOURCES_ROUTE;
  return path.startsWith(ENTITY_PREFIX) && path.length > ENTITY_PREFIX.length ? ENTITY_ROUTE : undefined;
}

/**
 * Reads and checks a request completely, before anything is done.
 *
 * @throws HttpError, BodyLimitError
 */
export async function parseOperation(
  request: OperationRequest,
  parts: { clock: Clock; random: Random },
): Promise<Operation> {
  const { method, path, query } = request;
  const route = routeOf(path);
  if (route === RESOURCES_ROUTE && method === "POST") {
    const resource = resourceOf(await readJson(request), parts);
    const run = async (database: TenantDatabase) =>
      jsonResponse(201, shown(await database.insert(resource, request.requestId)));
    return { route, run };
  }
  if (route === RESOURCES_ROUTE && method === "GET") {
    const search = searchOf(query);
    const run = async (database: TenantDatabase) =>
      jsonResponse(200, { resources: (await database.search(search)).map(shown) });
    return { route, run };
  }
  if (route === ENTITY_ROUTE && method === "GET") {
    const id = decodeId(path.slice(ENTITY_PREFIX.length));
    const run = async (database: TenantDatabase) => {
      const resource = await database.get(id);
      if (resource === undefined) throw new HttpError(404, "not_found", `entity ${id} does not exist`);
      return jsonResponse(200, shown(resource));
    };
    return { route, run };
  }
  throw new HttpError(405, "method_not_allowed", `${method} is not allowed on ${path.slice(0, 200)}`);
}

function shown({ id, name, content, metadata, createdAt }: Resource) {
  return { id, name, content, metadata, created_at: createdAt };
}

/** Whatever the content type says: the tenant's header keeps simple cross-site requests out. */
async function readJson({ body }: OperationRequest): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await readBody(body, MAX_BODY_BYTES));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, "invalid_json", (error as Error).message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpError(400, "invalid_body", "the body must be a JSON object");
  }
  return value as Record<string, unknown>;
}

const FIELDS = new Set(["id", "name", "content", "metadata"]);

function resourceOf(
  body: Record<string, unknown>,
  { clock, random }: { clock: Clock; random: Random },
): Resource {
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw invalid(unknown.slice(0, 100), "is not a field of a resource");
  const { id, name = "", content, metadata = {} } = body;
  if (typeof content !== "string" || content === "")
    throw invalid("content", "must be a text that is not empty");
  if (typeof name !== "string" || name.length > MAX_NAME_LENGTH) {
    throw invalid("name", `must be a text of at most ${MAX_NAME_LENGTH} characters`);
  }
  if (id !== undefined && (typeof id !== "string" || id.length > MAX_ID_LENGTH || !ID.test(id))) {
    throw invalid(
      "id",
      `must consist of at most ${MAX_ID_LENGTH} letters, digits, '.', '_', ':' and '-', and begin with a letter or digit`,
    );
  }
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw invalid("metadata", "must be a JSON object");
  }
  return {
    id: (id as string | undefined) ?? randomUuid(random),
    name,
    content,
    metadata: metadata as Record<string, unknown>,
    createdAt: new Date(clock.now()).toISOString(),
  };
}

function searchOf(query: URLSearchParams) {
  const text = query.get("q") ?? "";
  if (text.length > MAX_QUERY_LENGTH) {
    throw invalid("q", `must be at most ${MAX_QUERY_LENGTH} characters long`);
  }
  return {
    query: text,
    limit: whole(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
    offset: whole(query, "offset", 0, 0, MAX_OFFSET),
  };
}

function whole(query: URLSearchParams, name: string, fallback: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < least || value > most) {
    throw invalid(name, `must be a whole number from ${least} to ${most}`);
  }
  return value;
}

function decodeId(text: string): string {
  try {
    const id = decodeURIComponent(text);
    if (id.length <= MAX_ID_LENGTH && ID.test(id)) return id;
  } catch {
    // Not even percent-encoded properly: no such entity.
  }
  throw new HttpError(404, "not_found", "entity does not exist");
}

function invalid(field: string, problem: string): HttpError {
  return new HttpError(400, "invalid_field", `${field} ${problem}`);
}
