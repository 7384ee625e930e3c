/** Where the operand begins that a token ends: `sum by (a) (b[5m] offset 1h)` from its last parenthesis. */
import type { Token } from "./lexer.ts";

const OPENING: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
const NAMES: ReadonlySet<string> = new Set(["identifier", "metric identifier", "aggregator", "preprocessor"]);

/** The index of its first token; undefined where no operand ends. */
export function operandStart(tokens: readonly Token[], end: number): number | undefined {
  let at = end;
  while (at >= 0) {
    const before = beforePostfix(tokens, at);
    if (before === undefined) return primaryStart(tokens, at);
    at = before;
  }
  return undefined;
}

/** What stands before a range, `offset`, `@`, `by (…)` or an extension that ends at `at`; undefined where none does. */
function beforePostfix(tokens: readonly Token[], at: number): number | undefined {
  const { type, text } = tokens[at];
  const word = text.toLowerCase();
  if (type === "keyword" && (word === "anchored" || word === "smoothed")) return at - 1;
  if (isPunctuation(tokens[at], "]")) return opening(tokens, at) - 1;
  let start = isPunctuation(tokens[at], ")") ? opening(tokens, at) : at;
  if (isKeyword(tokens[start - 1], ["by", "without"]) && isPunctuation(tokens[start - 2], ")"))
    return start - 2;
  if (tokens[start - 1]?.type === "preprocessor") start--;
  while (tokens[start - 1]?.type === "operator" && /^[+-]$/.test(tokens[start - 1].text)) start--;
  const isShift = isKeyword(tokens[start - 1], ["offset"]) || tokens[start - 1]?.text === "@";
  return isShift ? start - 2 : undefined;
}

function primaryStart(tokens: readonly Token[], at: number): number | undefined {
  if (isPunctuation(tokens[at], "}")) {
    const open = opening(tokens, at);
    return NAMES.has(tokens[open - 1]?.type) ? open - 1 : open;
  }
  if (!isPunctuation(tokens[at], ")")) return tokens[at].type === "operator" ? undefined : at;
  const open = opening(tokens, at);
  if (isPunctuation(tokens[open - 1], ")")) {
    const list = opening(tokens, open - 1);
    if (isKeyword(tokens[list - 1], ["by", "without"])) return Math.max(0, list - 2);
  }
  return NAMES.has(tokens[open - 1]?.type) ? open - 1 : open;
}

/** The index of the bracket that a closing one closes; 0 where none does. */
function opening(tokens: readonly Token[], close: number): number {
  const [closing, wanted] = [tokens[close].text, OPENING[tokens[close].text]];
  for (let at = close, depth = 0; at >= 0; at--) {
    if (isPunctuation(tokens[at], closing)) depth++;
    else if (isPunctuation(tokens[at], wanted) && --depth === 0) return at;
  }
  return 0;
}

function isPunctuation(token: Token | undefined, text: string): boolean {
  return token?.type === "punctuation" && token.text === text;
}

export function isKeyword(token: Token | undefined, words: readonly string[]): boolean {
  return token?.type === "keyword" && words.includes(token.text.toLowerCase());
}
