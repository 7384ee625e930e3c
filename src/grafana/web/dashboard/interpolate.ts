/** `$name`, `${name:format}` and `[[name]]` in texts (upstream `public/app/features/templating`). */

/** A variable's value: several where it allows that. */
export interface VariableValue {
  value: string | string[];
  /** What people see. */
  text: string;
  /** Several values are possible, so that its text must fit into a regular expression. */
  multi: boolean;
}

export type Scope = ReadonlyMap<string, VariableValue>;

const PATTERN = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

export type Format = (value: string | string[], variable: VariableValue) => string;

/** What a variable becomes in a Prometheus query: a regular expression where there may be several. */
export const prometheusFormat: Format = (value, { multi }) => {
  if (!multi && !Array.isArray(value)) return value;
  const values = Array.isArray(value) ? value : [value];
  const escaped = values.map((one) => one.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&").replace(/\\/g, "\\\\"));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
};

export const textFormat: Format = (_, { text }) => text;
export const globFormat: Format = (value) =>
  Array.isArray(value) && value.length > 1 ? `{${value.join(",")}}` : list(value).join("");

const list = (value: string | string[]): string[] => (Array.isArray(value) ? value : [value]);
const regexEscape = (text: string) => text.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&");

const FORMATS: Record<string, (value: string | string[], variable: VariableValue, name: string) => string> = {
  raw: (value) => list(value).join(","),
  value: (value) => list(value).join(","),
  csv: (value) => list(value).join(","),
  text: (_, { text }) => text,
  regex: (value) =>
    list(value).length === 1 ? regexEscape(list(value)[0]) : `(${list(value).map(regexEscape).join("|")})`,
  pipe: (value) => list(value).join("|"),
  glob: (value) => globFormat(value, { value, text: "", multi: true }),
  json: (value) => JSON.stringify(value),
  percentencode: (value) => encodeURIComponent(list(value).join(",")),
  singlequote: (value) =>
    list(value)
      .map((one) => `'${one.replaceAll("'", "\\'")}'`)
      .join(","),
  doublequote: (value) =>
    list(value)
      .map((one) => `"${one.replaceAll('"', '\\"')}"`)
      .join(","),
  sqlstring: (value) =>
    list(value)
      .map((one) => `'${one.replaceAll("'", "''")}'`)
      .join(","),
  distributed: (value) => list(value).join(","),
  queryparam: (value, _, name) =>
    list(value)
      .map((one) => `var-${encodeURIComponent(name)}=${encodeURIComponent(one)}`)
      .join("&"),
  date: (value) => new Date(Number(list(value)[0])).toISOString(),
};

/** The text with all variables that `scope` knows filled in; others stay as they are. */
export function interpolate(text: string, scope: Scope, format: Format = globFormat): string {
  if (!text.includes("$") && !text.includes("[[")) return text;
  return text.replace(PATTERN, (whole, plain, square, squareFormat, braced, _path, bracedFormat) => {
    const name: string = plain ?? square ?? braced;
    const variable = scope.get(name);
    if (variable === undefined) return whole;
    const [formatName] = String(squareFormat ?? bracedFormat ?? "").split(":");
    if (formatName !== "" && Object.hasOwn(FORMATS, formatName))
      return FORMATS[formatName](variable.value, variable, name);
    return format(variable.value, variable);
  });
}

/** Whether the text mentions a variable. */
export function mentions(text: string, name: string): boolean {
  for (const match of text.matchAll(PATTERN)) if ((match[1] ?? match[2] ?? match[4]) === name) return true;
  return false;
}

/** A scope's entry for a value that is no choice of the user's. */
export function fixed(value: string): VariableValue {
  return { value, text: value, multi: false };
}
