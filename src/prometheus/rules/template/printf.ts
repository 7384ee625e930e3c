/** `fmt.Sprintf` for what templates have (`fmt/print.go`, `fmt/format.go`). */
import { quoteGo } from "../../../model/go-quote.ts";
import { formatGoFloat } from "../../../wire/exposition/go-float.ts";
import { exponentialDigits, fixedDigits, generalDigits } from "./float-digits.ts";
import { printed, shown } from "./format.ts";
import { GoNamedNumber } from "./go-time.ts";
import { GoHtml, typeName, type Value } from "./values.ts";

interface Spec {
  flags: string;
  /** Missing where the format says none, as `precision`. */
  width: number | undefined;
  precision: number | undefined;
}

/** Wider than this nothing is written. */
const MAX_WIDTH = 1000;
const DIRECTIVE = /%([-+ 0#]*)(\*|\d*)(\.(?:\*|\d*))?/y;

export function sprintf(format: string, args: readonly Value[]): string {
  const rest = [...args];
  let out = "";
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf("%", at);
    out += format.slice(at, percent < 0 ? undefined : percent);
    if (percent < 0) break;
    DIRECTIVE.lastIndex = percent;
    const [, flags, width, precision] = DIRECTIVE.exec(format)!;
    const spec: Spec = { flags, width: undefined, precision: undefined };
    out += readNumbers(spec, width, precision, rest);
    const verb = String.fromCodePoint(format.codePointAt(DIRECTIVE.lastIndex) ?? 0);
    if (DIRECTIVE.lastIndex >= format.length) {
      out += "%!(NOVERB)";
      break;
    }
    at = DIRECTIVE.lastIndex + verb.length;
    if (verb === "%") out += "%";
    else out += rest.length === 0 ? `%!${verb}(MISSING)` : formatted(verb, rest.shift(), spec);
  }
  const extra = rest.map((value) => (value === undefined ? "<nil>" : `${typeName(value)}=${printed(value)}`));
  return extra.length === 0 ? out : `${out}%!(EXTRA ${extra.join(", ")})`;
}

/** Width and precision, from the format or from the arguments; answers what is wrong with them. */
function readNumbers(spec: Spec, width: string, precision: string | undefined, rest: Value[]): string {
  let problem = "";
  const fromArgument = (bad: string) => {
    const value = rest.shift();
    if (typeof value === "bigint") return Number(value);
    problem += bad;
    return undefined;
  };
  if (width === "*") {
    spec.width = fromArgument("%!(BADWIDTH)");
    if (spec.width !== undefined && spec.width < 0)
      Object.assign(spec, { width: -spec.width, flags: `${spec.flags.replaceAll("0", "")}-` });
  } else if (width !== "") spec.width = Number(width);
  if (precision === ".*") {
    spec.precision = fromArgument("%!(BADPREC)");
    if (spec.precision !== undefined && spec.precision < 0) spec.precision = undefined;
  } else if (precision !== undefined) spec.precision = Number(precision.slice(1));
  return problem;
}

function formatted(verb: string, value: Value, spec: Spec): string {
  if (verb === "T") return text(typeName(value), spec);
  if (verb === "v") return plainValue(value, spec);
  if (verb === "p") return bad(verb, value, spec);
  return ofType(verb, value, spec) ?? bad(verb, value, spec);
}

function bad(verb: string, value: Value, spec: Spec): string {
  if (value === undefined) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${plainValue(value, spec)})`;
}

/** As `%v`. */
function plainValue(value: Value, spec: Spec): string {
  if (value === undefined) return padded("<nil>", spec);
  switch (typeof value) {
    case "bigint":
      return integer(value, 10, spec);
    case "number":
      return float(value, "g", spec.precision, spec);
    case "boolean":
      return padded(String(value), spec);
  }
  if (typeof value === "string" && spec.flags.includes("#")) return quoted(value, spec);
  return text(shown(value), spec);
}

/** Undefined where the verb is not for such a value. */
function ofType(verb: string, given: Value, spec: Spec): string | undefined {
  const isText = verb === "s" || verb === "q" || verb === "x" || verb === "X";
  const value = given instanceof GoHtml ? given.text : given;
  if (value instanceof GoNamedNumber)
    return isText && value.type !== "int64"
      ? textVerb(verb, value.text, spec)
      : integerVerb(verb, value.number, spec);
  switch (typeof value) {
    case "bigint":
      return integerVerb(verb, value, spec);
    case "number":
      return floatVerb(verb, value, spec);
    case "boolean":
      return verb === "t" ? padded(String(value), spec) : undefined;
    case "string":
      return textVerb(verb, value, spec);
    case "undefined":
      return undefined;
    default:
      return isText ? textVerb(verb, printed(value), spec) : undefined;
  }
}

function textVerb(verb: string, value: string, spec: Spec): string | undefined {
  switch (verb) {
    case "s":
      return text(value, spec);
    case "q":
      return quoted(value, spec);
    case "x":
    case "X": {
      const bytes = Buffer.from(value).subarray(0, spec.precision);
      const hex = bytes.toString("hex");
      return padded(verb === "x" ? hex : hex.toUpperCase(), spec);
    }
    default:
      return undefined;
  }
}

function truncated(value: string, { precision }: Spec): string {
  return precision === undefined ? value : Array.from(value).slice(0, precision).join("");
}

function text(value: string, spec: Spec): string {
  return padded(truncated(value, spec), spec);
}

function quoted(value: string, spec: Spec): string {
  const short = truncated(value, spec);
  const isRaw = spec.flags.includes("#") && !/[`\p{Cc}\ufeff]/u.test(short.replaceAll("\t", ""));
  return padded(isRaw ? `\`${short}\`` : quoteGo(short), spec);
}

function integerVerb(verb: string, value: bigint, spec: Spec): string | undefined {
  const code = value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd;
  switch (verb) {
    case "d":
      return integer(value, 10, spec);
    case "b":
      return integer(value, 2, spec);
    case "o":
    case "O":
      return integer(value, 8, spec, verb === "O" ? "0o" : spec.flags.includes("#") ? "0" : "");
    case "x":
      return integer(value, 16, spec, spec.flags.includes("#") ? "0x" : "");
    case "X":
      return integer(value, 16, spec, spec.flags.includes("#") ? "0x" : "").toUpperCase();
    case "c":
      return padded(String.fromCodePoint(code), spec);
    case "q": {
      const inner = quoteGo(String.fromCodePoint(code)).slice(1, -1);
      return padded(`'${inner === '\\"' ? '"' : inner === "'" ? "\\'" : inner}'`, spec);
    }
    case "U":
      return padded(`U+${value.toString(16).toUpperCase().padStart(4, "0")}`, {
        ...spec,
        flags: spec.flags.replaceAll("0", ""),
      });
    default:
      return undefined;
  }
}

/** Digits to the precision with zeros in front, or with the flag `0` to the width. */
function integer(value: bigint, base: number, spec: Spec, prefix = ""): string {
  const { flags, width, precision } = spec;
  if (precision === 0 && value === 0n) return padded("", { ...spec, flags: flags.replaceAll("0", "") });
  const sign = signOf(value < 0n, flags);
  const digits = (value < 0n ? -value : value).toString(base);
  const isZeroPadded = precision === undefined && flags.includes("0") && !flags.includes("-");
  const count = precision ?? (isZeroPadded ? (width ?? 0) - sign.length : 0);
  const shownDigits = digits.padStart(Math.min(count, MAX_WIDTH), "0");
  return padded(sign + prefix + shownDigits, { ...spec, flags: flags.replaceAll("0", "") });
}

function signOf(isNegative: boolean, flags: string): string {
  if (isNegative) return "-";
  return flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
}

function floatVerb(verb: string, value: number, spec: Spec): string | undefined {
  switch (verb) {
    case "f":
    case "F":
    case "e":
      return float(value, verb === "F" ? "f" : verb, spec.precision ?? 6, spec);
    case "E":
      return float(value, "e", spec.precision ?? 6, spec).replace("e", "E");
    case "g":
      return float(value, "g", spec.precision, spec);
    case "G":
      return float(value, "g", spec.precision, spec).replace("e", "E");
    default:
      return undefined;
  }
}

/** @param precision undefined: as many digits as it takes */
function float(value: number, format: string, precision: number | undefined, spec: Spec): string {
  const { flags } = spec;
  if (!Number.isFinite(value)) {
    const isSigned = value < 0 || flags.includes("+");
    const name = formatGoFloat(value).replace("+", "");
    // What is no number is never filled up with zeros.
    return padded(
      isSigned && value > 0 ? `+${name}` : Number.isNaN(value) ? name : value > 0 ? `+${name}` : name,
      {
        ...spec,
        flags: flags.replaceAll("0", ""),
      },
    );
  }
  const write = { f: fixedDigits, e: exponentialDigits, g: generalDigits }[format]!;
  const digits = precision === undefined ? formatGoFloat(value) : write(value, precision);
  const isNegative = digits.startsWith("-");
  return padded(signOf(isNegative, flags) + digits.slice(isNegative ? 1 : 0), spec);
}

/** Filled up to the width, with zeros behind the sign where the flags say so. */
function padded(value: string, { flags, width = 0 }: Spec): string {
  const missing = Math.min(width, MAX_WIDTH) - Array.from(value).length;
  if (missing <= 0) return value;
  if (flags.includes("-")) return value + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + value;
  const sign = /^[-+ ]/.exec(value)?.[0] ?? "";
  return sign + "0".repeat(missing) + value.slice(sign.length);
}
