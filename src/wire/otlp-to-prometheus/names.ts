/** Names of metrics and labels for Prometheus out of OpenTelemetry's (upstream `prometheus/otlptranslator`). */

/** `translation_strategy`, in the configurations of Prometheus and of the Collector's exporters. */
export type TranslationStrategy =
  | "UnderscoreEscapingWithSuffixes"
  | "UnderscoreEscapingWithoutSuffixes"
  | "NoUTF8EscapingWithSuffixes"
  | "NoTranslation";

export interface NamingOptions {
  /** @default "UnderscoreEscapingWithSuffixes" */
  strategy?: TranslationStrategy;
  /** Goes before every metric's name. @default "" */
  namespace?: string;
  /** Labels that start with one underscore get `key` in front. @default true */
  underscoreSanitization?: boolean;
  /** Underscores in a row stay in labels as they are. @default true */
  preserveMultipleUnderscores?: boolean;
}

/** Whether names stay as they are, any UTF-8. */
export function takesUtf8({ strategy }: NamingOptions): boolean {
  return strategy === "NoUTF8EscapingWithSuffixes" || strategy === "NoTranslation";
}

/** What decides the suffixes of a name. */
export type NameKind = "counter" | "gauge" | "other";

const UNITS: Record<string, string> = {
  d: "days",
  h: "hours",
  min: "minutes",
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  By: "bytes",
  KiBy: "kibibytes",
  MiBy: "mebibytes",
  GiBy: "gibibytes",
  TiBy: "tibibytes",
  KBy: "kilobytes",
  MBy: "megabytes",
  GBy: "gigabytes",
  TBy: "terabytes",
  m: "meters",
  V: "volts",
  A: "amperes",
  J: "joules",
  W: "watts",
  g: "grams",
  Cel: "celsius",
  Hz: "hertz",
  "1": "",
  "%": "percent",
};

const PER_UNITS: Record<string, string> = {
  s: "second",
  m: "minute",
  h: "hour",
  d: "day",
  w: "week",
  mo: "month",
  y: "year",
};

/**
 * The metric's name.
 *
 * @throws when nothing is left of it
 */
export function prometheusName(
  name: string,
  unit: string,
  kind: NameKind,
  { strategy = "UnderscoreEscapingWithSuffixes", namespace = "" }: NamingOptions = {},
): string {
  const hasSuffixes =
    strategy === "UnderscoreEscapingWithSuffixes" || strategy === "NoUTF8EscapingWithSuffixes";
  if (takesUtf8({ strategy })) {
    const full = namespace === "" ? name : `${namespace}_${name}`;
    return hasSuffixes ? withPlainSuffixes(full, unit, kind) : full;
  }
  const parts = hasSuffixes
    ? withSuffixTokens(tokensOf(name, /[^a-zA-Z0-9:]+/), unit, kind)
    : tokensOf(name, /[^a-zA-Z0-9:_]+/);
  const result = withNamespace(parts, namespace, hasSuffixes);
  if (result === "")
    throw new Error(`normalization for metric ${JSON.stringify(name)} resulted in empty name`);
  if (result !== name && /^_+$/.test(result)) {
    throw new Error(
      `normalization for metric ${JSON.stringify(name)} resulted in invalid name ${JSON.stringify(result)}`,
    );
  }
  return result;
}

function tokensOf(text: string, separator: RegExp): string[] {
  return text.split(separator).filter((token) => token !== "");
}

/** Without suffixes the namespace is cleaned and the name may begin with a digit of it, as upstream. */
function withNamespace(parts: readonly string[], namespace: string, hasSuffixes: boolean): string {
  if (namespace !== "" && !hasSuffixes)
    return `${tokensOf(namespace, /[^a-zA-Z0-9:_]+/).join("_")}_${parts.join("_")}`;
  const name = [...(namespace === "" ? [] : [namespace]), ...parts].join("_");
  return /^\d/.test(name) ? `_${name}` : name;
}

/** `By/s` → `["bytes", "per_second"]`. What stands in braces is an annotation and no unit. */
function unitSuffixes(unit: string): [main: string, per: string] {
  const [first, ...rest] = unit.split("/");
  const main = first.trim();
  const per = rest.join("/").trim();
  const mainSuffix = main === "" || /[{}]/.test(main) ? "" : own(UNITS, main);
  const perSuffix = rest.length === 0 || per === "" || /[{}]/.test(per) ? "" : `per_${own(PER_UNITS, per)}`;
  return [mainSuffix, perSuffix];
}

/** A metric's unit by itself, in ASCII whatever the strategy: `By/s` → `bytes_per_second` (`UnitNamer`). */
export function prometheusUnit(unit: string): string {
  return unitSuffixes(unit)
    .map(cleanUnit)
    .filter((part) => part !== "")
    .join("_")
    .replace(/^_|_$/g, "");
}

function cleanUnit(text: string): string {
  return text.replace(/[^a-zA-Z0-9:]+/g, "_").replace(/^_/, "");
}

function own(table: Record<string, string>, key: string): string {
  return Object.hasOwn(table, key) ? table[key] : key;
}

function withSuffixTokens(tokens: string[], unit: string, kind: NameKind): string[] {
  let [main, per] = unitSuffixes(unit).map(cleanUnit);
  if (tokens.includes(main)) main = "";
  per = per === "per_" ? "" : per.replace(/_$/, "");
  if (tokens.includes(per)) per = "";
  if (per !== "") main = main.replace(/_$/, "");
  let parts = [...tokens, main, per].filter((token) => token !== "");
  const last = kind === "counter" ? "total" : unit === "1" && kind === "gauge" ? "ratio" : undefined;
  if (last !== undefined) parts = [...parts.filter((token) => token !== last), last];
  return parts;
}

/** Where names may be any UTF-8: suffixes are put behind the name as it is. */
function withPlainSuffixes(name: string, unit: string, kind: NameKind): string {
  const trim = (text: string, suffix: string) =>
    text.endsWith(suffix) && text.length > suffix.length + 1 ? text.slice(0, -(suffix.length + 1)) : text;
  const [main, per] = unitSuffixes(unit);
  const last = kind === "counter" ? "total" : unit === "1" && kind === "gauge" ? "ratio" : "";
  let result = last === "" ? name : trim(name, last);
  if (per !== "") result = trim(result, per);
  if (main !== "" && !result.endsWith(main)) result += `_${main}`;
  if (per !== "") result += `_${per}`;
  return last === "" ? result : `${result}_${last}`;
}

/**
 * A label's name: `http.method` → `http_method`.
 *
 * @throws when nothing is left of it
 */
export function prometheusLabelName(name: string, options: NamingOptions = {}): string {
  const { underscoreSanitization = true, preserveMultipleUnderscores = true } = options;
  if (name === "") throw new Error("label name is empty");
  if (takesUtf8(options)) {
    if (/^_+$/.test(name)) throw new Error(`label name ${JSON.stringify(name)} contains only underscores`);
    return name;
  }
  const escaped = preserveMultipleUnderscores
    ? name.replace(/[^a-zA-Z0-9_]/gu, "_")
    : name.replace(/^__(.*)__$|^(.*)$/su, (_, reserved: string | undefined, plain: string | undefined) =>
        reserved === undefined ? collapsed(plain!) : `__${collapsed(reserved)}__`,
      );
  let result = escaped;
  if (/^\d/.test(escaped)) result = `key_${escaped}`;
  else if (underscoreSanitization && escaped.startsWith("_") && !escaped.startsWith("__"))
    result = `key${escaped}`;
  if (/^_+$/.test(result))
    throw new Error(
      `normalization for label name ${JSON.stringify(name)} resulted in invalid name ${JSON.stringify(result)}`,
    );
  return result;
}

function collapsed(name: string): string {
  return name.replace(/[^a-zA-Z0-9]+/gu, "_");
}
