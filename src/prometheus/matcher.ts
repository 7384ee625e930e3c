/** Label matchers of selectors: `name="x"`, `!=`, `=~`, `!~`. Regular expressions are anchored at both ends. */
import { Regex } from "./regex/regex.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** Of a regular expression that stands for a few fixed texts, those: what `=~` matches and `!~` does not. */
  readonly texts?: readonly string[];
  /** A missing label matches as "". */
  matches(value: string): boolean;
}

/**
 * A matcher for one label.
 *
 * @throws RegexError when a regular expression is malformed, with upstream's text.
 */
export function createMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  switch (operator) {
    case "=":
      return { name, operator, value, matches: (text) => text === value };
    case "!=":
      return { name, operator, value, matches: (text) => text !== value };
    case "=~": {
      const regex = new Regex(value);
      return { name, operator, value, texts: regex.texts, matches: (text) => regex.matches(text) };
    }
    case "!~": {
      const regex = new Regex(value);
      return { name, operator, value, texts: regex.texts, matches: (text) => !regex.matches(text) };
    }
  }
}
