/** JSON patch (RFC 6902). */
import { deepEqual } from "../deep-equal.ts";
import { isJsonObject, setMember } from "./merge-patch.ts";

/** Operations that one patch may have, as in the Kubernetes API server. */
export const MAX_PATCH_OPERATIONS = 10_000;

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/**
 * The document with all operations applied. The document itself is not changed.
 *
 * @throws Error when the patch is malformed or an operation does not fit the document.
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new Error("a JSON patch is an array of operations");
  if (patch.length > MAX_PATCH_OPERATIONS) {
    throw new Error(
      `The allowed maximum operations in a JSON patch is ${MAX_PATCH_OPERATIONS}, got ${patch.length}`,
    );
  }
  let result = structuredClone(document);
  for (const operation of patch) result = applyOperation(result, operation as Operation);
  return result;
}

function applyOperation(document: unknown, operation: Operation): unknown {
  if (!isJsonObject(operation) || typeof operation.path !== "string") {
    throw new Error("Unexpected kind: a JSON patch operation has op and path");
  }
  const { op, path, value } = operation;
  switch (op) {
    case "add":
      return add(document, path, requireValue(operation));
    case "remove":
      return remove(document, path);
    case "replace":
      if (path === "") return value;
      lookUp(document, path, op);
      return add(remove(document, path), path, requireValue(operation));
    case "move": {
      const moved = lookUp(document, String(operation.from), op);
      return add(remove(document, String(operation.from)), path, moved);
    }
    case "copy":
      return add(document, path, structuredClone(lookUp(document, String(operation.from), op)));
    case "test":
      if (!deepEqual(lookUp(document, path, op), value ?? null)) {
        throw new Error(`testing value ${path} failed`);
      }
      return document;
    default:
      throw new Error(`Unexpected kind: ${op}`);
  }
}

function requireValue(operation: Operation): unknown {
  if (operation.value === undefined)
    throw new Error(`${operation.op} operation does not have a value: ${operation.path}`);
  return structuredClone(operation.value);
}

function segments(path: string): string[] {
  if (path === "") return [];
  if (!path.startsWith("/")) throw new Error(`JSON pointer must start with "/": ${path}`);
  return path
    .slice(1)
    .split("/")
    .map((segment) => segment.replace(/~1/g, "/").replace(/~0/g, "~"));
}

function missing(op: string, path: string): Error {
  return new Error(`${op} operation does not apply: doc is missing path: ${path}: missing value`);
}

function lookUp(document: unknown, path: string, op: string): unknown {
  let value = document;
  for (const segment of segments(path)) {
    if (Array.isArray(value)) value = value[indexOf(segment, value.length - 1, op, path)];
    else if (isJsonObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else throw missing(op, path);
  }
  return value;
}

function indexOf(segment: string, last: number, op: string, path: string): number {
  const index = /^(0|[1-9]\d{0,9})$/.test(segment) ? Number(segment) : Number.NaN;
  if (!(index <= last))
    throw new Error(`${op} operation does not apply: doc is missing path: ${path}: invalid array index`);
  return index;
}

/** The container of the path's last segment. */
function parentOf(document: unknown, path: string, op: string): [parent: unknown, segment: string] {
  const all = segments(path);
  const segment = all.pop()!;
  const parentPath = all.map((part) => `/${part.replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
  return [lookUp(document, parentPath, op), segment];
}

function add(document: unknown, path: string, value: unknown): unknown {
  if (path === "") return value;
  const [parent, segment] = parentOf(document, path, "add");
  if (Array.isArray(parent)) {
    parent.splice(segment === "-" ? parent.length : indexOf(segment, parent.length, "add", path), 0, value);
  } else if (isJsonObject(parent)) setMember(parent, segment, value);
  else throw missing("add", path);
  return document;
}

function remove(document: unknown, path: string): unknown {
  if (path === "") return null;
  const [parent, segment] = parentOf(document, path, "remove");
  if (Array.isArray(parent)) parent.splice(indexOf(segment, parent.length - 1, "remove", path), 1);
  else if (isJsonObject(parent) && Object.hasOwn(parent, segment)) delete parent[segment];
  else throw new Error(`remove operation does not apply: doc is missing path: ${path}: missing value`);
  return document;
}
