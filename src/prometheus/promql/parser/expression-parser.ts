/**
 * From the text of an expression to its checked syntax tree (`promql/parser`), by the official grammar package.
 *
 * That grammar is made for an editor, hence three additions: the lexer's own complaints, upstream's words for what
 * the grammar refuses, and stand-ins for function names that it does not know.
 */
import { parser as lezerParser } from "@prometheus-io/lezer-promql";
import type { Expression } from "./ast.ts";
import { FUNCTION_SIGNATURES } from "./function-signatures.ts";
import { type Token, tokenize } from "./lexer.ts";
import { isKeyword, operandStart } from "./operand-start.ts";
import { ParseError } from "./parse-error.ts";
import type { ParserOptions } from "./parser-options.ts";
import { completedCallError, syntaxError } from "./syntax-error.ts";
import { treeToExpression } from "./tree-to-expression.ts";
import { checkTypes } from "./type-check.ts";

/** How deep parentheses, calls and operators may be nested. Upstream has no limit but its stack. */
export const EXPRESSION_DEPTH_LIMIT = 250;
/** How many operators may stand in one expression, since a chain of them nests to the left. */
export const OPERATOR_LIMIT = 800;
/** The longest expression, in characters. Upstream's limit is that of the HTTP request. */
export const EXPRESSION_LENGTH_LIMIT = 1024 * 1024;

const strictParser = lezerParser.configure({ strict: true });

/**
 * Parses and type-checks an expression.
 *
 * @throws ParseError with upstream's text and position.
 */
export function parseExpression(query: string, options: ParserOptions = {}): Expression {
  const expression = parseUnchecked(query, options);
  checkTypes(query, expression);
  return expression;
}

/** Without a look at types. @throws ParseError */
export function parseUnchecked(query: string, options: ParserOptions = {}): Expression {
  if (query.length > EXPRESSION_LENGTH_LIMIT) {
    throw new ParseError("", { start: 0, end: 0 }, "expression is too long");
  }
  const { tokens, error } = tokenize(query, options);
  checkDepth(query, tokens);
  const text = withStandIns(query, tokens);
  let tree: ReturnType<typeof strictParser.parse>;
  try {
    tree = parseTree(text);
  } catch (stop) {
    const offset = stoppedAt(stop);
    throw firstOf(query, tokens, offset, { error, options }) ?? syntaxErrorAt(query, tokens, offset, options);
  }
  if (error !== undefined) throw refusedBefore(query, tokens, options) ?? error;
  return treeToExpression(query, tree.topNode, tokens, options);
}

/**
 * As `strictParser.parse`, without its guard against long chains of operators, whose count is limited already: it
 * gives up on 300 of them, since the tree of such a chain is deep.
 */
function parseTree(text: string): ReturnType<typeof strictParser.parse> {
  const parse = strictParser.startParse(text) as ReturnType<typeof strictParser.startParse> & {
    bigReductionCount: number;
  };
  for (;;) {
    parse.bigReductionCount = 0;
    const tree = parse.advance();
    if (tree !== null) return tree;
  }
}

/** The lexer's error, unless the grammar stopped at a token before it. */
function firstOf(
  query: string,
  tokens: Token[],
  offset: number,
  { error, options }: { error: ParseError | undefined; options: ParserOptions },
) {
  if (error === undefined) return undefined;
  const bad = tokens.find((token) => token.end > offset);
  if (bad === undefined) return refusedBefore(query, tokens, options) ?? error;
  return syntaxErrorAt(query, tokens, offset, options);
}

function syntaxErrorAt(query: string, tokens: Token[], offset: number, options: ParserOptions): ParseError {
  const bad = tokens.findIndex((token) => token.end > offset || token.type === "end of input");
  return (
    refusedBefore(query, tokens.slice(0, bad), options, tokens[bad]) ?? syntaxError(query, tokens, offset)
  );
}

/** Of longer expressions only calls are looked at, since every operand is parsed again. */
const MAX_REPARSED_TOKENS = 400;

/**
 * What upstream has refused by the end of the tokens: it checks each operand when it is complete, whatever follows.
 *
 * @param next what follows
 */
function refusedBefore(
  query: string,
  tokens: Token[],
  options: ParserOptions,
  next?: Token,
): ParseError | undefined {
  const count = tokens.length > MAX_REPARSED_TOKENS ? 0 : tokens.length;
  const durations = offsetDurations(tokens);
  for (let i = 0; i < count; i++) {
    const start = operandStart(tokens, i);
    if (start === undefined) continue;
    // Of durations the numbers alone are read at once.
    if (durations.has(start) && !["number", "duration"].includes(tokens[i].type)) continue;
    const isAggregation = tokens[start].type === "aggregator" && tokens[i].text === ")";
    // It may have its labels still to come.
    if (isAggregation && isKeyword(tokens[i + 1] ?? next, ["by", "without"])) continue;
    // To see what comes, upstream has asked the lexer by then, whose complaint was first.
    const isLast = next === undefined && i === count - 1;
    if (isLast && isAggregation) return completedCallError(query, tokens.slice(0, -1));
    const operand = tokens.slice(start, i + 1);
    const from = operand[0].start;
    const text = withStandIns(" ".repeat(from) + query.slice(from, operand.at(-1)!.end), operand);
    try {
      treeToExpression(query, parseTree(text).topNode, operand, options);
    } catch (problem) {
      if (problem instanceof ParseError) return problem;
      if (!(problem instanceof SyntaxError)) throw problem;
    }
  }
  return completedCallError(query, tokens);
}

/** Lezer's strict mode throws `No parse at 12`. */
function stoppedAt(error: unknown): number {
  const match = error instanceof SyntaxError ? /^No parse at (\d+)$/.exec(error.message) : null;
  if (match === null) throw error;
  return Number(match[1]);
}

function checkDepth(query: string, tokens: Token[]): void {
  let depth = 0;
  let operators = 0;
  for (const token of tokens) {
    if (token.type === "operator") operators++;
    if (token.type !== "punctuation") continue;
    if ("([{".includes(token.text)) depth++;
    else if (")]}".includes(token.text)) depth--;
    if (depth > EXPRESSION_DEPTH_LIMIT) {
      throw new ParseError(
        query,
        token,
        `expression is nested more than ${EXPRESSION_DEPTH_LIMIT} levels deep`,
      );
    }
  }
  if (operators > OPERATOR_LIMIT) {
    const message = `expression has more than ${OPERATOR_LIMIT} operators`;
    throw new ParseError(query, { start: 0, end: query.length }, message);
  }
}

/**
 * The query in words that the grammar knows, every token at its place. What it means is read from the original.
 *
 * - Functions that the grammar has no name for (`max_of` outside of durations, unknown ones) become others.
 * - Numbers that it spells more strictly (`5.`, `0x1_F`) become `1`.
 * - Labels in `by (…)` and its like that are spelled as only metrics may be (`a:b`) get another spelling.
 * - Comments, which would be nodes of the tree anywhere, become blanks.
 * - `atan2` as the name of a metric, which it is not upstream, becomes an operator of which the grammar knows that.
 * - Names with dots and with letters of other scripts become plain ones.
 * - `offset` as the name of a metric, of which it only knows the keyword, becomes another name.
 */
function withStandIns(query: string, tokens: Token[]): string {
  let out = "";
  let copied = 0;
  const durations = offsetDurations(tokens);
  tokens.forEach((token, i) => {
    const text = standInFor(tokens, i, durations) ?? token.text;
    out += withoutComments(query.slice(copied, token.start)) + text.padEnd(token.text.length);
    copied = token.end;
  });
  return out + query.slice(copied);
}

/** What lies between tokens, blank. */
function withoutComments(between: string): string {
  return between.includes("#") ? between.replace(/[^\s]/g, " ") : between;
}

function standInFor(tokens: Token[], i: number, durations: ReadonlySet<number>): string | undefined {
  const { type, text } = tokens[i];
  // A word like any other to the grammar.
  if (text.toLowerCase() === "atan2" && isOperandExpected(tokens, i) && !isInGrouping(tokens, i)) return "^";
  if (type === "metric identifier" && isInGrouping(tokens, i)) return plainName(text).replaceAll(":", "_");
  if (type === "number") return LEZER_NUMBER.test(text) ? undefined : "1";
  // One that begins with a dot may follow a word, of which it must not become a part.
  if (type === "duration" && !LEZER_DURATION.test(text)) return text.startsWith(".") ? ".1" : "1s";
  if (type === "keyword" && text.toLowerCase() === "offset") {
    return isOperandExpected(tokens, i) ? "_".repeat(text.length) : undefined;
  }
  // The grammar knows these in lower case only.
  if (type === "preprocessor" && durations.has(i)) return text.toLowerCase();
  const isName = type === "identifier" || type === "metric identifier";
  const plain = isName && plainName(text) !== text ? plainName(text) : undefined;
  if (tokens[i + 1]?.text !== "(" || text.length < "ln".length) return plain;
  const isWord = type === "identifier";
  const isDurationFunction = type === "preprocessor" && /^m(ax|in)_of$/i.test(text) && !durations.has(i);
  const isFollowing = !isOperandExpected(tokens, i);
  return !isFollowing && (isDurationFunction || (isWord && !isGrammarFunction(text))) ? "ln" : plain;
}

function plainName(name: string): string {
  return name.replace(/[^A-Za-z0-9_:]/g, "_");
}

/** What the grammar takes for a number; words and durations it reads as we do. */
const LEZER_NUMBER =
  /^(?:(?:\d+(?:_?\d)*(?:\.\d+(?:_?\d)*)?|\.\d+(?:_?\d)*)(?:[eE][+-]?\d+(?:_?\d)*)?|0x[0-9a-fA-F]+|[a-zA-Z]+)$/;

/** The others are refused when they are read. */
const LEZER_DURATION = /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/;

/** Of `max_of` and `min_of` the grammar knows the use in durations only; `integral` is younger than it. */
const UNKNOWN_TO_GRAMMAR: ReadonlySet<string> = new Set(["max_of", "min_of", "integral"]);

function isGrammarFunction(name: string): boolean {
  return FUNCTION_SIGNATURES.has(name) && !UNKNOWN_TO_GRAMMAR.has(name);
}

/** Whether an expression has to begin at a token, rather than go on. */
function isOperandExpected(tokens: Token[], i: number): boolean {
  const previous = tokens[i - 1];
  if (previous === undefined) return true;
  if (previous.type === "operator") return previous.text !== "@";
  if (previous.type === "keyword")
    return ["bool", "group_left", "group_right"].includes(previous.text.toLowerCase());
  if (previous.text === "," || previous.text === "(") return previous.type === "punctuation";
  return previous.text === ")" && isAfterMatchingClause(tokens, i - 1);
}

/** Whether the parenthesis closes `on (…)`, `group_left (…)`, `fill (…)`: the right operand comes next. */
function isAfterMatchingClause(tokens: Token[], close: number): boolean {
  let open = close;
  for (let depth = 0; open >= 0; open--) {
    if (tokens[open].text === ")") depth++;
    else if (tokens[open].text === "(" && --depth === 0) break;
  }
  return /^(on|ignoring|group_left|group_right|fill|fill_left|fill_right)$/i.test(
    tokens[open - 1]?.text ?? "",
  );
}

/** Whether a token stands in a list of labels: `by (a, b)`. */
function isInGrouping(tokens: Token[], i: number): boolean {
  const open = tokens.slice(0, i).findLastIndex(({ type, text }) => type === "punctuation" && text === "(");
  return (
    tokens.slice(open, i).every(({ text }) => text !== ")") && GROUPING.test(tokens[open - 1]?.text ?? "")
  );
}

const GROUPING = /^(by|without|on|ignoring|group_left|group_right)$/i;

/** Indexes of the tokens of durations, in brackets or after `offset`, where `max_of` is the grammar's own. */
function offsetDurations(tokens: Token[]): Set<number> {
  const indexes = new Set<number>();
  let brackets = 0;
  for (let i = 0; i < tokens.length; i++) {
    const { type, text } = tokens[i];
    if (type === "punctuation" && text === "[") brackets++;
    else if (type === "punctuation" && text === "]") brackets--;
    if (brackets > 0) indexes.add(i);
    if (type !== "keyword" || text.toLowerCase() !== "offset") continue;
    let end = i + 1;
    while (tokens[end]?.type === "operator") end++;
    let depth = 0;
    do {
      indexes.add(end);
      if (tokens[end]?.text === "(") depth++;
      else if (tokens[end]?.text === ")") depth--;
      end++;
    } while (end < tokens.length && (depth > 0 || (tokens[end].text === "(" && depth === 0)));
  }
  return indexes;
}
