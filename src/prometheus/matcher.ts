/** Label matchers of selectors: `name="x"`, `!=`, `=~`, `!~`. Regular expressions are anchored at both ends. */

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** A missing label matches as "". */
  matches(value: string): boolean;
}
