/** What is remembered of one series of a target from one scrape to the next. */
import type { Labels } from "../../model/labels.ts";
import type { SeriesRef } from "../storage.ts";

export interface CachedSeries {
  /** undefined: relabelling drops it. */
  labels: Labels | undefined;
  /** 0: the store has never taken a sample of it. */
  ref: SeriesRef;
  /** The scrape that saw it last. */
  iteration: number;
  /** The last scrape that stored it with the scrape's time: when it is gone, a marker is due. */
  tracked: number;
}
