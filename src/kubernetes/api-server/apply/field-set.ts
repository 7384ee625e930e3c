/**
 * A set of paths in an object, in the shape of `fieldsV1`: `{"f:metadata":{"f:labels":{"f:app":{}}}}`.
 *
 * A path's steps are `f:name` (member), `k:{"name":"a"}` (item of a map list) and `v:"x"` (item of a set). A place
 * that is itself in the set and has others below it says so by `.`.
 */

export class FieldSet {
  /** Whether the place itself is in the set. */
  isMember = false;
  readonly children = new Map<string, FieldSet>();

  get isEmpty(): boolean {
    return !this.isMember && this.children.size === 0;
  }

  /** The place below, made when missing. */
  at(step: string): FieldSet {
    let child = this.children.get(step);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(step, child);
    }
    return child;
  }

  static union(a: FieldSet, b: FieldSet): FieldSet {
    return combine(a, b, (x, y) => x || y);
  }

  /** Paths of `a` that are not in `b`. */
  static difference(a: FieldSet, b: FieldSet): FieldSet {
    return combine(a, b, (x, y) => x && !y);
  }

  static intersection(a: FieldSet, b: FieldSet): FieldSet {
    return combine(a, b, (x, y) => x && y);
  }

  /** Paths of `a` that are neither in `b` nor below a path of `b`. */
  static recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
    const result = new FieldSet();
    if (b.isMember) return result;
    result.isMember = a.isMember;
    for (const [step, child] of a.children) {
      const other = b.children.get(step);
      const left = other === undefined ? child : FieldSet.recursiveDifference(child, other);
      if (!left.isEmpty) result.children.set(step, left);
    }
    return result;
  }

  /** The set with every place that something of it is in (`EnsureNamedFieldsAreMembers`). */
  static withPlaces(set: FieldSet): FieldSet {
    const result = new FieldSet();
    result.isMember = set.isMember || set.children.size > 0;
    for (const [step, child] of set.children) result.children.set(step, FieldSet.withPlaces(child));
    return result;
  }

  static equal(a: FieldSet, b: FieldSet): boolean {
    return FieldSet.difference(a, b).isEmpty && FieldSet.difference(b, a).isEmpty;
  }

  /** All paths, each as its steps. */
  *paths(prefix: readonly string[] = []): Generator<readonly string[]> {
    if (this.isMember && prefix.length > 0) yield prefix;
    for (const [step, child] of this.children) yield* child.paths([...prefix, step]);
  }
}

const EMPTY = new FieldSet();

function combine(a: FieldSet, b: FieldSet, holds: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const result = new FieldSet();
  result.isMember = holds(a.isMember, b.isMember);
  for (const step of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(a.children.get(step) ?? EMPTY, b.children.get(step) ?? EMPTY, holds);
    if (!child.isEmpty) result.children.set(step, child);
  }
  return result;
}

/** Steps below each other that are read; what is deeper is nobody's. */
const MAX_DEPTH = 64;

/** From `fieldsV1`. What is malformed is left out. */
export function decodeFieldSet(fields: unknown, depth = 0): FieldSet {
  const set = new FieldSet();
  if (typeof fields !== "object" || fields === null || depth > MAX_DEPTH) return set;
  const entries = Object.entries(fields);
  if (entries.length === 0 && depth > 0) set.isMember = true;
  for (const [step, below] of entries) {
    if (step === ".") set.isMember = true;
    else set.children.set(step, decodeFieldSet(below, depth + 1));
  }
  return set;
}

/** To `fieldsV1`. */
export function encodeFieldSet(set: FieldSet): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  if (set.isMember && set.children.size > 0) result["."] = {};
  for (const step of [...set.children.keys()].sort()) result[step] = encodeFieldSet(set.children.get(step)!);
  return result;
}

/** A path as messages name it: `.spec.containers[name="a"].image`. */
export function formatPath(steps: readonly string[]): string {
  return steps
    .map((step) => {
      const rest = step.slice(2);
      if (step.startsWith("f:")) return `.${rest}`;
      if (step.startsWith("v:")) return `[=${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as object).map(
        ([key, value]) => `${key}=${JSON.stringify(value)}`,
      );
      return `[${keys.join(",")}]`;
    })
    .join("");
}
