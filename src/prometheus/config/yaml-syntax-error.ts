/**
 * What Go's YAML package says of text that is no YAML. It counts lines from 0 in what its parser says, and from 1 in
 * what its scanner says, and shows no line 0.
 */
import { type Document, type LineCounter, visit, type YAMLError } from "yaml";

/** The first thing that is wrong with the syntax, or undefined. */
export function yamlSyntaxError(document: Document, text: string, lines: LineCounter): string | undefined {
  const failure = document.errors[0];
  const anchor = unknownAnchor(document, failure?.pos[0] ?? Number.POSITIVE_INFINITY);
  if (anchor !== undefined) return `yaml: unknown anchor '${anchor}' referenced`;
  return failure === undefined ? undefined : `yaml: ${describe(failure, text, lines)}`;
}

/** Of the first alias before `end` that stands for nothing. */
function unknownAnchor(document: Document, end: number): string | undefined {
  let found: string | undefined;
  visit(document, {
    Alias(_, alias) {
      if ((alias.range?.[0] ?? 0) >= end || alias.resolve(document) !== undefined) return undefined;
      found = alias.source;
      return visit.BREAK;
    },
  });
  return found;
}

function describe({ message, pos }: YAMLError, text: string, lines: LineCounter): string {
  const [at] = pos;
  const { line } = lines.linePos(at);
  const parser = (problem: string) => (line > 1 ? `line ${line - 1}: ${problem}` : problem);
  if (message.startsWith("Nested mappings")) return secondColon(at, text, lines);
  if (message.startsWith("Implicit keys need to be on a single line")) {
    const lineStart = text.lastIndexOf("\n", at - 1) + 1;
    // Where a key has to come, it is missed at its end already.
    const isKey = text.slice(lineStart, at).trim() === "";
    return isKey ? `line ${line + 1}: could not find expected ':'` : secondColon(at, text, lines);
  }
  if (message.startsWith("Sequence item without")) return parser("did not find expected '-' indicator");
  if (message.startsWith("Unexpected flow-")) {
    const isValue = /[:-]\s*$/.test(text.slice(0, at));
    return parser(isValue ? "did not find expected node content" : "did not find expected key");
  }
  const isMisplaced = /^(?:All mapping items must|A block sequence may not|Unexpected .* at node end)/;
  if (isMisplaced.test(message)) return parser("did not find expected key");
  return `line ${line}: ${message.split(" at line ")[0].split("\n")[0]}`;
}

/** A value that turns out to be a key: the line of its colon. */
function secondColon(at: number, text: string, lines: LineCounter): string {
  const colon = at + Math.max(0, text.slice(at).search(/:(?:\s|$)/));
  return `line ${lines.linePos(colon).line}: mapping values are not allowed in this context`;
}
