/** The newest exemplars of all series in a ring of fixed size (`tsdb/exemplar.go`). */
import { compareLabels, type Labels } from "../../../model/labels.ts";
import type { Matcher } from "../../matcher.ts";
import { AppendError, type Exemplar, type TimeRange } from "../../storage.ts";

/** Characters in an exemplar's label names and values together (OpenMetrics). */
export const MAX_EXEMPLAR_LABEL_CHARACTERS = 128;

interface Entry {
  labels: Labels;
  exemplar: Exemplar;
}

/** In characters, of which most texts have one for each UTF-16 unit. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 1; i < text.length; i++) if (isSurrogatePair(text, i)) length--;
  return length;
}

function isSurrogatePair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

export class ExemplarStorage {
  #ring: (Entry | undefined)[] = [];
  #next = 0;
  /** Per label key the series' exemplars, oldest first. */
  readonly #series = new Map<string, Entry[]>();
  appended = 0;
  outOfOrder = 0;
  /** Exemplars as much older than their series' newest one are taken. */
  outOfOrderWindowMs = 0;

  constructor(capacity: number) {
    this.resize(capacity);
  }

  get capacity(): number {
    return this.#ring.length;
  }

  /** Keeps the newest that fit. */
  resize(capacity: number): void {
    if (capacity === this.#ring.length) return;
    const kept = this.all().slice(capacity === 0 ? this.#ring.length : -capacity);
    this.#ring = new Array(capacity).fill(undefined);
    this.#next = 0;
    this.#series.clear();
    for (const entry of kept) this.#put(entry);
  }

  /** For `/metrics`: times in milliseconds, 0 where there are none. */
  figures(): { count: number; capacity: number; series: number; oldestMs: number } {
    const next = this.#ring[this.#next];
    const count = next === undefined ? this.#next : this.capacity;
    const oldestMs = (next ?? this.#ring[0])?.exemplar.timestampMs ?? 0;
    return { count, capacity: this.capacity, series: this.#series.size, oldestMs };
  }

  /** Oldest first, in the order in which they came. */
  all(): { labels: Labels; exemplar: Exemplar }[] {
    const order = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return order.filter((entry) => entry !== undefined);
  }

  /**
   * Whether the exemplar would be stored; false for a repetition of the last one, which is normal.
   *
   * @throws AppendError
   */
  check(labels: Labels, exemplar: Exemplar): boolean {
    if (this.#ring.length === 0) return false;
    let characters = 0;
    for (const text of exemplar.labels.flat) characters += lengthOf(text);
    if (characters > MAX_EXEMPLAR_LABEL_CHARACTERS) {
      throw new AppendError(
        "invalid label set",
        `label length for exemplar exceeds maximum of ${MAX_EXEMPLAR_LABEL_CHARACTERS} UTF-8 characters`,
      );
    }
    const verdict = this.#compare(labels, exemplar);
    if (verdict === "late") {
      this.outOfOrder++;
      throw new AppendError("out of order exemplar");
    }
    return verdict === "new";
  }

  /** Left out when what has come since it was checked says so. */
  add(labels: Labels, exemplar: Exemplar): void {
    if (this.#ring.length === 0) return;
    const verdict = this.#compare(labels, exemplar);
    if (verdict === "late") this.outOfOrder++;
    if (verdict !== "new") return;
    this.#put({ labels, exemplar });
    this.appended++;
  }

  #compare(labels: Labels, exemplar: Exemplar): "new" | "repeated" | "late" {
    const newest = this.#series.get(labels.key)?.at(-1)?.exemplar;
    if (newest === undefined) return "new";
    const { timestampMs, value } = exemplar;
    const isSameTime =
      newest.timestampMs === timestampMs || (newest.isTimedByScrape && exemplar.isTimedByScrape);
    if (isSameTime && Object.is(newest.value, value) && newest.labels.equals(exemplar.labels))
      return "repeated";
    if (timestampMs === newest.timestampMs) return value < newest.value ? "late" : "new";
    const isLate =
      timestampMs < newest.timestampMs && timestampMs <= newest.timestampMs - this.outOfOrderWindowMs;
    if (isLate) return "late";
    // Between others, the time alone says whether it is one of them.
    const entries = this.#series.get(labels.key)!;
    const isKnown =
      timestampMs < newest.timestampMs && entries.some((each) => each.exemplar.timestampMs === timestampMs);
    return isKnown ? "repeated" : "new";
  }

  /** Of the series that match any of the matcher lists, sorted by labels. */
  select(matchers: Matcher[][], range: TimeRange): { labels: Labels; exemplars: Exemplar[] }[] {
    const out: { labels: Labels; exemplars: Exemplar[] }[] = [];
    for (const entries of this.#series.values()) {
      const { labels } = entries[0];
      const isWanted = matchers.some((list) => list.every((m) => m.matches(labels.get(m.name))));
      if (!isWanted) continue;
      const exemplars = entries
        .map((entry) => entry.exemplar)
        .filter(({ timestampMs }) => timestampMs >= range.minMs && timestampMs <= range.maxMs);
      if (exemplars.length > 0) out.push({ labels, exemplars });
    }
    return out.sort((a, b) => compareLabels(a.labels, b.labels));
  }

  #put(entry: Entry): void {
    const old = this.#ring[this.#next];
    if (old !== undefined) this.#forget(old);
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#ring.length;
    const entries = this.#series.get(entry.labels.key);
    if (entries === undefined) this.#series.set(entry.labels.key, [entry]);
    else {
      const { timestampMs } = entry.exemplar;
      const before = entries.findLastIndex((each) => each.exemplar.timestampMs <= timestampMs);
      entries.splice(before + 1, 0, entry);
    }
  }

  #forget(old: Entry): void {
    const entries = this.#series.get(old.labels.key)!;
    entries.splice(entries.indexOf(old), 1);
    if (entries.length === 0) this.#series.delete(old.labels.key);
  }
}
