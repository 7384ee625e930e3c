/**
 * Says what is wrong where the grammar stopped, in upstream's words: `unexpected identifier "b" in label matching,
 * expected string`.
 *
 * Upstream's parser names the innermost construct around the bad token that has a message of its own
 * (`generated_parser.y`, the `error` rules). The tokens before it tell which constructs are open.
 */
import { AGGREGATORS, describeToken, quoteString, type Token } from "./lexer.ts";
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
  if (last?.text === "," && bad.text === ")" && isCall(openConstructs(before).at(-1))) {
    return new ParseError(query, last, "trailing commas not allowed in function call args");
  }
  if (bad.text === "(" && last?.type === "identifier") {
    return new ParseError(query, last, `unknown function with name ${quoteString(last.text)}`);
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
  const innermost = open.at(-1);
  if (innermost?.kind === "braces") return ` in label matching, expected ${expectedInBraces(before)}`;
  if (innermost?.kind === "grouping") return ` in grouping opts, expected ${expectedInGrouping(last)}`;
  if (innermost?.kind === "brackets") return expectedInBrackets(before.slice(innermost.at + 1));
  if (isGroupingKeyword(before)) return ` in grouping opts, expected "("`;
  const word = last.text.toLowerCase();
  if (last.type === "keyword" && word === "offset" && before.length > 1) {
    return " in offset, expected number, duration, step(), or range()";
  }
  if (last.text === "@") return " in @, expected timestamp";
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
  const isComplete = part.length > 0 && isCompleteDuration(part);
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
  const last = tokens.at(-1)!;
  return last.type !== "operator" && last.type !== "preprocessor" && openConstructs(tokens).length === 0;
}
