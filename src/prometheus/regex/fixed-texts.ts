/** Expressions that need no machine: fixed texts, and texts that begin with, end with or contain a fixed one. */
import type { Node } from "./syntax.ts";

export type FixedTexts =
  /** One of these. */
  | { kind: "texts"; texts: ReadonlySet<string> }
  /** Begins or ends with `text`, and has so many UTF-16 units at least. */
  | { kind: "prefix" | "suffix"; text: string; minimumLength: number }
  | { kind: "part"; text: string };

/** How many texts an expression is written out to at most. */
export const TEXTS_LIMIT = 256;
/** How long each may be. */
const TEXT_LENGTH_LIMIT = 1024;

const LAST_CODE_POINT = 0x10ffff;

export function fixedTexts(node: Node): FixedTexts | undefined {
  const texts = textsOf(node);
  if (texts !== undefined) return { kind: "texts", texts: new Set(texts) };
  const parts = flattened(node);
  const [first, last] = [parts[0], parts.at(-1)!];
  const middle = (from: number, to: number) =>
    textsOf({ kind: "concatenation", nodes: parts.slice(from, to) });
  if (isAnything(first) && isAnything(last) && parts.length > 1) {
    const inner = middle(1, -1);
    const isLoose = minimumOf(first) === 0 && minimumOf(last) === 0;
    return isLoose && inner?.length === 1 ? { kind: "part", text: inner[0] } : undefined;
  }
  if (isAnything(last)) {
    const inner = middle(0, -1);
    return inner?.length === 1 ? affix("prefix", inner[0], minimumOf(last)) : undefined;
  }
  if (isAnything(first)) {
    const inner = middle(1, parts.length);
    return inner?.length === 1 ? affix("suffix", inner[0], minimumOf(first)) : undefined;
  }
  return undefined;
}

function affix(kind: "prefix" | "suffix", text: string, minimum: number): FixedTexts {
  return { kind, text, minimumLength: text.length + minimum };
}

/** The parts in a row, groups opened. */
function flattened(node: Node): Node[] {
  if (node.kind === "concatenation") return node.nodes.flatMap(flattened);
  if (node.kind === "group") return flattened(node.node);
  return [node];
}

/** `.*` or `.+`. */
function isAnything(node: Node): node is Extract<Node, { kind: "repetition" }> {
  if (node.kind !== "repetition" || node.maximum !== Number.POSITIVE_INFINITY || node.minimum > 1)
    return false;
  const inner = node.node;
  return inner.kind === "class" && inner.class.ranges[0] === 0 && inner.class.ranges[1] === LAST_CODE_POINT;
}

function minimumOf(node: Extract<Node, { kind: "repetition" }>): number {
  return node.minimum;
}

/** All texts that match, or undefined when they are many. */
function textsOf(node: Node): string[] | undefined {
  switch (node.kind) {
    case "empty":
      return [""];
    case "class":
      return charactersOf(node.class);
    case "group":
      return textsOf(node.node);
    case "alternation": {
      const all: string[] = [];
      for (const part of node.nodes) {
        const texts = textsOf(part);
        if (texts === undefined || all.length + texts.length > TEXTS_LIMIT) return undefined;
        all.push(...texts);
      }
      return all;
    }
    case "concatenation":
      return node.nodes.reduce<string[] | undefined>((all, part) => product(all, textsOf(part)), [""]);
    case "repetition":
      return repeatedTexts(node);
    default:
      return undefined;
  }
}

function repeatedTexts({
  node,
  minimum,
  maximum,
}: Extract<Node, { kind: "repetition" }>): string[] | undefined {
  if (maximum === Number.POSITIVE_INFINITY) return undefined;
  const texts = textsOf(node);
  let all: string[] | undefined = [""];
  for (let i = 0; i < minimum && all !== undefined; i++) all = product(all, texts);
  const optional = texts && ["", ...texts];
  for (let i = minimum; i < maximum && all !== undefined; i++) all = product(all, optional);
  return all && [...new Set(all)];
}

function product(left: string[] | undefined, right: string[] | undefined): string[] | undefined {
  if (left === undefined || right === undefined || left.length * right.length > TEXTS_LIMIT) return undefined;
  const all = left.flatMap((a) => right.map((b) => a + b));
  return all.some((text) => text.length > TEXT_LENGTH_LIMIT) ? undefined : all;
}

function charactersOf({ ranges, properties, isNegated }: Extract<Node, { kind: "class" }>["class"]) {
  if (isNegated || properties.length > 0) return undefined;
  const all: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    if (all.length + ranges[i + 1] - ranges[i] + 1 > TEXTS_LIMIT) return undefined;
    for (let code = ranges[i]; code <= ranges[i + 1]; code++) all.push(String.fromCodePoint(code));
  }
  return [...new Set(all)];
}
