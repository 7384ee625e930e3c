/** Reads a request's body: JSON, YAML or protobuf. All of it is hostile. */
import { type Document, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { BodyLimitError, type HttpRequest, readBody } from "../../../base/network.ts";
import { isStatus, statusError } from "../../../model/kubernetes-status.ts";
import { duplicateFields, fieldPositions, jsonProblem } from "../../../wire/json-text.ts";
import { KUBERNETES_YAML } from "../../../wire/kubernetes/kubernetes-yaml.ts";
import { decodeKubernetesProtobuf } from "../../../wire/kubernetes/protobuf-decoder.ts";
import { NOTHING_REPEATED, type RepeatedFields } from "../read-input.ts";

/** As in the Kubernetes API server. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
/** Objects within objects, at most. */
export const MAX_BODY_DEPTH = 256;

export interface RequestBody {
  /** Undefined when the request has no body. */
  value: unknown;
  /** The media type without parameters, lower case; "" when the request has none. */
  mediaType: string;
  /** Finds what occurs more than once in it. */
  repeated?: () => RepeatedFields;
}

/** Which of the forms below a body may have, and how its faults are told. */
export interface BodyPurpose {
  /** An object of that kind. */
  kind?: string;
  /** A patch of that media type. */
  patch?: string;
}

/** @throws KubernetesError 413, 415 or 400 */
export async function readRequestBody(request: HttpRequest, purpose: BodyPurpose = {}): Promise<RequestBody> {
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  const bytes = await readBytes(request);
  if (bytes.length === 0) {
    if (purpose.kind !== undefined) throw unrecognized(purpose.kind, noKind(""), bytes);
    return { value: undefined, mediaType };
  }
  if (mediaType === "application/vnd.kubernetes.protobuf") return { value: decodeProtobuf(bytes), mediaType };
  const text = decodeText(bytes);
  const isJson = JSON_TYPES.has(mediaType);
  const yaml = isJson ? undefined : parseYamlBody(text, mediaType, purpose, bytes);
  const value = yaml === undefined ? parseJson(text, purpose) : yaml.value;
  checkShape(value);
  if (purpose.kind !== undefined && (typeof value !== "object" || value === null || Array.isArray(value)))
    throw unrecognized(purpose.kind, noKind(text), bytes);
  if (purpose.kind !== undefined) checkTypeMeta(value as Record<string, unknown>, purpose.kind, bytes);
  return { value, mediaType, repeated: () => yaml?.repeated ?? repeatedInJson(text, purpose.patch) };
}

/** A patch has no type to be read by: its fields are told apart from those of the object. */
function repeatedInJson(text: string, patch: string | undefined): RepeatedFields {
  const paths = duplicateFields(text);
  const who = patch === "application/json-patch+json" ? "json patch duplicate field" : "duplicate field";
  const texts = paths.map((path) => `${who} ${JSON.stringify(path)}`);
  if (patch !== undefined) return { texts };
  let positions: ReadonlyMap<string, number> | undefined;
  return { texts, paths, positionOf: (path) => (positions ??= fieldPositions(text)).get(path) ?? 0 };
}

function checkTypeMeta(value: Record<string, unknown>, kind: string, bytes: Uint8Array): void {
  for (const name of ["apiVersion", "kind"]) {
    const given = value[name];
    if (given === undefined || given === null || typeof given === "string") continue;
    const found = Array.isArray(given) ? "array" : typeof given === "boolean" ? "bool" : typeof given;
    const problem = `json: cannot unmarshal ${found} into Go struct field .${name} of type string`;
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${problem}`, bytes);
  }
}

function unrecognized(kind: string, problem: string, bytes: Uint8Array) {
  return statusError(
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary(bytes)})`,
  );
}

function noKind(text: string): string {
  const parsed = /^\s*\[/.test(text)
    ? 'json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
    : jsonProblem(text);
  return `couldn't get version/kind; json parse error: ${parsed}`;
}

/** The first bytes: as they are where they look like an object. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const first = Buffer.from(bytes.subarray(0, 30));
  const text = bytes[0] === 0x7b ? first.toString() : first.toString("hex");
  return bytes.length > 30 ? `${text} ...` : text;
}

function decodeProtobuf(bytes: Uint8Array): unknown {
  try {
    const value = decodeKubernetesProtobuf(bytes);
    checkShape(value);
    return value;
  } catch (error) {
    if (isStatus(error)) throw error;
    throw statusError(
      "BadRequest",
      `the object provided is unrecognized (vnd.kubernetes.protobuf): ${(error as Error).message}`,
    );
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw statusError("BadRequest", "the object provided is unrecognized: it is not UTF-8");
  }
}

function parseJson(text: string, { kind, patch }: BodyPurpose): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (patch !== undefined) {
      const prefix = patch === "application/strategic-merge-patch+json" ? "" : "error decoding patch: ";
      throw statusError("BadRequest", `${prefix}${jsonProblem(text)}`);
    }
    if (kind === undefined) throw statusError("BadRequest", noKind(text));
    throw unrecognized(kind, noKind(text), Buffer.from(text));
  }
}

function parseYamlBody(
  text: string,
  mediaType: string,
  { kind, patch }: BodyPurpose,
  bytes: Uint8Array,
): YamlBody {
  if (patch === undefined && mediaType !== "application/yaml") throw unsupported();
  try {
    return parseBodyYaml(text);
  } catch (error) {
    const problem = (error as Error).message.split("\n")[0];
    if (kind !== undefined) throw unrecognized(kind, `yaml: ${problem}`, bytes);
    throw statusError("BadRequest", `error decoding YAML: ${problem}`);
  }
}

function unsupported() {
  return statusError(
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json, " +
      "application/yaml, application/vnd.kubernetes.protobuf",
  );
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
interface YamlBody {
  value: unknown;
  repeated: RepeatedFields;
}

/** kubectl sends JSON under the name of YAML; that is read fast. */
function parseBodyYaml(text: string): YamlBody {
  if (text.trimStart().startsWith("{")) {
    try {
      return { value: JSON.parse(text), repeated: NOTHING_REPEATED };
    } catch {
      // Flow-style YAML also starts with a brace.
    }
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { ...KUBERNETES_YAML, uniqueKeys: false, lineCounter: lines });
  if (document.errors.length > 0) throw document.errors[0];
  return { value: document.toJS({ maxAliasCount: 100 }), repeated: repeatedInYaml(document, lines) };
}

/** The last of the members with a name counts. */
function repeatedInYaml(document: Document.Parsed, lines: LineCounter): RepeatedFields {
  const texts: string[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        const { line } = lines.linePos(key.range?.[0] ?? 0);
        if (seen.has(name)) texts.push(`line ${line}: key ${JSON.stringify(name)} already set in map`);
        seen.add(name);
      }
    },
  });
  if (texts.length === 0) return NOTHING_REPEATED;
  return { texts, refusal: `yaml: unmarshal errors:\n${texts.map((each) => `  ${each}`).join("\n")}` };
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
