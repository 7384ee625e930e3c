/** Label matchers of selectors: `name="x"`, `!=`, `=~`, `!~`. Regular expressions are anchored at both ends. */

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** A missing label matches as "". */
  matches(value: string): boolean;
}

/**
 * A matcher for one label.
 *
 * @throws Error when a regular expression is malformed, with upstream's text.
 */
export function createMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  switch (operator) {
    case "=":
      return { name, operator, value, matches: (text) => text === value };
    case "!=":
      return { name, operator, value, matches: (text) => text !== value };
    case "=~": {
      const pattern = new RegExp(`^(?:${value})$`, "su");
      return { name, operator, value, matches: (text) => pattern.test(text) };
    }
    case "!~": {
      const pattern = new RegExp(`^(?:${value})$`, "su");
      return { name, operator, value, matches: (text) => !pattern.test(text) };
    }
  }
}
