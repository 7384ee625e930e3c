/** Where the items of a merged list stand: those that a patch names in its order, the server's other ones among them. */
import { isJsonObject } from "./merge-patch.ts";

/**
 * @param merged all items
 * @param order the patch's items, or its `$setElementOrder`
 * @param live the list before the patch: an item that only the server has stands before the first of the patch's items
 * that it stood before there
 */
export function inPatchOrder(
  merged: unknown[],
  order: unknown[],
  live: unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (item: unknown) => (mergeKey && isJsonObject(item) ? item[mergeKey] : item);
  const ordered = positions(order, keyOf);
  const before = positions(live, keyOf);
  const isNamed = (item: unknown) => ordered.has(keyOf(item));
  const named = sortedBy(merged.filter(isNamed), (item) => ordered.get(keyOf(item)));
  const others = sortedBy(
    merged.filter((item) => !isNamed(item)),
    (item) => before.get(keyOf(item)),
  );
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    const place = before.get(keyOf(item));
    while (next < others.length && isBefore(before.get(keyOf(others[next])), place))
      result.push(others[next++]);
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

function isBefore(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a < b;
}

/** The first position of each key. */
function positions(items: unknown[], keyOf: (item: unknown) => unknown): Map<unknown, number> {
  const result = new Map<unknown, number>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (!result.has(key)) result.set(key, index);
  }
  return result;
}

function sortedBy(items: unknown[], position: (item: unknown) => number | undefined): unknown[] {
  return items.toSorted((a, b) => (position(a) ?? 0) - (position(b) ?? 0));
}
