/**
 * The Prometheus text format as KEDA's metrics-api scaler reads it (prometheus/common `expfmt/text_parse.go`): strict, one
 * bad line fails the whole; and the selector in `valueLocation`.
 */

export interface TextSample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

export interface TextFamilies {
  /** Of counters, gauges and what has no type. */
  samples: TextSample[];
  /** Every name that stands for a family: one that histograms or summaries have is there, and has no samples. */
  names: ReadonlySet<string>;
}

/** Samples that a body may have. */
export const MAX_TEXT_SAMPLES = 1_000_000;

const NAME = /[A-Za-z_:][A-Za-z0-9_:]*/y;
const LABEL = /[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\[\\n"])*)"[ \t]*(,|(?=\}))/y;
const NUMBER = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)$/i;
const SUFFIXES: Record<string, string[]> = {
  summary: ["_sum", "_count"],
  histogram: ["_sum", "_count", "_bucket"],
};

/** @throws Error with upstream's text and the line */
export function parsePrometheusText(body: string): TextFamilies {
  const types = new Map<string, string>();
  const names = new Set<string>();
  const samples: TextSample[] = [];
  for (const [index, line] of body.replaceAll("\r\n", "\n").split("\n").entries()) {
    const fail = (problem: string): never => {
      throw new Error(
        `prometheus format parsing error: text format parsing error in line ${index + 1}: ${problem}`,
      );
    };
    const text = line.replace(/^[ \t]+/, "");
    if (text === "") continue;
    if (text.startsWith("#")) {
      readType(text, types, names, fail);
      continue;
    }
    if (samples.length >= MAX_TEXT_SAMPLES) fail(`more than ${MAX_TEXT_SAMPLES} samples`);
    const sample = readSample(text, fail);
    const family = familyOf(sample.name, types);
    names.add(family);
    if (SUFFIXES[types.get(family) ?? ""] === undefined) samples.push(sample);
  }
  return { samples, names };
}

type Fail = (problem: string) => never;

function readType(text: string, types: Map<string, string>, names: Set<string>, fail: Fail): void {
  const [, name, type] = /^#[ \t]*TYPE[ \t]+(\S+)[ \t]+(\S+)/.exec(text) ?? [];
  if (name === undefined) return;
  if (types.has(name) || names.has(name)) {
    fail(`second TYPE line for metric name ${JSON.stringify(name)}, or TYPE reported after samples`);
  }
  if (!["counter", "gauge", "summary", "histogram", "untyped"].includes(type.toLowerCase())) {
    fail(`unknown metric type ${JSON.stringify(type)}`);
  }
  types.set(name, type.toLowerCase());
}

function familyOf(name: string, types: ReadonlyMap<string, string>): string {
  for (const [type, suffixes] of Object.entries(SUFFIXES)) {
    const suffix = suffixes.find((candidate) => name.endsWith(candidate));
    if (suffix === undefined) continue;
    const family = name.slice(0, -suffix.length);
    if (types.get(family) === type) return family;
  }
  return name;
}

function readSample(text: string, fail: Fail): TextSample {
  NAME.lastIndex = 0;
  const name = NAME.exec(text)?.[0] ?? fail("invalid metric name");
  let at = skipBlanks(text, name.length);
  const labels = new Map<string, string>();
  if (text[at] === "{") at = readLabels(text, at + 1, labels, fail);
  else if (at === name.length && at < text.length) fail("invalid metric name");
  const [number = "", timestamp, ...more] = text
    .slice(at)
    .split(/[ \t]+/)
    .filter((part) => part !== "");
  if (!NUMBER.test(number)) fail(`expected float as value, got ${JSON.stringify(number)}`);
  if (timestamp !== undefined && !/^[+-]?\d+$/.test(timestamp)) {
    fail(`expected integer as timestamp, got ${JSON.stringify(timestamp)}`);
  }
  if (more.length > 0) fail(`spurious string after timestamp: ${JSON.stringify(` ${more.join(" ")}`)}`);
  return { name, labels, value: numberOf(number) };
}

function readLabels(text: string, start: number, labels: Map<string, string>, fail: Fail): number {
  let at = skipBlanks(text, start);
  while (text[at] !== "}") {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text) ?? fail(`invalid label in ${JSON.stringify(text.slice(at))}`);
    if (labels.has(match[1]))
      fail(`duplicate label names for metric ${JSON.stringify(text.slice(0, start - 1))}`);
    labels.set(
      match[1],
      match[2].replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped)),
    );
    at = skipBlanks(text, LABEL.lastIndex);
  }
  return skipBlanks(text, at + 1);
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

function numberOf(text: string): number {
  const word = text.toLowerCase().replace("+", "");
  if (word.startsWith("inf")) return Number.POSITIVE_INFINITY;
  if (word.startsWith("-inf")) return Number.NEGATIVE_INFINITY;
  return Number(text);
}

const MATCHER =
  /\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(,|$)/y;

/**
 * The name and labels in a selector. Upstream takes every operator and then asks for equality, whichever it is.
 *
 * @throws Error when it is no selector
 */
export function parseTextSelector(selector: string): { name: string; labels: ReadonlyMap<string, string> } {
  const failed = () => new Error(`parse error in valueLocation ${JSON.stringify(selector)}`);
  const match = /^\s*([A-Za-z_:][A-Za-z0-9_:]*)?\s*(?:\{(.*)\})?\s*$/s.exec(selector);
  if (match === null || selector.trim() === "") throw failed();
  const labels = new Map<string, string>();
  const text = match[2]?.trimEnd() ?? "";
  MATCHER.lastIndex = 0;
  while (MATCHER.lastIndex < text.length) {
    const label = MATCHER.exec(text);
    if (label === null) throw failed();
    labels.set(
      label[1],
      label[2].slice(1, -1).replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped)),
    );
  }
  const name = match[1] ?? labels.get("__name__") ?? "";
  if (match[1] !== undefined && labels.has("__name__")) throw failed();
  if (match[1] === undefined && Array.from(labels.values()).every((value) => value === "")) throw failed();
  labels.delete("__name__");
  return { name, labels };
}
