/** An object as a client sent it → a copy that may be stored: typed, canonical, unknown fields dealt with. */
import type { WriteOptions } from "../../model/kubernetes-api.ts";
import { apiVersionOf, type KubernetesObject } from "../../model/kubernetes-object.ts";
import { type KubernetesError, statusError } from "../../model/kubernetes-status.ts";
import { kindType } from "../../wire/kubernetes/schema/api-type.ts";
import { applyDefaults, pruneObject } from "./custom/prune.ts";
import { FieldTypeError, normalizeObject } from "./normalize-object.ts";
import { isJsonObject, type JsonObject } from "./patch/merge-patch.ts";
import type { ResourceInfo } from "./resource-info.ts";

export interface InputOptions extends Pick<WriteOptions, "fieldValidation"> {
  /** Set while a patch is carried out: problems are the patch's, and told as such. */
  patchText?: string;
  /** The patch is a strategic merge patch, which upstream converts without writing it down as JSON. */
  isStrategic?: boolean;
  /** Called with the paths of unknown fields in place of the usual answer. */
  onUnknownFields?: (paths: readonly string[]) => void;
  /** What the client sent more than once: told like unknown fields. */
  repeated?: RepeatedFields;
  /** Takes what the client should be told. */
  warn?: (text: string) => void;
}

/** Fields that occur more than once in a body. */
export interface RepeatedFields {
  /** Each as a warning tells it. */
  texts: readonly string[];
  /** What refuses them, where that is one text: YAML's reader finds all before anything else is looked at. */
  refusal?: string;
  /** Their paths, where they are read together with the unknown ones, and where in the text a field stands. */
  paths?: readonly string[];
  positionOf?: (path: string) => number;
}

export const NOTHING_REPEATED: RepeatedFields = { texts: [] };

/** @throws KubernetesError 400 when the input is not of the kind */
export function readInput(info: ResourceInfo, input: unknown, options: InputOptions): KubernetesObject {
  if (!isJsonObject(input)) throw statusError("BadRequest", `${info.kind}: the body is not an object`);
  const apiVersion = apiVersionOf(info.group, info.version);
  checkKind(info, input, apiVersion, options);
  const named: JsonObject = { ...input, apiVersion, kind: info.kind, metadata: input.metadata ?? {} };
  const type = info.isCustom ? undefined : kindType(info.group, info.version, info.kind);
  if (type === undefined) return readCustom(info, structuredClone(named), options);
  try {
    const unknownFields: string[] = [];
    const object = normalizeObject(type, named, unknownFields);
    object.metadata ??= {};
    reportUnknown(info, unknownFields, options);
    return object as unknown as KubernetesObject;
  } catch (error) {
    if (!(error instanceof FieldTypeError)) throw error;
    throw unreadable(info, error.message, options);
  }
}

/** A new object is refused as a whole; in a patch it is the patch that is invalid. */
export function unreadable(
  info: Pick<ResourceInfo, "kind" | "version">,
  problem: string,
  { patchText, isStrategic }: InputOptions,
): KubernetesError {
  if (patchText === undefined) return statusError("BadRequest", cannotHandle(info, problem));
  const message = `Invalid value: ${JSON.stringify(patchText)}: ${isStrategic ? conversionProblem(problem) : problem}`;
  return statusError("Invalid", ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
  });
}

/** What Go's decoder says, as its converter of maps to structs does. */
function conversionProblem(problem: string): string {
  const [, from, to] = /cannot unmarshal (\w+).* of type (.*)$/.exec(problem) ?? [];
  if (to === undefined) return problem;
  const kind = { number: "int64", object: "map", array: "slice" }[from] ?? from;
  if (to.startsWith("[]")) return `cannot restore slice from ${kind}`;
  if (to.startsWith("map[")) return `cannot restore map from ${kind}`;
  if (/^\w+\.\w+$/.test(to)) return `cannot restore struct from: ${kind}`;
  return to === "string" && from === "number" ? "cannot convert int64 to string" : `unrecognized type: ${to}`;
}

/** Custom resources: metadata by its type, the rest by the definition's schema. */
function readCustom(info: ResourceInfo, object: JsonObject, options: InputOptions): KubernetesObject {
  const { schema } = info;
  const unknown: string[] = [];
  try {
    const {
      apiVersion: _,
      kind: __,
      ...metadata
    } = normalizeObject(METADATA, { metadata: object.metadata }, unknown);
    object.metadata = metadata.metadata;
  } catch (error) {
    if (!(error instanceof FieldTypeError)) throw error;
    throw unreadable(info, error.message, options);
  }
  if (schema !== undefined) {
    unknown.push(...pruneObject(object, schema));
    applyDefaults(object, schema);
  }
  reportUnknown(info, unknown, options);
  return object as unknown as KubernetesObject;
}

/** What all custom kinds have in common with the built-in ones. */
const METADATA = kindType("", "v1", "ConfigMap")!;

function cannotHandle(info: Pick<ResourceInfo, "kind" | "version">, problem: string): string {
  return `${info.kind} in version ${JSON.stringify(info.version)} cannot be handled as a ${info.kind}: ${problem}`;
}

function checkKind(info: ResourceInfo, input: JsonObject, apiVersion: string, options: InputOptions): void {
  // Neither is needed where the path says what comes.
  const inVersion = input.apiVersion || apiVersion;
  const kind = input.kind || info.kind;
  const [version, group = ""] = String(inVersion).split("/").reverse();
  const refuse = (problem: string) => {
    const what = `${String(kind)} in version ${JSON.stringify(version)}`;
    if (options.patchText !== undefined) throw unreadable(info, problem, options);
    throw statusError("BadRequest", `${what} cannot be handled as a ${info.kind}: ${problem}`);
  };
  const isGone = group === "extensions" && version === "v1beta1";
  if (!info.isCustom && !isGone && kindType(group, version, String(kind)) === undefined) {
    const where = `version ${JSON.stringify(inVersion)} in scheme "pkg/runtime/scheme.go:111"`;
    refuse(`no kind ${JSON.stringify(kind)} is registered for ${where}`);
  }
  if (kind !== info.kind)
    refuse(
      `converting (${version}.${String(kind)}) to (${info.group.split(".")[0] || "core"}.${info.kind}): unknown conversion`,
    );
  if (inVersion !== apiVersion) {
    throw statusError(
      "BadRequest",
      `the API version in the data (${String(inVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
}

function reportUnknown(info: ResourceInfo, fields: string[], options: InputOptions): void {
  const { repeated = NOTHING_REPEATED } = options;
  if (fields.length === 0 && repeated.texts.length === 0) return;
  if (options.onUnknownFields !== undefined) {
    options.onUnknownFields(fields);
    return;
  }
  const isStrict = options.fieldValidation === "Strict";
  const texts = problemTexts(info, fields, repeated, isStrict);
  if (isStrict && texts.length > 0)
    throw unreadable(info, `strict decoding error: ${texts.join(", ")}`, options);
  if (options.fieldValidation === "Warn") for (const text of texts) options.warn?.(text);
}

/**
 * A body in JSON is read once by the type of a built-in kind: its problems come in the order of the text. Elsewhere what
 * occurs twice is told first, then what is unknown in the order of the names.
 */
function problemTexts(
  info: ResourceInfo,
  fields: readonly string[],
  { texts, refusal, paths, positionOf }: RepeatedFields,
  isStrict: boolean,
): string[] {
  const unknown = (field: string) => `unknown field ${JSON.stringify(field)}`;
  if (info.isCustom || paths === undefined || positionOf === undefined) {
    const inOrder = info.isCustom ? fields : [...fields].sort();
    return [...(isStrict && refusal !== undefined ? [refusal] : texts), ...inOrder.map(unknown)];
  }
  // Of a field that is unknown nothing else is told.
  const isKnown = (path: string) =>
    !fields.some((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`));
  const problems = [
    ...paths.flatMap((path, index) => (isKnown(path) ? [{ path, text: texts[index] }] : [])),
    ...fields.map((path) => ({ path, text: unknown(path) })),
  ];
  return problems.sort((a, b) => positionOf(a.path) - positionOf(b.path)).map(({ text }) => text);
}
