/**
 * Says what is wrong where the grammar stopped, in upstream's words: `unexpected identifier "b" in label matching,
 * expected string`.
 *
 * Upstream's parser names the innermost construct around the bad token that has a message of its own
 * (`generated_parser.y`, the `error` rules). The tokens before it tell which constructs are open.
 */
import { FUNCTION_SIGNATURES } from "./function-signatures.ts";
import { AGGREGATORS, describeToken, quoteString, type Token } from "./lexer.ts";
import { isKeyword } from "./operand-start.ts";
import { ParseError } from "./parse-error.ts";

/** Something that was begun and not ended before the bad token. */
interface OpenConstruct {
  kind: "parenthesis" | "aggregation" | "braces" | "brackets" | "grouping";
  /** Index of the token that opens it. */
  at: number;
}

/** The error for the token at or after `offset`, which the grammar does not allow there. */
export function syntaxError(query: string, tokens: Token[], offset: number): ParseError {
  const index = tokens.findIndex((token) => token.end > offset || token.type === "end of input");
  const bad = tokens[index];
  if (index === 0 && bad.type === "end of input") {
    return new ParseError(query, { start: 0, end: 0 }, "no expression found in input");
  }
  const before = tokens.slice(0, index);
  const last = before.at(-1);
  if (bad.text === "(" && last?.type === "identifier" && openConstructs(before).at(-1)?.kind !== "grouping") {
    return new ParseError(query, last, `unknown function with name ${quoteString(last.text)}`);
  }
  // Upstream takes the arguments for complete whatever follows, unless it could be another one.
  if (last?.text === "," && isCall(openConstructs(before).at(-1))) {
    return new ParseError(query, last, "trailing commas not allowed in function call args");
  }
  return new ParseError(query, bad, `unexpected ${describeToken(bad)}${contextOf(before)}`);
}

function isCall(construct: OpenConstruct | undefined): boolean {
  return construct?.kind === "parenthesis" || construct?.kind === "aggregation";
}

function contextOf(before: Token[]): string {
  const last = before.at(-1);
  if (last === undefined) return "";
  const open = openConstructs(before);
  const innermost = open.findLast(({ kind }) => kind === "brackets") ?? open.at(-1);
  if (innermost?.kind === "braces") return ` in label matching, expected ${expectedInBraces(before)}`;
  if (innermost?.kind === "grouping") return ` in grouping opts, expected ${expectedInGrouping(last)}`;
  if (innermost?.kind === "brackets") return expectedInBrackets(before.slice(innermost.at + 1));
  const isGroup = isKeyword(last, ["group_left", "group_right"]);
  if (isGroup || isGroupingKeyword(before)) return ` in grouping opts, expected "("`;
  if (isInOffset(before)) return " in offset, expected number, duration, step(), or range()";
  if (isInAtModifier(before)) return " in @, expected timestamp";
  // A bare `sum` could as well be a metric.
  const isGrouped = last.text === ")" && isAggregationHead(before);
  const isAggregation = open.some(({ kind }) => kind === "aggregation") || isGrouped;
  return isAggregation ? " in aggregation" : "";
}

function openConstructs(tokens: Token[]): OpenConstruct[] {
  const open: OpenConstruct[] = [];
  tokens.forEach((token, at) => {
    if (token.type === "string") return;
    if (token.text === "(") open.push({ kind: kindOfParenthesis(tokens.slice(0, at)), at });
    else if (token.text === "{") open.push({ kind: "braces", at });
    else if (token.text === "[") open.push({ kind: "brackets", at });
    else if ([")", "}", "]"].includes(token.text)) open.pop();
  });
  return open;
}

function kindOfParenthesis(before: Token[]): OpenConstruct["kind"] {
  if (isGroupingKeyword(before)) return "grouping";
  const last = before.at(-1)?.text.toLowerCase();
  if (last === "group_left" || last === "group_right") return "grouping";
  return isAggregationHead(before) ? "aggregation" : "parenthesis";
}

const GROUPING_KEYWORDS = new Set(["by", "without", "on", "ignoring"]);

/** Whether the tokens end with a keyword after which a list of labels has to come. */
function isGroupingKeyword(before: Token[]): boolean {
  const last = before.at(-1);
  if (last?.type !== "keyword" || !GROUPING_KEYWORDS.has(last.text.toLowerCase())) return false;
  const previous = before.at(-2);
  if (last.text.toLowerCase() === "on" || last.text.toLowerCase() === "ignoring") return true;
  return previous !== undefined && (previous.text === ")" || previous.type === "aggregator");
}

/** Whether the tokens end with an aggregation operator, or with one and its `by (…)`. */
function isAggregationHead(before: Token[]): boolean {
  let at = before.length - 1;
  if (before[at]?.text === ")") {
    while (at >= 0 && before[at].text !== "(") at--;
    const keyword = before[at - 1]?.text.toLowerCase();
    if (keyword !== "by" && keyword !== "without") return false;
    at -= 2;
  }
  const head = before[at];
  return head?.type === "aggregator" && AGGREGATORS.has(head.text.toLowerCase());
}

/** Whether the tokens end in the middle of the duration behind an `offset`. */
function isInOffset(before: Token[]): boolean {
  const at = before.findLastIndex(({ type, text }) => type === "keyword" && text.toLowerCase() === "offset");
  // Where an operand has to come, it is the name of a metric.
  if (at < 1 || !endsOperand(before[at - 1])) return false;
  const duration = before.slice(at + 1);
  const start = duration.findIndex(({ type }) => type !== "operator");
  return start === -1 || !startsWithDuration(duration.slice(start));
}

/** Whether a literal, a parenthesis or a call comes first, and is complete: an operator behind it is another matter. */
function startsWithDuration(tokens: Token[]): boolean {
  let depth = 0;
  for (const { type, text } of tokens) {
    if (text === "(") depth++;
    else if (text === ")") depth--;
    if (depth === 0 && type !== "preprocessor") return true;
  }
  return false;
}

/** Whether the tokens end in the middle of what stands behind an `@`. */
function isInAtModifier(before: Token[]): boolean {
  const at = before.findLastIndex(({ type, text }) => type === "operator" && text === "@");
  if (at === -1) return false;
  return /^(?:[+-]?|(?:start|end)\(?)$/i.test(textOf(before.slice(at + 1)));
}

function textOf(tokens: Token[]): string {
  return tokens.map(({ text }) => text).join("");
}

function endsOperand({ type, text }: Token): boolean {
  if (type === "punctuation") return [")", "}", "]"].includes(text);
  return type !== "operator" && type !== "keyword";
}

/** The error of the first call among the tokens that is closed, and that upstream has refused by then. */
export function completedCallError(query: string, tokens: Token[]): ParseError | undefined {
  const open: { at: number; commas: number }[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const { type, text } = tokens[i];
    if (type !== "punctuation") continue;
    if (["(", "[", "{"].includes(text)) open.push({ at: i, commas: 0 });
    else if (text === "," && open.length > 0) open.at(-1)!.commas++;
    else if ([")", "]", "}"].includes(text)) {
      const { at, commas } = open.pop() ?? { at: 0, commas: 0 };
      if (text === ")") {
        const count = at + 1 === i ? 0 : commas + 1;
        const error = callError(query, tokens.slice(0, at), count);
        if (error !== undefined) return error;
      }
    }
  }
  return undefined;
}

/** What is wrong with a call whose parenthesis opens behind the tokens. */
function callError(query: string, before: Token[], argumentCount: number): ParseError | undefined {
  const head = before.at(-1);
  if (head?.type === "identifier" && !FUNCTION_SIGNATURES.has(head.text)) {
    return new ParseError(query, head, `unknown function with name ${quoteString(head.text)}`);
  }
  if (head?.type !== "aggregator" || argumentCount > 0) return undefined;
  return new ParseError(query, head, "no arguments for aggregate expression provided");
}

function expectedInBraces(before: Token[]): string {
  const last = before.at(-1)!;
  if (last.text === "{" || (last.text === "," && last.type === "punctuation")) return `identifier or "}"`;
  if (last.type === "identifier") return "label matching operator";
  if (last.type === "string") return `"," or "}"`;
  return "string";
}

function expectedInGrouping(last: Token): string {
  return last.text === "(" || last.text === "," ? "label" : `"," or ")"`;
}

function expectedInBrackets(inside: Token[]): string {
  const colon = inside.findIndex((token) => token.text === ":");
  const part = inside.slice(colon + 1);
  const isComplete = isCompleteDuration(part);
  if (colon === -1) {
    return isComplete
      ? ` in subquery or range, expected ":" or "]"`
      : " in subquery or range selector, expected number, duration, step(), or range()";
  }
  return isComplete
    ? ` in subquery selector, expected "]"`
    : ` in subquery selector, expected number, duration, step(), range(), or "]"`;
}

/** Whether a duration could end here: balanced, and not on an operator. */
function isCompleteDuration(tokens: Token[]): boolean {
  const last = tokens.at(-1);
  return (
    last !== undefined &&
    last.type !== "operator" &&
    last.type !== "preprocessor" &&
    openConstructs(tokens).length === 0
  );
}
