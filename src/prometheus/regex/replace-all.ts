/** Searching instead of matching whole texts: what Go's `MatchString` and `ReplaceAllString` do. */
import { expandTemplate, Regex } from "./regex.ts";

/** Whether an expression matches anywhere in a text. @throws RegexError */
export function matchesAnywhere(source: string, text: string): boolean {
  return new Regex(`.*(?-s:${source}).*`).matches(text);
}

/**
 * The text with every match replaced; `$1` and its like stand for groups.
 *
 * @throws RegexError
 */
export function replaceAll(source: string, replacement: string, text: string): string {
  const regex = new Regex(`(.*?)((?-s:${source}))(.*)`);
  let out = "";
  let at = 0;
  for (let isBehindMatch = false; ; ) {
    const match = regex.exec(text, at);
    if (match === undefined) return out + text.slice(at);
    const [, before = "", whole = ""] = match.groups;
    // Nothing right behind a match is no match of its own.
    const isIgnored = whole === "" && before === "" && isBehindMatch;
    if (!isIgnored) {
      const named = new Map(Array.from(match.named, ([name, index]) => [name, index - 2]));
      out += before + expandTemplate(replacement, { groups: [whole, ...match.groups.slice(3, -1)], named });
    }
    isBehindMatch = whole !== "";
    at += before.length + whole.length;
    if (isBehindMatch) continue;
    if (at >= text.length) return out;
    const skipped = String.fromCodePoint(text.codePointAt(at)!);
    out += skipped;
    at += skipped.length;
  }
}
