/**
 * JSON patch (RFC 6902) as `evanphx/json-patch` carries it out, which is lenient: a member that is not there counts as
 * null for `replace`, `test`, `copy` and as a value that is left out.
 */
import { deepEqual } from "../deep-equal.ts";
import { isJsonObject, type JsonObject, setMember } from "./merge-patch.ts";

/** Operations that one patch may have, as in the Kubernetes API server. */
export const MAX_PATCH_OPERATIONS = 10_000;
/** What all `copy` operations of a patch may add up to, as JSON: as much as a request may be. */
export const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  op?: unknown;
  path?: unknown;
  from?: unknown;
  value?: unknown;
}

/**
 * The document with all operations applied. The document itself is not changed.
 *
 * @throws Error when an operation does not fit the document, or there are too many.
 */
export function jsonPatch(document: unknown, patch: readonly unknown[]): unknown {
  if (patch.length > MAX_PATCH_OPERATIONS) {
    throw new Error(
      `The allowed maximum operations in a JSON patch is ${MAX_PATCH_OPERATIONS}, got ${patch.length}`,
    );
  }
  const state = { document: structuredClone(document), copiedBytes: 0 };
  for (const operation of patch) apply(state, operation as Operation);
  return state.document;
}

interface State {
  document: unknown;
  copiedBytes: number;
}

function apply(state: State, operation: Operation): void {
  const op = operation?.op;
  const path = pointerOf(op, operation?.path);
  const value = operation.value === undefined ? null : structuredClone(operation.value);
  switch (op) {
    case "add":
      place(state, op, path).add(value);
      return;
    case "remove":
      place(state, op, path).remove();
      return;
    case "replace":
      if (path === "") state.document = value;
      else place(state, op, path).set(value);
      return;
    case "test": {
      const found = path === "" ? state.document : place(state, op, path).get();
      if (!deepEqual(found ?? null, value)) throw new Error(`testing value ${path} failed`);
      return;
    }
    case "move": {
      const from = place(state, op, pointerOf(op, operation.from));
      const moved = from.get();
      from.remove();
      place(state, op, path).add(moved);
      return;
    }
    case "copy": {
      const copied = place(state, op, pointerOf(op, operation.from)).get() ?? null;
      state.copiedBytes += JSON.stringify(copied).length;
      if (state.copiedBytes > MAX_COPIED_BYTES)
        throw new Error(
          `Unable to complete the copy, the accumulated size increase of copy is over ${MAX_COPIED_BYTES}`,
        );
      place(state, op, path).add(structuredClone(copied));
      return;
    }
    default:
      throw new Error(`Unexpected kind: ${String(op ?? "unknown")}`);
  }
}

function pointerOf(op: unknown, path: unknown): string {
  if (typeof path !== "string") throw new Error(`${String(op)} operation failed to decode path`);
  return path;
}

/** Where a path ends: a member of an object or an item of a list. */
interface Place {
  get(): unknown;
  set(value: unknown): void;
  add(value: unknown): void;
  remove(): void;
}

function place({ document }: State, op: string, path: string): Place {
  const [, ...steps] = path.split("/").map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));
  const last = steps.pop();
  const parent = last === undefined ? undefined : steps.reduce(follow, document);
  if (last !== undefined && Array.isArray(parent)) return itemPlace(parent, last);
  if (last !== undefined && isJsonObject(parent)) return memberPlace(parent, last);
  throw new Error(
    `${op} operation does not apply: doc is missing path: ${op === "remove" ? JSON.stringify(path) : path}: missing value`,
  );
}

function follow(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value[indexOf(step, value.length - 1)];
  return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

function memberPlace(parent: JsonObject, key: string): Place {
  const set = (value: unknown) => setMember(parent, key, value);
  return {
    get: () => (Object.hasOwn(parent, key) ? parent[key] : undefined),
    set,
    add: set,
    remove() {
      if (!Object.hasOwn(parent, key))
        throw new Error(`Unable to remove nonexistent key: ${key}: missing value`);
      delete parent[key];
    },
  };
}

function itemPlace(parent: unknown[], key: string): Place {
  const index = () => indexOf(key, parent.length - 1);
  return {
    get: () => parent[index()],
    set(value) {
      parent[index()] = value;
    },
    add: (value) => void parent.splice(key === "-" ? parent.length : indexOf(key, parent.length), 0, value),
    remove: () => void parent.splice(index(), 1),
  };
}

/** From the end when negative: -1 is the last one. */
function indexOf(step: string, last: number): number {
  const given = /^[+-]?\d{1,10}$/.test(step) ? Number(step) : Number.NaN;
  const index = given < 0 ? given + last + 1 : given;
  if (index >= 0 && index <= last) return index;
  throw new Error(`Unable to access invalid index: ${step}: invalid index referenced`);
}
