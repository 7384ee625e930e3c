/** What is wrong with the text of an expression, and where. */

/** Offsets into the expression, in UTF-16 units. */
export interface Position {
  start: number;
  end: number;
}

/** Upstream's `ParseErr`: prints as `1:5: parse error: unexpected …`. */
export class ParseError extends Error {
  readonly position: Position;
  /** Without position and "parse error". */
  readonly detail: string;

  constructor(query: string, position: Position, detail: string) {
    super(`${lineAndColumn(query, position.start)}: parse error: ${detail}`);
    this.name = "ParseError";
    this.position = position;
    this.detail = detail;
  }
}

/** `line:column`, both from 1, columns in bytes of UTF-8: where upstream's messages say that something is. */
export function lineAndColumn(query: string, offset: number): string {
  if (query === "") return "unknown position";
  const before = query.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return `${line}:${Buffer.byteLength(before.slice(lineStart)) + 1}`;
}
