/** Values of templates as text, as Go's `fmt` prints them. Numbers without a point are of type bigint. */
import type { Labels } from "../../model/labels.ts";
import { formatGoFloat } from "../../wire/exposition/go-float.ts";
import { quoteString } from "../promql/parser/lexer.ts";

export interface QuerySample {
  labels: Labels;
  value: number;
}

export function isSample(value: unknown): value is QuerySample {
  return typeof value === "object" && value !== null && "labels" in value && "value" in value;
}

/** What a rule's template begins with, in the order in which Go prints it. */
const DOT_FIELDS = ["Labels", "ExternalLabels", "ExternalURL", "Value"];

export function isDot(value: object): value is Record<string, unknown> {
  return DOT_FIELDS.every((name) => Object.hasOwn(value, name));
}

export function typeName(value: unknown): string {
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float64";
  return typeof value === "boolean" ? "bool" : typeof value;
}

export function printed(value: unknown): string {
  if (typeof value === "number") return formatGoFloat(value);
  if (value === undefined || value === null) return "<no value>";
  if (typeof value === "object") {
    if (isSample(value)) return `{${printed(value.labels.toObject())} ${formatGoFloat(value.value)}}`;
    if (isDot(value)) return `{${DOT_FIELDS.map((name) => printed(value[name])).join(" ")}}`;
    const pairs = Object.entries(value).map(([key, item]) => `${key}:${printed(item)}`);
    return Array.isArray(value) ? `[${value.map(printed).join(" ")}]` : `map[${pairs.sort().join(" ")}]`;
  }
  return String(value);
}

/** As Go's `Sprint`: blanks between what is no text. */
export function sprint(args: readonly unknown[]): string {
  return args
    .map((value, i) => {
      const isSpaced = i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string";
      return (isSpaced ? " " : "") + (value === undefined ? "<nil>" : printed(value));
    })
    .join("");
}

/** The verbs of `fmt.Sprintf` that make sense for strings and numbers. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+ 0#]*)(\d+)?(?:\.(\d+))?(.|$)/gsu,
    (_, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (verb === "") return "%!(NOVERB)";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const value = args[next++];
      const digits = precision === undefined ? undefined : Number(precision);
      const formatted = formatVerb(verb, value, digits, flags);
      if (formatted === undefined) return `%!${verb}(${typeName(value)}=${printed(value)})`;
      return padded(formatted, Math.min(Number(width ?? 0), 1000), flags);
    },
  );
  const extra = args.slice(next).map((value) => `${typeName(value)}=${printed(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

function padded(text: string, width: number, flags: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** Undefined where the verb is not for such a value. */
function formatVerb(
  verb: string,
  value: unknown,
  precision: number | undefined,
  flags: string,
): string | undefined {
  if (verb === "v") return printed(value);
  if (verb === "T") return typeName(value);
  const signed = (text: string) => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  switch (typeof value) {
    case "bigint":
      return integerVerb(verb, value, signed);
    case "number":
      return floatVerb(verb, value, precision, signed);
    case "boolean":
      return verb === "t" ? String(value) : undefined;
    case "string":
      if (verb === "s") return precision === undefined ? value : [...value].slice(0, precision).join("");
      if (verb === "q") return quoteString(value);
      return verb === "x" ? Buffer.from(value).toString("hex") : undefined;
    default:
      return verb === "s" ? printed(value) : undefined;
  }
}

function integerVerb(verb: string, value: bigint, signed: (text: string) => string): string | undefined {
  switch (verb) {
    case "d":
      return signed(String(value));
    case "x":
      return signed(value.toString(16));
    case "X":
      return signed(value.toString(16).toUpperCase());
    case "o":
      return signed(value.toString(8));
    case "b":
      return signed(value.toString(2));
    case "c":
      return String.fromCodePoint(Number(value));
    case "q":
      return `'${String.fromCodePoint(Number(value))}'`;
    case "U":
      return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
    default:
      return undefined;
  }
}

function floatVerb(
  verb: string,
  value: number,
  precision: number | undefined,
  signed: (text: string) => string,
): string | undefined {
  const digits = Math.min(precision ?? 6, 100);
  switch (verb) {
    case "f":
    case "F":
      return signed(plainNumber(value, (number) => number.toFixed(digits)));
    case "e":
    case "E":
      return signed(
        cased(
          verb,
          plainNumber(value, (number) => goExponent(number.toExponential(digits))),
        ),
      );
    case "g":
    case "G": {
      const exact = (number: number) => goGeneral(number, Math.max(precision ?? 0, 1));
      return signed(cased(verb, precision === undefined ? formatGoFloat(value) : plainNumber(value, exact)));
    }
    default:
      return undefined;
  }
}

function cased(verb: string, text: string): string {
  return verb < "a" ? text.replace("e", "E") : text;
}

function plainNumber(value: number, format: (value: number) => string): string {
  return Number.isFinite(value) ? format(value) : formatGoFloat(value);
}

function goExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** `%.<n>g`: exponents below 1e-4 and from 1e<n> on, no trailing zeros. */
function goGeneral(value: number, precision: number): string {
  const text = value.toExponential(Math.min(precision - 1, 100));
  const exponent = Number(text.slice(text.indexOf("e") + 1));
  if (exponent < -4 || exponent >= precision) {
    const [mantissa, rest] = text.split("e");
    return goExponent(`${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${rest}`);
  }
  const fixed = value.toFixed(Math.max(0, precision - 1 - exponent));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}
