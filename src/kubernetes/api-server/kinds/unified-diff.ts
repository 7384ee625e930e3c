/**
 * What is different between two structs, line by line (apimachinery `diff.Diff`): both are printed as indented JSON and
 * compared with the algorithm of Python's difflib, whose choices among equally good matches the message shows.
 */
import { goJson } from "../go-json.ts";

/** Unchanged lines around each change. */
const CONTEXT = 3;
/** From this many lines on, lines that occur often don't start a match. */
const LONG_TEXT = 200;

interface Match {
  a: number;
  b: number;
  size: number;
}

interface Change {
  isEqual: boolean;
  aFrom: number;
  aTo: number;
  bFrom: number;
  bTo: number;
}

/** @returns hunks with headers `@@ -1,2 +1,3 @@`; "" when nothing is different */
export function structDiff(before: unknown, after: unknown): string {
  return unifiedDiff(goJson(before, 1).split("\n"), goJson(after, 1).split("\n"));
}

export function unifiedDiff(a: readonly string[], b: readonly string[]): string {
  let text = "";
  for (const hunk of hunks(changes(a, b))) {
    const [first, last] = [hunk[0], hunk.at(-1)!];
    text += `@@ -${range(first.aFrom, last.aTo)} +${range(first.bFrom, last.bTo)} @@\n`;
    for (const { isEqual, aFrom, aTo, bFrom, bTo } of hunk) {
      for (const line of a.slice(aFrom, aTo)) text += `${isEqual ? " " : "-"}${line}\n`;
      if (!isEqual) for (const line of b.slice(bFrom, bTo)) text += `+${line}\n`;
    }
  }
  return text;
}

/** Lines are counted from 1; an empty range stands at the line before it. */
function range(from: number, to: number): string {
  const length = to - from;
  if (length === 1) return `${from + 1}`;
  return `${length === 0 ? from : from + 1},${length}`;
}

/** Changes that are near each other, with the lines around them. */
function hunks(all: Change[]): Change[][] {
  const found: Change[][] = [];
  let hunk: Change[] = [];
  for (const [index, change] of all.entries()) {
    if (!change.isEqual) {
      hunk.push(change);
      continue;
    }
    const { aFrom, aTo, bFrom, bTo } = change;
    const isFirst = index === 0;
    const isLast = index === all.length - 1;
    const length = aTo - aFrom;
    const head = Math.min(length, CONTEXT);
    const isWhole = !isFirst && !isLast && length <= 2 * CONTEXT;
    if (isWhole) {
      hunk.push(change);
      continue;
    }
    if (!isFirst) {
      hunk.push({ isEqual: true, aFrom, aTo: aFrom + head, bFrom, bTo: bFrom + head });
      if (isLast) continue;
      found.push(hunk);
      hunk = [];
    }
    if (!isLast) hunk.push({ isEqual: true, aFrom: aTo - head, aTo, bFrom: bTo - head, bTo });
  }
  if (hunk.some(({ isEqual }) => !isEqual)) found.push(hunk);
  return found;
}

function changes(a: readonly string[], b: readonly string[]): Change[] {
  const all: Change[] = [];
  let [aAt, bAt] = [0, 0];
  for (const match of matches(a, b)) {
    if (aAt < match.a || bAt < match.b)
      all.push({ isEqual: false, aFrom: aAt, aTo: match.a, bFrom: bAt, bTo: match.b });
    aAt = match.a + match.size;
    bAt = match.b + match.size;
    if (match.size > 0) all.push({ isEqual: true, aFrom: match.a, aTo: aAt, bFrom: match.b, bTo: bAt });
  }
  return all;
}

/** Blocks of lines that both have, in order, with an empty one at the end. Adjacent blocks are one. */
function matches(a: readonly string[], b: readonly string[]): Match[] {
  const places = placesOf(b);
  const found: Match[] = [];
  // Ranges still to be looked at, the leftmost on top; matches wait among them for those on their left.
  const pending: ([number, number, number, number] | Match)[] = [[0, a.length, 0, b.length]];
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (!Array.isArray(next)) {
      const last = found.at(-1);
      if (last !== undefined && last.a + last.size === next.a && last.b + last.size === next.b)
        last.size += next.size;
      else found.push({ ...next });
      continue;
    }
    const [aFrom, aTo, bFrom, bTo] = next;
    const match = longestMatch(a, b, places, next);
    if (match.size === 0) continue;
    const [aEnd, bEnd] = [match.a + match.size, match.b + match.size];
    if (aEnd < aTo && bEnd < bTo) pending.push([aEnd, aTo, bEnd, bTo]);
    pending.push(match);
    if (aFrom < match.a && bFrom < match.b) pending.push([aFrom, match.a, bFrom, match.b]);
  }
  return [...found, { a: a.length, b: b.length, size: 0 }];
}

function placesOf(lines: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [at, line] of lines.entries()) {
    const known = places.get(line);
    if (known === undefined) places.set(line, [at]);
    else known.push(at);
  }
  if (lines.length < LONG_TEXT) return places;
  const often = Math.floor(lines.length / 100) + 1;
  for (const [line, at] of places) if (at.length > often) places.delete(line);
  return places;
}

/** The longest block in both ranges; of several the first in `a`, then in `b`. */
function longestMatch(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, number[]>,
  [aFrom, aTo, bFrom, bTo]: [number, number, number, number],
): Match {
  const best = { a: aFrom, b: bFrom, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = aFrom; i < aTo; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i]) ?? []) {
      if (j < bFrom) continue;
      if (j >= bTo) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) Object.assign(best, { a: i - size + 1, b: j - size + 1, size });
    }
    lengths = next;
  }
  while (best.a > aFrom && best.b > bFrom && a[best.a - 1] === b[best.b - 1]) {
    best.a--;
    best.b--;
    best.size++;
  }
  while (
    best.a + best.size < aTo &&
    best.b + best.size < bTo &&
    a[best.a + best.size] === b[best.b + best.size]
  )
    best.size++;
  return best;
}
