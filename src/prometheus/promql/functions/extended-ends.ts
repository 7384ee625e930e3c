/**
 * The values at the ends of `anchored` and `smoothed` ranges, taken from the samples around them
 * (`pickOrInterpolateLeft`, `pickOrInterpolateRight` upstream). Start timestamps of counters say where, between two
 * samples, the count began anew (since 3.16; 3.14 leaves them aside here).
 */
import { firstIndex } from "../classic-histogram.ts";
import { isStartReset, type Started } from "./start-time.ts";

/** The samples that stand for the ends of a range, by index. */
export interface Ends {
  first: number;
  last: number;
  startMs: number;
  endMs: number;
}

export interface ExtendedRange {
  startMs: number;
  endMs: number;
  isSmoothed: boolean;
}

/** The floats of one window, from the sample before the range on. */
export interface WindowFloats {
  timestamps: Float64Array;
  values: Float64Array;
  /** Undefined where they don't count. */
  starts?: Float64Array;
}

/** Undefined where the samples end before the range, or, smoothed, begin after it. */
export function endsOf(timestamps: Float64Array, range: ExtendedRange): Ends | undefined {
  const ends = nearestEnds(timestamps, range);
  const isAfter = range.isSmoothed && timestamps[ends.first] > range.endMs;
  return timestamps[ends.last] <= range.startMs || isAfter ? undefined : ends;
}

function nearestEnds(timestamps: Float64Array, { startMs, endMs, isSmoothed }: ExtendedRange): Ends {
  const count = timestamps.length - 1;
  const first = Math.max(0, firstIndex(count, (i) => timestamps[i] > startMs) - 1);
  const last = isSmoothed ? firstIndex(count, (i) => timestamps[i] >= endMs) : count;
  return { first, last, startMs, endMs };
}

/** As `endsOf`, of a counter: one whose first sample comes after the range may have begun within it. */
export function counterEndsOf(
  { timestamps, starts }: WindowFloats,
  range: ExtendedRange,
  lookbackMs: number,
): Ends | undefined {
  const ends = nearestEnds(timestamps, range);
  if (timestamps[ends.last] <= range.startMs) return undefined;
  const first = { timestampMs: timestamps[ends.first], startMs: starts?.[ends.first] };
  if (range.isSmoothed && first.timestampMs > range.endMs) {
    const isKnown = beganAfter(range.startMs - lookbackMs, first) && !beganAfter(range.endMs, first);
    if (!isKnown) return undefined;
  }
  return ends;
}

interface Point {
  timeMs: number;
  value: number;
}

/** The value at a time between two points, on a straight line. After a reset a counter started at zero. */
function interpolate(before: Point, after: Point, timeMs: number, isCounter: boolean): number {
  const left = isCounter && after.value < before.value ? 0 : before.value;
  return left + ((after.value - left) * (timeMs - before.timeMs)) / (after.timeMs - before.timeMs);
}

/** The value of a gauge at a time between a sample and the next. */
export function valueBetween({ timestamps, values }: WindowFloats, index: number, timeMs: number): number {
  const before = { timeMs: timestamps[index], value: values[index] };
  const after = { timeMs: timestamps[index + 1], value: values[index + 1] };
  return interpolate(before, after, timeMs, false);
}

/** The values at the ends of a range that are not those of a counter. */
export function endValues(
  floats: WindowFloats,
  { first, last, startMs, endMs }: Ends,
  isSmoothed: boolean,
): { left: number; right: number } {
  const { timestamps, values } = floats;
  const isLeftBetween = isSmoothed && timestamps[first] < startMs;
  const isRightBetween = isSmoothed && last > 0 && timestamps[last] > endMs;
  return {
    left: isLeftBetween ? valueBetween(floats, first, startMs) : values[first],
    right: isRightBetween ? valueBetween(floats, last - 1, endMs) : values[last],
  };
}

/** A counter at an end of a range: its value, the time, and since when it counts, 0 when unknown. */
export interface CounterEnd extends Started {
  value: number;
}

/** Reads the ends of one window of a counter. */
export class CounterWindow {
  readonly #floats: WindowFloats;
  readonly #ends: Ends;
  readonly #isSmoothed: boolean;
  readonly #lookbackStartMs: number;

  constructor(floats: WindowFloats, ends: Ends, isSmoothed: boolean, lookbackMs: number) {
    this.#floats = floats;
    this.#ends = ends;
    this.#isSmoothed = isSmoothed;
    this.#lookbackStartMs = ends.startMs - lookbackMs;
  }

  sampleAt(index: number): CounterEnd {
    const { timestamps, values, starts } = this.#floats;
    return { timestampMs: timestamps[index], value: values[index], startMs: starts?.[index] ?? 0 };
  }

  left(): CounterEnd {
    const { first: index, startMs: timeMs } = this.#ends;
    const first = this.sampleAt(index);
    if (first.timestampMs === timeMs) return first;
    const startMs = knownAt(timeMs, first);
    if (first.timestampMs > timeMs) {
      return { timestampMs: timeMs, value: this.#valueBefore(first, timeMs), startMs };
    }
    const next = this.sampleAt(index + 1);
    let [before, after] = [pointOf(first), pointOf(next)];
    let since = startMs;
    if (beganAfter(timeMs, next)) after = { timeMs: next.startMs!, value: 0 };
    else if (beganAnew(first, next)) {
      before = { timeMs: next.startMs!, value: 0 };
      since = next.startMs!;
    }
    return { timestampMs: timeMs, value: this.#between(before, after, timeMs), startMs: since };
  }

  right(): CounterEnd {
    const { last: index, endMs: timeMs } = this.#ends;
    const last = this.sampleAt(index);
    const startMs = knownAt(timeMs, last);
    if (last.timestampMs <= timeMs) return { timestampMs: timeMs, value: last.value, startMs };
    if (index === 0) return { timestampMs: timeMs, value: this.#valueBefore(last, timeMs), startMs };
    const previous = this.sampleAt(index - 1);
    let [before, after] = [pointOf(previous), pointOf(last)];
    let since = startMs;
    if (beganAfter(timeMs, last)) {
      after = { timeMs: last.startMs!, value: 0 };
      since = previous.startMs!;
    } else if (beganAnew(previous, last)) before = { timeMs: last.startMs!, value: 0 };
    return { timestampMs: timeMs, value: this.#between(before, after, timeMs), startMs: since };
  }

  #between(before: Point, after: Point, timeMs: number): number {
    return this.#isSmoothed ? interpolate(before, after, timeMs, true) : before.value;
  }

  /** Before the first sample a counter had that value too, unless it is known to have begun at zero. */
  #valueBefore(sample: CounterEnd, timeMs: number): number {
    if (!beganAfter(this.#lookbackStartMs, sample)) return sample.value;
    if (beganAfter(timeMs, sample) || !this.#isSmoothed) return 0;
    return interpolate({ timeMs: sample.startMs!, value: 0 }, pointOf(sample), timeMs, true);
  }
}

/** Whether a counter began anew between two samples; not where both claim the same beginning. */
export function beganAnew(previous: Started, current: Started): boolean {
  return previous.startMs !== current.startMs && isStartReset(previous, current);
}

/** Whether a sample's count is known to have begun after a time, and before the sample. */
function beganAfter(timeMs: number, { timestampMs, startMs }: Started): boolean {
  return startMs !== undefined && startMs !== 0 && startMs > timeMs && startMs < timestampMs;
}

/** Since when a value at a time counts by a sample; unknown where that began later. */
function knownAt(timeMs: number, { startMs }: Started): number {
  return startMs === undefined || startMs > timeMs ? 0 : startMs;
}

function pointOf({ timestampMs, value }: CounterEnd): Point {
  return { timeMs: timestampMs, value };
}
