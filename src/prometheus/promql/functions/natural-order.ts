/** Order of strings in which numbers count as such: `pod-2` before `pod-10`. */

const CHUNKS = /\d+|\D+/g;

export function compareNaturally(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [a.match(CHUNKS) ?? [], b.match(CHUNKS) ?? []];
  const count = Math.min(left.length, right.length);
  for (let i = 0; i < count; i++) {
    const order = compareChunks(left[i], right[i]);
    if (order !== 0) return order;
  }
  if (left.length !== right.length) return left.length - right.length;
  return a < b ? -1 : 1;
}

function compareChunks(a: string, b: string): number {
  if (a === b) return 0;
  if (/^\d/.test(a) && /^\d/.test(b)) {
    const [x, y] = [a.replace(/^0+(?=\d)/, ""), b.replace(/^0+(?=\d)/, "")];
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
    return a.length - b.length;
  }
  return a < b ? -1 : 1;
}
