/** The choices of a dashboard's variables (upstream `public/app/features/variables`). */
import type { DataSourceInfo } from "../api.ts";
import { toRegExp } from "../data/field-config.ts";
import { interpolate, prometheusFormat, type Scope, type VariableValue } from "./interpolate.ts";
import { objectOf } from "./json.ts";
import type { Variable } from "./model.ts";

export const ALL = "$__all";

export interface Choice {
  value: string;
  text: string;
}

/** A variable with what can be chosen and what is. */
export interface VariableState {
  variable: Variable;
  choices: Choice[];
  /** Chosen values; `[ALL]` for all. */
  selected: string[];
}

/** What variables need from outside. */
export interface VariableSources {
  dataSources: readonly DataSourceInfo[];
  /** Values of a label, of the series that match if there is a selector. */
  labelValues(dataSource: unknown, label: string, selector: string | undefined): Promise<string[]>;
  labelNames(dataSource: unknown): Promise<string[]>;
  metricNames(dataSource: unknown): Promise<string[]>;
  /** `metric{label="value"} number time`, a line for each series. */
  queryResult(dataSource: unknown, query: string): Promise<string[]>;
}

/** Choices and selection of one variable, those before it being settled. `wanted` is what the address bar asks for. */
export async function resolveVariable(
  variable: Variable,
  wanted: string[] | undefined,
  scope: Scope,
  sources: VariableSources,
): Promise<VariableState> {
  const choices = await choicesOf(variable, scope, sources);
  return { variable, choices, selected: select(variable, choices, wanted) };
}

async function choicesOf(variable: Variable, scope: Scope, sources: VariableSources): Promise<Choice[]> {
  const query = variable.query;
  if (variable.type === "custom") return customChoices(String(query ?? ""));
  if (variable.type === "interval") {
    const own = String(query ?? "1m,10m,30m,1h,6h,12h,1d")
      .split(",")
      .map((text) => text.trim());
    return own.filter((text) => text !== "").map(plain);
  }
  if (variable.type === "constant" || variable.type === "textbox") {
    const text = String(query ?? objectOf(variable.current)["value"] ?? "");
    return [plain(text)];
  }
  if (variable.type === "datasource") {
    const pattern = variable.regex ? toRegExp(interpolate(variable.regex, scope)) : /^/;
    return sources.dataSources
      .filter(({ type, name }) => type === query && pattern.test(name))
      .map(({ uid, name }) => ({ value: uid, text: name }));
  }
  if (variable.type !== "query") return [];
  const found = await queryChoices(variable, scope, sources);
  return sortChoices(filterChoices(found, variable, scope), variable.sort ?? 0);
}

const plain = (text: string): Choice => ({ value: text, text });

/** `a, b : 2, c\,d`: a name may stand before its value. */
function customChoices(query: string): Choice[] {
  return query
    .split(/(?<!\\),/)
    .map((part) => part.replaceAll("\\,", ",").trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [, text, value] = /^(.+?) : (.+)$/.exec(part) ?? [];
      return text === undefined ? plain(part) : { text: text.trim(), value: value.trim() };
    });
}

async function queryChoices(variable: Variable, scope: Scope, sources: VariableSources): Promise<string[]> {
  const { query, datasource } = variable;
  const raw = typeof query === "string" ? query : String(objectOf(query)["query"] ?? "");
  const text = interpolate(raw, scope, prometheusFormat).trim();
  const [, call, inner] = /^(label_values|label_names|metrics|query_result)\((.*)\)\s*$/s.exec(text) ?? [];
  if (call === "label_names") return sources.labelNames(datasource);
  if (call === "query_result") return sources.queryResult(datasource, inner);
  if (call === "metrics") {
    const pattern = toRegExp(inner.trim().replace(/^["']|["']$/g, ""));
    return (await sources.metricNames(datasource)).filter((name) => pattern.test(name));
  }
  if (call === "label_values") {
    const [, selector, label] = /^(?:(.*),\s*)?([\w.:]+)\s*$/s.exec(inner) ?? [];
    return label === undefined ? [] : sources.labelValues(datasource, label, selector?.trim() || undefined);
  }
  return text === "" ? [] : sources.queryResult(datasource, text);
}

/** The regular expression keeps what matches; its groups `text` and `value`, or the first, are what is kept of it. */
function filterChoices(found: readonly string[], variable: Variable, scope: Scope): Choice[] {
  const choices = new Map<string, Choice>();
  const pattern = variable.regex ? toRegExp(interpolate(variable.regex, scope)) : undefined;
  const everywhere =
    pattern === undefined ? undefined : new RegExp(pattern.source, `${pattern.flags.replace("g", "")}g`);
  for (const one of found) {
    const matches = everywhere === undefined ? [undefined] : [...one.matchAll(everywhere)];
    for (const match of matches) {
      const value =
        match?.groups?.["value"] ??
        match?.groups?.["text"] ??
        match?.[1] ??
        (match === undefined ? one : match[0] === "" ? one : one);
      const text = match?.groups?.["text"] ?? value;
      if (value !== "") choices.set(value, { value, text });
      if (pattern?.global !== true) break;
    }
  }
  return [...choices.values()];
}

/** Odd numbers go up, even ones down: 1 and 2 as text, 3 and 4 by number, 5 to 8 without regard to case or naturally. */
function sortChoices(choices: Choice[], sort: number): Choice[] {
  if (sort === 0) return choices;
  const numberIn = ({ text }: Choice) => Number(/-?\d+(\.\d+)?/.exec(text)?.[0] ?? -1);
  const kind = Math.ceil(sort / 2);
  const compare = (a: Choice, b: Choice) => {
    if (kind === 2) return numberIn(a) - numberIn(b);
    if (kind === 3) return a.text.toLowerCase().localeCompare(b.text.toLowerCase());
    return kind === 4
      ? a.text.localeCompare(b.text, undefined, { numeric: true })
      : a.text < b.text
        ? -1
        : a.text > b.text
          ? 1
          : 0;
  };
  const sorted = [...choices].sort(compare);
  return sort % 2 === 0 ? sorted.reverse() : sorted;
}

/** What the address asks for, what the dashboard was saved with, or the first. */
function select(variable: Variable, choices: readonly Choice[], wanted: string[] | undefined): string[] {
  const isFree = ["textbox", "custom", "interval", "constant"].includes(variable.type);
  const known = (value: string) =>
    value === ALL
      ? variable.includeAll === true
      : isFree || choices.some((choice) => choice.value === value || choice.text === value);
  const valueFor = (text: string) =>
    text === "All" && variable.includeAll === true
      ? ALL
      : (choices.find((choice) => choice.text === text)?.value ?? text);
  const current = objectOf(variable.current)["value"];
  const candidates = [
    wanted,
    Array.isArray(current) ? current.map(String) : current === undefined ? undefined : [String(current)],
  ];
  for (const candidate of candidates) {
    const values = candidate?.map(valueFor).filter(known);
    if (values !== undefined && values.length > 0 && values.some((value) => value !== ""))
      return variable.multi === true ? values : [values[0]];
  }
  if (variable.includeAll === true) return [ALL];
  return choices.length > 0 ? [choices[0].value] : [];
}

/** What a variable is in texts. */
export function valueOfState({ variable, choices, selected }: VariableState): VariableValue {
  const multi = variable.multi === true || variable.includeAll === true;
  if (selected[0] === ALL) {
    if (variable.allValue) return { value: variable.allValue, text: "All", multi: false };
    return { value: choices.map(({ value }) => value), text: "All", multi };
  }
  const textOf = (value: string) => choices.find((choice) => choice.value === value)?.text ?? value;
  const text = selected.map(textOf).join(" + ");
  return { value: selected.length === 1 ? selected[0] : selected, text, multi };
}
