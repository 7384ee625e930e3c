/** As of when `info()` looks at info series (`infoSelectTimestampAndOffset` in upstream's `promql/info.go`, 3.16). */
import { childrenOf, type Expression, type VectorSelector } from "./parser/ast.ts";
import { typeOf } from "./parser/type-check.ts";

/** What the `@` and offsets of a selector and of the subqueries around it come to. */
export interface InfoReference {
  /** Undefined: the time of the step. */
  atMs: number | undefined;
  offsetMs: number;
}

const TIME_OF_STEP: InfoReference = { atMs: undefined, offsetMs: 0 };

/** That of the vector's selectors where all of them, and nothing else, make it; else the time of the step. */
export function infoReference(vector: Expression): InfoReference {
  return sharedReference(vector) ?? TIME_OF_STEP;
}

/** Undefined where selectors differ, or where a part of the vector comes from none. */
export function sharedReference(vector: Expression): InfoReference | undefined {
  const finder = new ReferenceFinder();
  finder.look(vector, []);
  return finder.isShared ? finder.found : undefined;
}

class ReferenceFinder {
  found: InfoReference | undefined;
  isShared = true;

  /** Whether there is a selector among what makes the vector; scalars within it don't count. */
  look(node: Expression, ancestors: readonly Expression[]): boolean {
    const type = typeOf(node);
    if (type !== "vector" && type !== "matrix") return false;
    if (node.kind === "vector-selector") {
      this.#add(referenceOf(node, ancestors));
      return true;
    }
    const chain = [...ancestors, node];
    // The second argument of `info()` is the spelling of a selector only.
    const isInfo = node.kind === "call" && node.name === "info";
    if (isInfo) return this.look(node.arguments[0], chain);
    let hasSelector = false;
    for (const child of childrenOf(node)) if (this.look(child, chain)) hasSelector = true;
    if (!hasSelector) this.isShared = false;
    return hasSelector;
  }

  #add(reference: InfoReference): void {
    if (this.found === undefined) this.found = reference;
    else if (!isSame(this.found, reference)) this.isShared = false;
  }
}

/** Offsets of enclosing subqueries add up until an `@` sets the time. */
function referenceOf(selector: VectorSelector, ancestors: readonly Expression[]): InfoReference {
  let { at, offsetMs } = selector;
  for (const ancestor of ancestors.toReversed()) {
    if (at !== undefined || ancestor.kind !== "subquery") continue;
    offsetMs += ancestor.offsetMs;
    at = ancestor.at;
  }
  return { atMs: typeof at === "number" ? at : undefined, offsetMs };
}

function isSame(a: InfoReference, b: InfoReference): boolean {
  if (a.atMs === undefined || b.atMs === undefined) return a.atMs === b.atMs && a.offsetMs === b.offsetMs;
  return a.atMs - a.offsetMs === b.atMs - b.offsetMs;
}
