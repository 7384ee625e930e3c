/** A selector and nothing else, as the API takes them in `match[]` (`ParseMetricSelector` upstream). */
import type { Matcher } from "../../matcher.ts";
import { parseUnchecked } from "./expression-parser.ts";
import { describeToken, type Token, tokenize } from "./lexer.ts";
import { ParseError } from "./parse-error.ts";
import type { ParserOptions } from "./parser-options.ts";

/**
 * The matchers of `up{job="x"}`. They may match anything: that is the caller's to check.
 *
 * @throws ParseError with upstream's text and position.
 */
export function parseMetricSelector(query: string, options: ParserOptions = {}): Matcher[] {
  const { tokens, error } = tokenize(query, options);
  const surplus = tokens[lengthOf(tokens)];
  if (surplus !== undefined && surplus.type !== "end of input") throw unexpected(query, surplus);
  if (error !== undefined) throw error;
  if (surplus === undefined || tokens.length === 1) throw unexpected(query, tokens.at(-1)!);
  const expression = parseUnchecked(query, options);
  if (expression.kind !== "vector-selector") throw unexpected(query, tokens[0]);
  return expression.matchers;
}

/** How many tokens belong to the selector: a name, and what is in braces. */
function lengthOf(tokens: readonly Token[]): number {
  const hasName = /^(?:identifier|metric identifier|keyword|aggregator|preprocessor)$/.test(
    tokens[0]?.type ?? "",
  );
  const open = hasName ? 1 : 0;
  if (tokens[open]?.text !== "{") return open;
  const close = tokens.findIndex(
    (token, i) => i > open && token.type === "punctuation" && token.text === "}",
  );
  return close === -1 ? tokens.length : close + 1;
}

function unexpected(query: string, token: Token): ParseError {
  return new ParseError(query, token, `unexpected ${describeToken(token)}`);
}
