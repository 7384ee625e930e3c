/**
 * Reads the text format into families of metrics, strictly, as the library does that `promtool check metrics` goes by
 * (`expfmt/text_parse.go` of prometheus/common): one sample after a `# TYPE` line of another name is no error, a second
 * `# HELP` is.
 */
import { isValidLabelName, isValidMetricName } from "../config/names.ts";
import { quoteString } from "../promql/parser/lexer.ts";

export type FamilyType = "counter" | "gauge" | "histogram" | "gauge_histogram" | "summary" | "untyped";

export interface FamilyMetric {
  /** As written, less `le` of histograms and `quantile` of summaries. */
  labels: [name: string, value: string][];
  /** Of a histogram its buckets, of a summary its quantiles. */
  parts: number;
}

export interface MetricFamily {
  name: string;
  help: string | undefined;
  type: FamilyType;
  metrics: FamilyMetric[];
}

/** The text is not in the format. */
export class MetricTextError extends Error {
  constructor(line: number, message: string) {
    super(`text format parsing error in line ${line}: ${message}`);
    this.name = "MetricTextError";
  }
}

/** Families that have samples, in the order in which they are first named. @throws MetricTextError */
export function readMetricFamilies(text: string): MetricFamily[] {
  return new FamilyReader(text).read();
}

interface Growing extends Omit<MetricFamily, "type"> {
  type: FamilyType | undefined;
  byLabels: Map<string, FamilyMetric>;
}

const NAME = /(?:[a-zA-Z_:][a-zA-Z0-9_:]*|"(?:[^"\\\n]|\\[\\n"])*")/y;
const LABEL = /(?:[a-zA-Z_][a-zA-Z0-9_]*|"(?:[^"\\\n]|\\[\\n"])*")/y;
const VALUE = /"(?:[^"\\\n]|\\[\\n"])*"/y;

class FamilyReader {
  readonly #text: string;
  readonly #families = new Map<string, Growing>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  read(): MetricFamily[] {
    for (; this.#at < this.#text.length; this.#line++) {
      this.#blanks();
      if (this.#at >= this.#text.length) break;
      if (this.#peek === "#") this.#comment();
      else if (this.#peek !== "\n") this.#sample();
      if (this.#at >= this.#text.length) this.#fail("unexpected end of input stream");
      this.#at++;
    }
    return [...this.#families.values()]
      .filter(({ metrics }) => metrics.length > 0)
      .map(({ name, help, type, metrics }) => ({ name, help, type: type ?? "untyped", metrics }));
  }

  #comment(): void {
    this.#at++;
    this.#blanks();
    const keyword = this.#match(/[^ \t\n]*/y)!;
    if (keyword !== "HELP" && keyword !== "TYPE") {
      this.#match(/[^\n]*/y);
      return;
    }
    this.#blanks();
    const name = this.#match(NAME) ?? "";
    if (this.#peek === "\n") return;
    if (this.#match(/[ \t]+/y) === undefined) this.#fail("invalid metric name in comment");
    const family = this.#family(unquoted(name));
    const rest = this.#match(/[^\n]*/y)!;
    if (rest === "") return;
    if (keyword === "HELP") this.#help(family, rest);
    else this.#type(family, rest);
  }

  #help(family: Growing, text: string): void {
    if (family.help !== undefined) this.#fail(`second HELP line for metric name ${quoteString(family.name)}`);
    const bad = /^(?:[^\\]|\\[\\n"])*\\([^\\n"])/.exec(text)?.[1];
    if (bad !== undefined) this.#fail(`invalid escape sequence '\\${bad}'`);
    family.help = text;
  }

  #type(family: Growing, text: string): void {
    if (family.type !== undefined) {
      this.#fail(
        `second TYPE line for metric name ${quoteString(family.name)}, or TYPE reported after samples`,
      );
    }
    const type = TYPES.get(text.toLowerCase());
    if (type === undefined) this.#fail(`unknown metric type ${quoteString(text)}`);
    family.type = type;
  }

  #sample(): void {
    let family: Growing | undefined;
    let name: string | undefined;
    if (this.#peek !== "{") {
      const written = this.#match(NAME);
      if (written === undefined) this.#fail("invalid metric name");
      name = unquoted(written);
      family = this.#family(name);
      this.#blanks();
    }
    const { labels, inner } = this.#peek === "{" ? this.#labels(family) : { labels: [], inner: undefined };
    family ??= inner;
    if (family === undefined) this.#fail("invalid metric name");
    family.type ??= "untyped";
    this.#blanks();
    const value = this.#match(/[^ \t\n]*/y)!;
    if (!FLOAT.test(value)) this.#fail(`expected float as value, got ${quoteString(value)}`);
    this.#checkPart(family, name, labels, Number(value));
    add(family, labels);
    if (this.#peek === "\n") return;
    this.#blanks();
    const timestamp = this.#match(/[^ \t\n]*/y)!;
    if (!/^[+-]?\d+$/.test(timestamp))
      this.#fail(`expected integer as timestamp, got ${quoteString(timestamp)}`);
    const rest = this.#match(/[^\n]*/y)!;
    if (rest !== "") this.#fail(`spurious string after timestamp: ${quoteString(rest)}`);
  }

  /** Counts of histograms are not negative. */
  #checkPart(
    family: Growing,
    name: string | undefined,
    labels: readonly [string, string][],
    value: number,
  ): void {
    if (family.type !== "histogram" && family.type !== "gauge_histogram") return;
    const subject = `for histogram ${quoteString(family.name)}`;
    if (name?.endsWith("_count") && value < 0) this.#fail(`negative count ${subject}`);
    const isBucket = labels.some(([label]) => label === "le");
    if (isBucket && value < 0) this.#fail(`negative bucket population ${subject}`);
  }

  #labels(outer: Growing | undefined): { labels: [string, string][]; inner: Growing | undefined } {
    const labels: [string, string][] = [];
    let inner: Growing | undefined;
    this.#at++;
    for (;;) {
      this.#blanks();
      if (this.#peek === "}") break;
      const subject = quoteString((outer ?? inner)?.name ?? "");
      const name = this.#match(LABEL);
      if (name === undefined) this.#fail(`invalid label name for metric ${subject}`);
      this.#blanks();
      if (this.#peek === "=") {
        labels.push(this.#label(unquoted(name), labels, subject));
        this.#checkNumber((outer ?? inner)?.type, labels.at(-1)!);
      } else if (outer !== undefined) {
        this.#fail(`expected '=' after label name, found '${this.#peek}'`);
      } else if (inner !== undefined) this.#fail(`multiple metric names for metric ${subject}`);
      else inner = this.#family(unquoted(name));
      this.#blanks();
      if (this.#peek === "}") break;
      if (this.#peek !== ",")
        this.#fail(`unexpected end of label value ${quoteString(labels.at(-1)?.[1] ?? "")}`);
      this.#at++;
    }
    this.#at++;
    return { labels, inner };
  }

  #label(name: string, known: readonly [string, string][], subject: string): [string, string] {
    if (name === "__name__") this.#fail(`label name "__name__" is reserved`);
    if (!isValidLabelName(name, "legacy")) this.#fail(`invalid label name ${quoteString(name)}`);
    if (known.some(([other]) => other === name)) this.#fail(`duplicate label names for metric ${subject}`);
    this.#at++;
    this.#blanks();
    if (this.#peek !== '"') this.#fail(`expected '"' at start of label value, found '${this.#peek}'`);
    const value = this.#match(VALUE);
    if (value === undefined) this.#fail(this.#brokenValue());
    return [name, unquoted(value)];
  }

  /** Bounds and quantiles are numbers. */
  #checkNumber(type: FamilyType | undefined, [name, value]: [string, string]): void {
    if (type === undefined || name !== partLabel(type) || FLOAT.test(value)) return;
    this.#fail(`expected float as value for '${name}' label, got ${quoteString(value)}`);
  }

  /** Why there is no label value. */
  #brokenValue(): string {
    const [, inner, bad] = /^"((?:[^"\\\n]|\\[\\n"])*)(\\.|\n)?/.exec(this.#text.slice(this.#at))!;
    if (bad?.[0] === "\\") return `invalid escape sequence '${bad}'`;
    return bad === undefined
      ? "unexpected end of input stream"
      : `label value ${quoteString(inner)} contains unescaped new-line`;
  }

  /** The family that a name belongs to: `x_bucket` to the histogram `x`, where there is one. */
  #family(name: string): Growing {
    const exact = this.#families.get(name);
    if (exact !== undefined) return exact;
    const [, base, suffix] = /^(.+)_(bucket|count|sum)$/.exec(name) ?? [];
    const whole = base === undefined ? undefined : this.#families.get(base);
    const isPart =
      whole !== undefined &&
      (whole.type === "histogram" ||
        whole.type === "gauge_histogram" ||
        (whole.type === "summary" && suffix !== "bucket"));
    if (isPart) return whole;
    if (!isValidMetricName(name, "legacy")) this.#fail(`invalid metric name ${quoteString(name)}`);
    const family = { name, help: undefined, type: undefined, metrics: [], byLabels: new Map() };
    this.#families.set(name, family);
    return family;
  }

  get #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #blanks(): void {
    while (this.#peek === " " || this.#peek === "\t") this.#at++;
  }

  #match(pattern: RegExp): string | undefined {
    const sticky = pattern;
    sticky.lastIndex = this.#at;
    const text = sticky.exec(this.#text)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #fail(message: string): never {
    throw new MetricTextError(
      this.#line,
      this.#at >= this.#text.length ? "unexpected end of input stream" : message,
    );
  }
}

const TYPES: ReadonlyMap<string, FamilyType> = new Map([
  ["counter", "counter"],
  ["gauge", "gauge"],
  ["histogram", "histogram"],
  ["gauge_histogram", "gauge_histogram"],
  ["gaugehistogram", "gauge_histogram"],
  ["summary", "summary"],
  ["untyped", "untyped"],
]);

const FLOAT =
  /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])$/;

/** The label that tells the parts of a metric from each other. */
function partLabel(type: FamilyType): string | undefined {
  if (type === "summary") return "quantile";
  return type === "histogram" || type === "gauge_histogram" ? "le" : undefined;
}

/** A sample of a histogram or summary is a part of a metric. */
function add(family: Growing, labels: [string, string][]): void {
  const own = partLabel(family.type!);
  const rest = labels.filter(([name]) => name !== own);
  const isPart = rest.length < labels.length;
  const key = JSON.stringify([...rest].sort());
  let metric = own === undefined ? undefined : family.byLabels.get(key);
  if (metric === undefined) {
    metric = { labels: rest, parts: 0 };
    family.metrics.push(metric);
    family.byLabels.set(key, metric);
  }
  if (isPart) metric.parts++;
}

function unquoted(text: string): string {
  if (text[0] !== '"') return text;
  return text.slice(1, -1).replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character));
}
