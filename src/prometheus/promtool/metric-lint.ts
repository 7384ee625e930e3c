/** What is unusual about metrics, in the words of client_golang's `promlint` (1.24). */
import { compareStrings } from "../../model/labels.ts";
import type { MetricFamily } from "./metric-families.ts";

/** `metric problem`, sorted. */
export function lintMetrics(families: readonly MetricFamily[]): string[] {
  return families
    .flatMap((family) =>
      RULES.flatMap((rule) => rule(family).map((problem) => ({ metric: family.name, problem }))),
    )
    .sort((a, b) => compareStrings(a.metric, b.metric) || compareStrings(a.problem, b.problem))
    .map(({ metric, problem }) => `${metric} ${problem}`);
}

/** Units and what they are multiples of. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ...["amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "seconds", "volts"].map(
    (unit): [string, string] => [unit, unit],
  ),
  ...["minutes", "hours", "days", "weeks"].map((unit): [string, string] => [unit, "seconds"]),
  ["kelvins", "kelvin"],
  ["fahrenheit", "celsius"],
  ["rankine", "celsius"],
  ...["inches", "yards", "miles"].map((unit): [string, string] => [unit, "meters"]),
  ["bits", "bytes"],
  ["calories", "joules"],
  ["pounds", "grams"],
  ["ounces", "grams"],
]);
const PREFIX =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)/;
const ABBREVIATIONS = ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];
const CAMEL_CASE = /[a-z][A-Z]/;

type Rule = (family: MetricFamily) => string[];

const RULES: Rule[] = [
  ({ help }) => when(help === undefined, "no help text"),
  ({ name }) => {
    const [unit, base] = unitOf(name) ?? [];
    return when(unit !== base, `use base unit "${base}" instead of "${unit}"`);
  },
  ({ name, type }) => {
    const isTotal = name.endsWith("_total");
    if (type === "counter") return when(!isTotal, 'counter metrics should have "_total" suffix');
    return when(type !== "untyped" && isTotal, 'non-counter metrics should not have "_total" suffix');
  },
  reservedWords,
  ({ name, type }) => {
    const isNamed = hasWord(name.toLowerCase(), type);
    return when(type !== "untyped" && isNamed, `metric name should not include type '${type}'`);
  },
  ({ name }) => when(name.includes(":"), "metric names should not contain ':'"),
  ({ name, metrics }) => [
    ...when(CAMEL_CASE.test(name), "metric names should be written in 'snake_case' not 'camelCase'"),
    ...metrics.flatMap(({ labels }) =>
      labels.flatMap(([label]) =>
        when(CAMEL_CASE.test(label), "label names should be written in 'snake_case' not 'camelCase'"),
      ),
    ),
  ],
  ({ name }) =>
    ABBREVIATIONS.flatMap((unit) =>
      when(hasWord(name.toLowerCase(), unit), "metric names should not contain abbreviated units"),
    ),
  ({ metrics }) => {
    const keys = metrics.map(({ labels }) => JSON.stringify(labels));
    return keys.flatMap((key, i) => when(keys.includes(key, i + 1), "metric not unique"));
  },
];

function when(holds: boolean, problem: string): string[] {
  return holds ? [problem] : [];
}

function hasWord(name: string, word: string): boolean {
  return name.includes(`_${word}_`) || name.endsWith(`_${word}`);
}

function unitOf(name: string): [unit: string, base: string] | undefined {
  for (const word of name.split("_")) {
    const base = UNITS.get(word) ?? UNITS.get(word.replace(PREFIX, ""));
    if (base !== undefined) return [word, base];
  }
  return undefined;
}

function reservedWords({ name, type, metrics }: MetricFamily): string[] {
  if (type === "untyped") return [];
  const isHistogram = type === "histogram";
  const isSummary = type === "summary";
  const isPlain = !isHistogram && !isSummary;
  const labels = metrics.flatMap((metric) => metric.labels.map(([label]) => label));
  return [
    ...when(
      !isHistogram && name.endsWith("_bucket"),
      'non-histogram metrics should not have "_bucket" suffix',
    ),
    ...["_count", "_sum"].flatMap((suffix) =>
      when(
        isPlain && name.endsWith(suffix),
        `non-histogram and non-summary metrics should not have "${suffix}" suffix`,
      ),
    ),
    ...labels.flatMap((label) => [
      ...when(!isHistogram && label === "le", 'non-histogram metrics should not have "le" label'),
      ...when(!isSummary && label === "quantile", 'non-summary metrics should not have "quantile" label'),
    ]),
  ];
}
