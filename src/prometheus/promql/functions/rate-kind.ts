/** What `rate`, `increase` and `delta` differ in. */
export interface RateKind {
  /** Drops in value are resets, and there is nothing below zero. */
  isCounter: boolean;
  /** Per second, rather than over the range. */
  isPerSecond: boolean;
}

/** A series is taken to end where samples would be missing for longer than this many average intervals. */
export const THRESHOLD_INTERVALS = 1.1;
