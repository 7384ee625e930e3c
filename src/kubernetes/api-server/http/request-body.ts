/** Reads a request's body: JSON, YAML or protobuf. All of it is hostile. */
import { parse as parseYaml } from "yaml";
import { BodyLimitError, type HttpRequest, readBody } from "../../../base/network.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import { decodeKubernetesProtobuf } from "../../../wire/kubernetes/protobuf-decoder.ts";

/** As in the Kubernetes API server. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
/** Objects within objects, at most. */
export const MAX_BODY_DEPTH = 256;

export interface RequestBody {
  /** Undefined when the request has no body. */
  value: unknown;
  /** The media type without parameters, lower case; "" when the request has none. */
  mediaType: string;
}

/** @throws KubernetesError 413, 415 or 400 */
export async function readRequestBody(request: HttpRequest): Promise<RequestBody> {
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  const bytes = await readBytes(request);
  if (bytes.length === 0) return { value: undefined, mediaType };
  const value = decode(bytes, mediaType);
  checkShape(value);
  return { value, mediaType };
}

async function readBytes(request: HttpRequest): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_REQUEST_BYTES) throw tooLarge();
  try {
    return await readBody(request.body, MAX_REQUEST_BYTES);
  } catch (error) {
    throw error instanceof BodyLimitError ? tooLarge() : error;
  }
}

function tooLarge() {
  return statusError("RequestEntityTooLarge", `Request entity too large: limit is ${MAX_REQUEST_BYTES}`);
}

const JSON_TYPES = new Set([
  "",
  "application/json",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
]);
const YAML_TYPES = new Set(["application/yaml", "application/apply-patch+yaml"]);

function decode(bytes: Uint8Array, mediaType: string): unknown {
  try {
    if (mediaType === "application/vnd.kubernetes.protobuf") return decodeKubernetesProtobuf(bytes);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (JSON_TYPES.has(mediaType)) return JSON.parse(text);
    if (YAML_TYPES.has(mediaType)) return parseBodyYaml(text);
  } catch (error) {
    const kind = mediaType.startsWith("application/") ? mediaType.slice("application/".length) : "json";
    throw statusError(
      "BadRequest",
      `the object provided is unrecognized (${kind}): ${(error as Error).message}`,
    );
  }
  throw statusError(
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json, " +
      "application/yaml, application/vnd.kubernetes.protobuf",
  );
}

/** kubectl sends JSON under the name of YAML; that is read fast. */
function parseBodyYaml(text: string): unknown {
  if (text.trimStart().startsWith("{")) {
    try {
      return JSON.parse(text);
    } catch {
      // Flow-style YAML also starts with a brace.
    }
  }
  return parseYaml(text, { maxAliasCount: 100 });
}

/**
 * Refuses what no API object needs and code trips over: endless nesting, and `__proto__` as a name.
 *
 * @throws KubernetesError 400
 */
export function checkShape(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_BODY_DEPTH)
      throw statusError("BadRequest", `the object is nested deeper than ${MAX_BODY_DEPTH}`);
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      if (!Array.isArray(item) && Object.hasOwn(item, "__proto__")) {
        throw statusError("BadRequest", '"__proto__" is not allowed as the name of a field');
      }
      for (const member of Object.values(item))
        if (typeof member === "object" && member !== null) next.push(member);
    }
    level = next;
  }
}
