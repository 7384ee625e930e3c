/**
 * Go's regular expressions (RE2 syntax) for configuration: compiled to JavaScript's, refused where Go refuses them.
 * Configuration is trusted, so backtracking is no danger here; queries have their own matcher.
 */
import { ConfigError } from "./strict-yaml.ts";

const POSIX_CLASSES: Record<string, string> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};
/** ASCII only in Go; JavaScript's `\s` knows more blanks. */
const PERL_CLASSES: Record<string, string> = { s: "\\t\\n\\f\\r ", d: "0-9", w: "0-9A-Za-z_" };

/** Compiles `source`, anchored at both ends, `.` matching newlines too, as relabelling does. */
export function compileAnchored(source: string): RegExp {
  return compile(source, (body) => `^(?:${body})$`);
}

function compile(source: string, wrap: (body: string) => string): RegExp {
  const fail = (reason: string, what: string) =>
    new ConfigError(`error parsing regexp: ${reason}: \`${what}\``);
  const body = translate(source, fail);
  try {
    return new RegExp(wrap(body), "su");
  } catch (error) {
    const message = (error as Error).message;
    const whole = `^(?s:${source})$`;
    if (/Unterminated group/.test(message)) throw fail("missing closing )", whole);
    if (/Unmatched '\)'/.test(message)) throw fail("unexpected )", whole);
    if (/Nothing to repeat/.test(message)) throw fail("missing argument to repetition operator", source);
    throw fail("invalid syntax", source);
  }
}

type Fail = (reason: string, what: string) => ConfigError;

function translate(source: string, fail: Fail): string {
  let out = "";
  let pendingGroups = 0;
  for (let at = 0; at < source.length; ) {
    const character = source[at];
    if (character === "\\") {
      const [text, next] = translateEscape(source, at, false, fail);
      out += text;
      at = next;
    } else if (character === "[") {
      const [text, next] = translateClass(source, at, fail);
      out += text;
      at = next;
    } else if (character === "(" && source[at + 1] === "?") {
      const [text, next, opens] = translateGroup(source, at, fail);
      out += text;
      pendingGroups += opens;
      at = next;
    } else if (character === "{" && !/^\{\d+(,\d*)?\}/.test(source.slice(at))) {
      out += "\\{";
      at++;
    } else if (character === "}" && !/\{\d+(,\d*)?$/.test(out)) {
      out += "\\}";
      at++;
    } else if (character === "]") {
      out += "\\]";
      at++;
    } else {
      out += character;
      at++;
    }
  }
  return out + ")".repeat(pendingGroups);
}

/** `(?:`, `(?P<name>`, `(?<name>`, `(?i)`, `(?i:`; answers also how many groups to close at the end. */
function translateGroup(source: string, at: number, fail: Fail): [text: string, next: number, opens: number] {
  const rest = source.slice(at);
  const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(rest);
  if (named) return [`(?<${named[1]}>`, at + named[0].length, 0];
  const flags = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
  if (flags === null || flags[0] === "(?)")
    throw fail("invalid or unsupported Perl syntax", rest.slice(0, 3));
  // `.` matches newlines already; ungreedy matching gives the same verdict on an anchored expression.
  const on = flags[1].replace(/[sU]/g, "");
  const off = (flags[2] ?? "").replace(/U/g, "");
  const modifiers = on + (off === "" ? "" : `-${off}`);
  return [`(?${modifiers}:`, at + flags[0].length, flags[3] === ")" ? 1 : 0];
}

function translateEscape(
  source: string,
  at: number,
  inClass: boolean,
  fail: Fail,
): [text: string, next: number] {
  const next = source[at + 1];
  if (next === undefined) throw fail("trailing backslash at end of expression", "");
  if (next === "Q") {
    const end = source.indexOf("\\E", at + 2);
    const literal = source.slice(at + 2, end < 0 ? undefined : end);
    return [literal.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), end < 0 ? source.length : end + 2];
  }
  const perl = PERL_CLASSES[next.toLowerCase()];
  if (perl !== undefined && /[sSdDwW]/.test(next)) {
    const isNegative = next !== next.toLowerCase();
    if (inClass && isNegative) return [`\\${next}`, at + 2];
    return [inClass ? perl : `[${isNegative ? "^" : ""}${perl}]`, at + 2];
  }
  if (/[tnrfv]/.test(next)) return [`\\${next}`, at + 2];
  if (next === "a") return ["\\x07", at + 2];
  if (!inClass && (next === "b" || next === "B")) return [`\\${next}`, at + 2];
  if (!inClass && next === "A") return ["^", at + 2];
  if (!inClass && next === "z") return ["$", at + 2];
  const numeric = /^\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}|([0-7]{1,3}))/.exec(source.slice(at));
  if (numeric && (numeric[3] === undefined || numeric[3].startsWith("0") || numeric[3].length > 1)) {
    const code =
      numeric[3] !== undefined
        ? Number.parseInt(numeric[3], 8)
        : Number.parseInt(numeric[1] ?? numeric[2], 16);
    return [`\\u{${code.toString(16)}}`, at + numeric[0].length];
  }
  const property = /^\\[pP](?:\{\^?\w+\}|[A-Z])/.exec(source.slice(at));
  if (property) return [translateProperty(property[0]), at + property[0].length];
  if (/[\dA-Za-z]/.test(next)) throw fail("invalid escape sequence", `\\${next}`);
  const safe = /[\^$\\.*+?()[\]{}|/]/.test(next) || (inClass && next === "-");
  return [safe ? `\\${next}` : next, at + 2];
}

const SCRIPTS = /^(?:Latin|Greek|Cyrillic|Han|Hebrew|Arabic|Hiragana|Katakana|Thai|Hangul|Devanagari)$/;

function translateProperty(source: string): string {
  const match = /^\\([pP])(?:\{(\^?)(\w+)\}|([A-Z]))$/.exec(source)!;
  const name = match[3] ?? match[4];
  const negative = (match[1] === "P") !== (match[2] === "^");
  return `\\${negative ? "P" : "p"}{${SCRIPTS.test(name) ? "Script=" : ""}${name}}`;
}

function translateClass(source: string, start: number, fail: Fail): [text: string, next: number] {
  let at = start + 1;
  let out = "[";
  if (source[at] === "^") {
    out += "^";
    at++;
  }
  for (let first = true; ; first = false) {
    if (at >= source.length) throw fail("missing closing ]", source.slice(start));
    const character = source[at];
    if (character === "]" && !first) return [`${out}]`, at + 1];
    const posix = /^\[:(\^?)(\w+):\]/.exec(source.slice(at));
    if (posix) {
      const members = POSIX_CLASSES[posix[2]];
      if (members === undefined || posix[1] === "^") throw fail("invalid character class range", posix[0]);
      out += members;
      at += posix[0].length;
    } else if (character === "\\") {
      const [text, next] = translateEscape(source, at, true, fail);
      out += text;
      at = next;
    } else {
      out += /[[\](){}/|]/.test(character) ? `\\${character}` : character;
      at++;
    }
  }
}

/** Whether a replacement or target has `$1`, `${name}` in it. */
export function hasTemplateVariable(template: string): boolean {
  return /\$(?:\w+|\{\w+\}|\$)/.test(template);
}

/** Go's `Regexp.Expand`: `$1`, `${1}`, `$name`, `$$`; unknown ones are empty. */
export function expandTemplate(template: string, match: RegExpExecArray): string {
  if (!template.includes("$")) return template;
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_, dollar, bare, braced) => {
    if (dollar !== undefined) return "$";
    const name: string = bare ?? braced;
    if (/^\d+$/.test(name)) return match[Number(name)] ?? "";
    return match.groups?.[name] ?? "";
  });
}
