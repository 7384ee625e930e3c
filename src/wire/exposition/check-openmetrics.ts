/**
 * Whether a text is OpenMetrics 1.0 by every rule of the specification, meaning included: names that clash, series that
 * are not together, buckets out of order, negative counts. Stricter than a scrape, which stores what it can read.
 */

import { ExpositionError } from "./exposition-error.ts";
import { isUtf8, parseGoFloat } from "./go-float.ts";

interface Sample {
  name: string;
  labels: Map<string, string>;
  value: number;
  timestamp: number | undefined;
  hasExemplar: boolean;
}

/** What a metric of a type calls its samples. */
const SUFFIXES: Record<string, string[]> = {
  counter: ["_total", "_created"],
  summary: ["", "_count", "_sum", "_created"],
  histogram: ["_count", "_sum", "_bucket", "_created"],
  gaugehistogram: ["_gcount", "_gsum", "_bucket"],
  info: ["_info"],
  gauge: [""],
  stateset: [""],
  unknown: [""],
};
const COUNTER_LIKE = new Set(["_total", "_sum", "_count", "_bucket", "_gcount", "_gsum"]);
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const LABEL_VALUE = /"((?:[^"\\\n]|\\.)*)"/y;
/** Characters in all names and values of an exemplar's labels. */
export const MAX_EXEMPLAR_CHARACTERS = 128;

/** @throws ExpositionError naming the line and what is wrong with it */
export function checkOpenMetrics(bytes: Uint8Array): void {
  if (!isUtf8(bytes, 0, bytes.length)) throw new ExpositionError("the text is not UTF-8");
  const lines = new TextDecoder().decode(bytes).split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.at(-1) !== "# EOF") throw new ExpositionError("the text does not end with # EOF");
  const checker = new Checker();
  for (const [index, line] of lines.slice(0, -1).entries()) {
    try {
      checker.line(line);
    } catch (error) {
      if (!(error instanceof ExpositionError)) throw error;
      throw new ExpositionError(`line ${index + 1}: ${error.message}`);
    }
  }
  checker.endFamily();
}

class Checker {
  /** Of all families so far: every name that their samples may have. */
  readonly #seenNames = new Set<string>();
  #name: string | undefined;
  #type: string | undefined;
  #unit: string | undefined;
  #help: string | undefined;
  #allowed = new Set<string>();
  #samples: Sample[] = [];
  #group: string | undefined;
  #groupTime: number | undefined;
  #seenGroups = new Set<string>();

  line(line: string): void {
    if (line === "") fail("blank line");
    if (line.startsWith("#")) this.#metadata(line);
    else this.#sample(parseSample(line));
  }

  #startFamily(name: string, allowed: string[]): void {
    this.endFamily();
    this.#name = name;
    this.#type = this.#unit = this.#help = this.#group = this.#groupTime = undefined;
    this.#allowed = new Set(allowed);
    this.#samples = [];
    this.#seenGroups = new Set();
  }

  #metadata(line: string): void {
    const match = /^# (HELP|TYPE|UNIT) ("(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (match === null) fail(line === "# EOF" ? "text after # EOF" : "invalid metadata");
    const [, keyword, name, content] = match;
    if (name !== this.#name) this.#startFamily(name, [name]);
    else if (this.#samples.length > 0) fail("metadata after samples");
    if (keyword === "HELP") {
      if (this.#help !== undefined) fail(`more than one HELP for ${name}`);
      this.#help = content;
    } else if (keyword === "UNIT") {
      if (this.#unit !== undefined) fail(`more than one UNIT for ${name}`);
      this.#unit = content;
    } else {
      if (this.#type !== undefined) fail(`more than one TYPE for ${name}`);
      if (!Object.hasOwn(SUFFIXES, content)) fail(`invalid metric type "${content}"`);
      this.#type = content;
      this.#allowed = new Set(SUFFIXES[content].map((suffix) => name + suffix));
    }
  }

  #sample(sample: Sample): void {
    if (this.#name === undefined || !this.#allowed.has(sample.name)) {
      this.#startFamily(sample.name, [sample.name]);
      this.#type = "unknown";
    }
    const name = this.#name!;
    const type = this.#type ?? "unknown";
    const suffix = sample.name.slice(name.length);
    checkLabels(sample, name, type, suffix);
    this.#checkGroup(sample, name, type);
    checkValue(sample, type, suffix);
    this.#samples.push(sample);
  }

  /** Samples of one group stand together, with times that do not go back. */
  #checkGroup(sample: Sample, name: string, type: string): void {
    const group = groupOf(sample, name, type);
    if (group !== this.#group && this.#seenGroups.has(group)) fail("samples of a metric are not together");
    if (group === this.#group) {
      const before = this.#groupTime;
      const now = sample.timestamp;
      if ((before === undefined) !== (now === undefined))
        fail("only some samples of a metric have a timestamp");
      if (before !== undefined && now! < before && type !== "info") fail("timestamps go back");
    }
    this.#group = group;
    this.#groupTime = sample.timestamp;
    this.#seenGroups.add(group);
  }

  endFamily(): void {
    const name = this.#name;
    if (name === undefined) return;
    const type = this.#type ?? "unknown";
    for (const suffix of new Set([...SUFFIXES[type], ""])) {
      if (this.#seenNames.has(name + suffix)) fail(`clashing name ${name}${suffix}`);
      this.#seenNames.add(name + suffix);
    }
    if (this.#unit && !name.endsWith(`_${this.#unit}`))
      fail(`unit "${this.#unit}" is not a suffix of ${name}`);
    if (this.#unit && (type === "info" || type === "stateset")) fail(`a metric of type ${type} has no unit`);
    if (type === "histogram" || type === "gaugehistogram") checkHistograms(this.#samples, name);
    this.#name = undefined;
  }
}

function fail(message: string): never {
  throw new ExpositionError(message);
}

function groupOf(sample: Sample, name: string, type: string): string {
  if (type === "info") return "";
  const labels = new Map(sample.labels);
  if (type === "summary" && sample.name === name) labels.delete("quantile");
  if (type === "stateset") labels.delete(name);
  if ((type === "histogram" || type === "gaugehistogram") && sample.name === `${name}_bucket`)
    labels.delete("le");
  return JSON.stringify([...labels].sort());
}

function checkLabels(sample: Sample, name: string, type: string, suffix: string): void {
  if (type === "stateset" && !sample.labels.has(name)) fail(`a stateset needs the label ${name}`);
  const isHistogram = type === "histogram" || type === "gaugehistogram";
  if (isHistogram && suffix === "_bucket") {
    const le = sample.labels.get("le");
    const bound = le === undefined ? undefined : parseGoFloat(le);
    if (bound === undefined || Number.isNaN(bound) || (bound === Number.POSITIVE_INFINITY && le !== "+Inf"))
      fail(`invalid label le`);
  }
  if (type === "summary" && suffix === "") {
    const quantile = parseGoFloat(sample.labels.get("quantile") ?? "");
    if (quantile === undefined || !(quantile >= 0 && quantile <= 1)) fail("invalid label quantile");
  }
}

function checkValue(sample: Sample, type: string, suffix: string): void {
  const { value } = sample;
  if (type === "stateset" && value !== 0 && value !== 1) fail("a stateset is 0 or 1");
  if (type === "info" && value !== 1) fail("an info metric is 1");
  if (type === "summary" && suffix === "" && value < 0) fail("quantiles are not negative");
  const isTyped = type !== "unknown" && type !== "gauge";
  if (isTyped && COUNTER_LIKE.has(suffix)) {
    if (Number.isNaN(value)) fail("counts are numbers");
    if (suffix !== "_gsum" && value < 0) fail("counts are not negative");
  }
  if (isTyped && /^_(bucket|count|gcount)$/.test(suffix) && !Number.isInteger(value))
    fail("counts are whole");
  const takesExemplar =
    ((type === "histogram" || type === "gaugehistogram") && suffix === "_bucket") ||
    (type === "counter" && suffix === "_total");
  if (sample.hasExemplar && !takesExemplar) fail("only buckets and counters have exemplars");
}

function checkHistograms(samples: Sample[], name: string): void {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${groupOf(sample, name, "histogram")} ${sample.timestamp}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  for (const group of groups.values()) checkHistogram(group, name);
}

function checkHistogram(samples: Sample[], name: string): void {
  let bound = Number.NaN;
  let value = 0;
  let hasNegativeBuckets = false;
  const found = new Map<string, number>();
  for (const sample of samples) {
    const suffix = sample.name.slice(name.length);
    if (suffix !== "_bucket") {
      found.set(suffix, sample.value);
      continue;
    }
    const next = parseGoFloat(sample.labels.get("le")!)!;
    if (next <= bound) fail("buckets are out of order");
    if (sample.value < value) fail("bucket values decrease");
    if (next < 0) hasNegativeBuckets = true;
    bound = next;
    value = sample.value;
  }
  if (bound !== Number.POSITIVE_INFINITY) fail("there is no +Inf bucket");
  const count = found.get("_count") ?? found.get("_gcount");
  const hasSum = found.has("_sum") || found.has("_gsum");
  if (count !== undefined && count !== value) fail("the count is not that of the +Inf bucket");
  if (hasSum !== (count !== undefined)) fail("sum and count come together");
  if (hasNegativeBuckets && found.has("_sum")) fail("a histogram with negative buckets has no sum");
  if (!hasNegativeBuckets && (found.get("_gsum") ?? 0) < 0) fail("a negative sum without negative buckets");
}

// ---- one line ----

function parseSample(line: string): Sample {
  const labels = new Map<string, string>();
  let at: number;
  let name: string;
  if (line.startsWith("{")) {
    at = parseLabels(line, 1, labels, true);
    name = labels.get("") ?? fail("the metric has no name");
    labels.delete("");
  } else {
    name = METRIC_NAME.exec(line)?.[0] ?? fail("invalid metric name");
    at = name.length;
    if (line[at] === "{") at = parseLabels(line, at + 1, labels, false);
  }
  if (line[at] !== " ") fail("expected a blank before the value");
  const exemplarAt = line.indexOf(" # ", at);
  const own = (exemplarAt < 0 ? line.slice(at + 1) : line.slice(at + 1, exemplarAt)).split(" ");
  if (own.length > 2) fail("too much after the value");
  if (exemplarAt >= 0) checkExemplar(line.slice(exemplarAt + 3));
  return {
    name,
    labels,
    value: parseValue(own[0]),
    timestamp: own.length === 2 ? parseTimestamp(own[1]) : undefined,
    hasExemplar: exemplarAt >= 0,
  };
}

/** Reads from behind the opening brace to behind the closing one. A quoted name alone is the metric's: label "". */
function parseLabels(line: string, start: number, into: Map<string, string>, isNamed: boolean): number {
  let at = start;
  if (line[at] === "}") return at + 1;
  for (;;) {
    let name: string;
    if (line[at] === '"') {
      LABEL_VALUE.lastIndex = at;
      const quoted = LABEL_VALUE.exec(line) ?? fail("invalid quoted name");
      at = LABEL_VALUE.lastIndex;
      name = quoted[1];
      if (isNamed && (line[at] === "," || line[at] === "}")) {
        if (into.has("")) fail("two metric names");
        into.set("", name);
        if (line[at++] === "}") return at;
        continue;
      }
    } else {
      LABEL_NAME.lastIndex = at;
      name = LABEL_NAME.exec(line)?.[0] ?? fail("invalid label name");
      at += name.length;
    }
    if (line[at] !== "=") fail(`label ${name} has no value`);
    LABEL_VALUE.lastIndex = at + 1;
    const value = LABEL_VALUE.exec(line) ?? fail(`invalid value of label ${name}`);
    if (into.has(name)) fail(`two labels ${name}`);
    into.set(
      name,
      value[1].replace(/\\(["\\n])/g, (_, escaped) => (escaped === "n" ? "\n" : escaped)),
    );
    at = LABEL_VALUE.lastIndex;
    if (line[at] === "}") return at + 1;
    if (line[at] !== ",") fail("labels are separated by commas");
    at++;
  }
}

function checkExemplar(text: string): void {
  if (!text.startsWith("{")) fail("an exemplar starts with its labels");
  const labels = new Map<string, string>();
  const end = parseLabels(text, 1, labels, false);
  if (text[end] !== " ") fail("expected a blank before the exemplar's value");
  const parts = text.slice(end + 1).split(" ");
  if (parts.length > 2) fail("too much after the exemplar's value");
  parseValue(parts[0]);
  if (parts.length === 2) parseTimestamp(parts[1]);
  let characters = 0;
  for (const [name, value] of labels) characters += [...name].length + [...value].length;
  if (characters > MAX_EXEMPLAR_CHARACTERS) fail("the exemplar's labels are too long");
}

function parseValue(text: string): number {
  return parseGoFloat(text) ?? fail(`invalid value "${text}"`);
}

function parseTimestamp(text: string): number {
  const value = parseValue(text);
  return Number.isFinite(value) ? value : fail(`invalid timestamp "${text}"`);
}
