/** Regular expressions of a configuration: anchored at both ends, as relabelling has them (`relabel.NewRegexp`). */
import { Regex, RegexError } from "../regex/regex.ts";
import { ConfigError } from "./strict-yaml.ts";

/**
 * A matcher of whole texts; `.` matches newlines too.
 *
 * @throws ConfigError with Go's text, which shows the anchors
 */
export function compileAnchored(source: string): Regex {
  let anchored: Regex;
  try {
    anchored = new Regex(`^(?s:${source})$`);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    throw new ConfigError(error.message);
  }
  try {
    // The same without anchors, of which more is known beforehand.
    return new Regex(source);
  } catch {
    // One that makes sense between them only: `a)(b`.
    return anchored;
  }
}

/** Whether a replacement or target has `$1`, `${name}` in it. */
export function hasTemplateVariable(template: string): boolean {
  return /\$(?:\w+|\{\w+\}|\$)/.test(template);
}
