/** Since when counters count: resets that start timestamps tell of. */
import { quoteString } from "../parser/lexer.ts";
import type { RangeCall, RangeInput } from "../range-function.ts";

/** When a sample was taken and since when it counts; 0 is unknown, undefined that nobody asks. */
export interface Started {
  timestampMs: number;
  startMs: number | undefined;
}

/** Whether the counter began anew between two samples, by their start timestamps. */
export function isStartReset(previous: Started, current: Started): boolean {
  const start = current.startMs;
  // Unknown, invalid, or OpenTelemetry's "unknown start".
  if (start === undefined || start === 0 || start >= current.timestampMs) return false;
  if (start !== previous.timestampMs) return start > previous.timestampMs;
  // It began with the previous sample: a delta series, or one whose start was not known then.
  const previousStart = previous.startMs ?? 0;
  return previousStart !== 0 && previousStart < previous.timestampMs;
}

/** Whether a sample claims to count from before the previous one, though not from where that one counts. */
export function hasStartOverlap(previous: Started, current: Started): boolean {
  const start = current.startMs;
  return (
    start !== undefined && start !== 0 && start < previous.timestampMs && start !== (previous.startMs ?? 0)
  );
}

export function warnStartOverlap({ input, call }: { input: RangeInput; call: RangeCall }): void {
  const name = quoteString(input.labels.get("__name__"));
  call.annotations.warn(
    `sample has start time that overlaps with previous sample timestamp for metric ${name}`,
    call.positionOf(0),
    new Occurrences(),
  );
}

/** How many remarks were merged. */
class Occurrences {
  #count = 1;

  merge(other: Occurrences): void {
    this.#count += other.#count;
  }

  suffix(): string {
    return this.#count > 1 ? ` (${this.#count} occurrences)` : "";
  }
}
