/** Go's `sort.Sort`, as far as its result shows: where values are equal, or cannot be compared. */

/** Shorter lists are sorted by insertion. Longer ones come out in an order of their own there, and as they came here. */
const MAX_INSERTION = 12;

/** Sorts in place. @param isBefore need not be an order: of two NaNs both may come before the other */
export function goSort<T>(items: T[], isBefore: (a: T, b: T) => boolean): T[] {
  if (items.length > MAX_INSERTION)
    return items.sort((a, b) => Number(isBefore(b, a)) - Number(isBefore(a, b)));
  for (let i = 1; i < items.length; i++) {
    for (let j = i; j > 0 && isBefore(items[j], items[j - 1]); j--)
      [items[j], items[j - 1]] = [items[j - 1], items[j]];
  }
  return items;
}
