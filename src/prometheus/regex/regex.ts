/**
 * Regular expressions of queries and relabelling: RE2's language, matched against whole texts, in time proportional
 * to the text whatever the expression. JavaScript's own go back and forth, for ages if someone means it.
 */
import { backtrack } from "./backtracker.ts";
import { type FixedTexts, fixedTexts } from "./fixed-texts.ts";
import { isAutomatic, LazyAutomaton } from "./lazy-automaton.ts";
import { compileProgram, type Program } from "./program.ts";
import { type ParsedRegex, parseRegex } from "./syntax.ts";

export { RegexError } from "./syntax.ts";

/** The groups of a match; undefined for one that took no part. */
export interface RegexMatch {
  groups: (string | undefined)[];
  named: ReadonlyMap<string, number>;
}

export class Regex {
  readonly source: string;
  /** The only texts that match, where those are few: what an index can look up. */
  readonly texts: readonly string[] | undefined;
  readonly #parsed: ParsedRegex;
  readonly #test: (text: string) => boolean;
  #program: Program | undefined;

  /** @throws RegexError with Go's text */
  constructor(source: string) {
    this.source = source;
    this.#parsed = parseRegex(source);
    const fixed = fixedTexts(this.#parsed.node);
    this.texts = fixed?.kind === "texts" ? [...fixed.texts] : undefined;
    this.#test = fixed === undefined ? this.#generalTest() : fixedTest(fixed);
  }

  /** Whether the whole text matches. */
  matches(text: string): boolean {
    return this.#test(text);
  }

  /** The groups, where the text matches from some place to its end. */
  exec(text: string, from = 0): RegexMatch | undefined {
    if (from === 0 && !this.matches(text)) return undefined;
    const places = backtrack(this.#compiled(), text, from);
    if (places === undefined) return undefined;
    const groups: (string | undefined)[] = [];
    for (let i = 0; i < places.length; i += 2) {
      groups.push(places[i] < 0 ? undefined : text.slice(places[i], places[i + 1]));
    }
    return { groups, named: this.#parsed.groupNames };
  }

  #compiled(): Program {
    return (this.#program ??= compileProgram(this.#parsed));
  }

  #generalTest(): (text: string) => boolean {
    const program = this.#compiled();
    if (!isAutomatic(program)) return (text) => backtrack(program, text) !== undefined;
    const automaton = new LazyAutomaton(program);
    return (text) => automaton.matches(text);
  }
}

function fixedTest(fixed: FixedTexts): (text: string) => boolean {
  switch (fixed.kind) {
    case "texts":
      return (text) => fixed.texts.has(text);
    case "prefix":
      return (text) => text.length >= fixed.minimumLength && text.startsWith(fixed.text);
    case "suffix":
      return (text) => text.length >= fixed.minimumLength && text.endsWith(fixed.text);
    case "part":
      return (text) => text.includes(fixed.text);
  }
}

/** Go's template syntax: `$1`, `${1}`, `$name`, `$$`. What has no such group is empty. */
export function expandTemplate(template: string, { groups, named }: RegexMatch): string {
  if (!template.includes("$")) return template;
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced, bare) => {
    if (whole === "$$") return "$";
    const name: string = braced ?? bare;
    return groups[/^\d+$/.test(name) ? Number(name) : (named.get(name) ?? -1)] ?? "";
  });
}
