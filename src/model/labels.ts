/**
 * A label set as Prometheus has it: unique names in byte order, no empty values, immutable.
 *
 * `__name__` is a label like the others.
 */
import { quoteGo } from "./go-quote.ts";

export const METRIC_NAME = "__name__";

/** Labels that say what a metric is; arithmetic makes something else of it, so they go. */
export const METADATA_LABELS: ReadonlySet<string> = new Set([METRIC_NAME, "__type__", "__unit__"]);
/** A name that needs no quotes. */
const PLAIN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export class Labels {
  /** `[name0, value0, name1, value1, …]`, sorted by name. Not to be changed. */
  readonly flat: readonly string[];
  #key: string | undefined;

  private constructor(flat: readonly string[]) {
    this.flat = flat;
  }

  static readonly empty = new Labels([]);

  /** From name-value pairs in any order. Empty values are dropped; of equal names the last one wins. */
  static of(pairs: Iterable<readonly [string, string]> | Record<string, string>): Labels {
    const map = new Map(
      Symbol.iterator in pairs ? (pairs as Iterable<readonly [string, string]>) : Object.entries(pairs),
    );
    const names = [...map.keys()].filter((name) => map.get(name) !== "").sort(compareStrings);
    const flat: string[] = [];
    for (const name of names) flat.push(name, map.get(name)!);
    return flat.length === 0 ? Labels.empty : new Labels(flat);
  }

  /** From `[name0, value0, …]` that is already sorted, unique and without empty values: checked by nobody. */
  static fromSorted(flat: readonly string[]): Labels {
    return new Labels(flat);
  }

  get size(): number {
    return this.flat.length / 2;
  }

  /** The value, or "" when there is no such label, as everywhere in Prometheus. */
  get(name: string): string {
    const { flat } = this;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1];
    return "";
  }

  has(name: string): boolean {
    return this.get(name) !== "";
  }

  /** Identifies the label set: equal sets have equal keys and no others do. Kept once made. */
  get key(): string {
    return (this.#key ??= this.flat.join("\xff"));
  }

  *[Symbol.iterator](): Iterator<[name: string, value: string]> {
    for (let i = 0; i < this.flat.length; i += 2) yield [this.flat[i], this.flat[i + 1]];
  }

  toObject(): Record<string, string> {
    return Object.fromEntries(this);
  }

  /** A copy with `name` set, or removed when `value` is "". */
  with(name: string, value: string): Labels {
    return Labels.of([...this, [name, value]]);
  }

  /** Only the labels named. */
  keep(names: ReadonlySet<string>): Labels {
    return this.#filter((name) => names.has(name));
  }

  /** All labels but those named. */
  without(names: ReadonlySet<string>): Labels {
    return this.#filter((name) => !names.has(name));
  }

  equals(other: Labels): boolean {
    const { flat } = this;
    if (flat.length !== other.flat.length) return false;
    for (let i = 0; i < flat.length; i++) if (flat[i] !== other.flat[i]) return false;
    return true;
  }

  /** `{name="value", …}` as Go quotes it, the metric name as a label like the others, unusual names in quotes too. */
  toString(): string {
    const shown = ([name, value]: readonly [string, string]) =>
      `${PLAIN_NAME.test(name) ? name : quoteGo(name)}=${quoteGo(value)}`;
    return `{${Array.from(this, shown).join(", ")}}`;
  }

  #filter(wanted: (name: string) => boolean): Labels {
    const flat: string[] = [];
    for (let i = 0; i < this.flat.length; i += 2) {
      if (wanted(this.flat[i])) flat.push(this.flat[i], this.flat[i + 1]);
    }
    return flat.length === this.flat.length ? this : new Labels(flat);
  }
}

/** Order of label sets as in Prometheus: name, value, name, value, …, then the shorter one first. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.flat.length, b.flat.length);
  for (let i = 0; i < length; i++) {
    if (a.flat[i] !== b.flat[i]) return compareStrings(a.flat[i], b.flat[i]);
  }
  return a.flat.length - b.flat.length;
}

/**
 * Order of strings by their UTF-8 bytes, as Go compares them. UTF-16 order, which `<` gives, differs where a
 * surrogate pair meets a character above U+D7FF.
 */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2000 : unit >= 0xe000 ? unit - 0x800 : unit;
}
