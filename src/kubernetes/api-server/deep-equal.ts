/** Whether two JSON values are the same; the order of an object's members does not matter, undefined ones do not count. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  return coversMembers(a, b) && coversMembers(b, a, false);
}

function coversMembers(a: object, b: object, compare = true): boolean {
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return Object.keys(left).every(
    (key) =>
      left[key] === undefined ||
      (Object.hasOwn(right, key) && (!compare || deepEqual(left[key], right[key]))),
  );
}
