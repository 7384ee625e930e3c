/** The newest exemplars of all series in a ring of fixed size (`tsdb/exemplar.go`). */
import type { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import { AppendError, type Exemplar, type TimeRange } from "../storage.ts";

/** Characters in an exemplar's label names and values together (OpenMetrics). */
export const MAX_EXEMPLAR_LABEL_CHARACTERS = 128;

interface Entry {
  labels: Labels;
  exemplar: Exemplar;
}

export class ExemplarStorage {
  #ring: (Entry | undefined)[] = [];
  #next = 0;
  /** Per label key the series' exemplars, oldest first. */
  readonly #series = new Map<string, Entry[]>();
  appended = 0;
  outOfOrder = 0;

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
    for (const text of exemplar.labels.flat) characters += text.length;
    if (characters > MAX_EXEMPLAR_LABEL_CHARACTERS) {
      throw new AppendError(
        "invalid label set",
        `label length for exemplar exceeds maximum of ${MAX_EXEMPLAR_LABEL_CHARACTERS} UTF-8 characters`,
      );
    }
    const newest = this.#series.get(labels.key)?.at(-1)?.exemplar;
    if (newest === undefined) return true;
    const isSameTime =
      newest.timestampMs === exemplar.timestampMs || (newest.isTimedByScrape && exemplar.isTimedByScrape);
    if (isSameTime && Object.is(newest.value, exemplar.value) && newest.labels.equals(exemplar.labels)) {
      return false;
    }
    const isOlder =
      exemplar.timestampMs < newest.timestampMs ||
      (exemplar.timestampMs === newest.timestampMs && exemplar.value < newest.value);
    if (isOlder) {
      this.outOfOrder++;
      throw new AppendError("out of order exemplar");
    }
    return true;
  }

  add(labels: Labels, exemplar: Exemplar): void {
    if (this.#ring.length === 0) return;
    this.#put({ labels, exemplar });
    this.appended++;
  }

  /** Of the series that match any of the matcher lists, series in the order of their first exemplar. */
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
    return out;
  }

  #put(entry: Entry): void {
    const old = this.#ring[this.#next];
    if (old !== undefined) this.#forget(old);
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#ring.length;
    const entries = this.#series.get(entry.labels.key);
    if (entries === undefined) this.#series.set(entry.labels.key, [entry]);
    else entries.push(entry);
  }

  #forget(old: Entry): void {
    const entries = this.#series.get(old.labels.key)!;
    entries.splice(entries.indexOf(old), 1);
    if (entries.length === 0) this.#series.delete(old.labels.key);
  }
}
