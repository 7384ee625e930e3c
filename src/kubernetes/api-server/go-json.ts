/** JSON as Go's `encoding/json` writes it: what a browser could take for markup is escaped. */

const MARKUP: Record<string, string> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** @param indent blanks for each level; none puts all in one line */
export function goJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replace(/[<>&\u2028\u2029]/g, (each) => MARKUP[each]);
}
