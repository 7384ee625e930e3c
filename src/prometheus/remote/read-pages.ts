/** A selection of any size, in parts that fit into memory. */
import type { Matcher } from "../matcher.ts";
import type { Queryable, SelectHints, SeriesSamples, TimeRange } from "../storage.ts";

/** A part ends with the series by which it has so many samples: 16 MiB of times and values, and that series' rest. */
export const MAX_PAGE_SAMPLES = 1024 * 1024;

/** The series in the order of their labels, each as it is when its part is read: the store is free between parts. */
export async function* selectInPages(
  queryable: Queryable,
  matchers: Matcher[],
  range: TimeRange,
  hints: SelectHints,
  maxSamples = MAX_PAGE_SAMPLES,
): AsyncIterable<SeriesSamples> {
  let after: SelectHints["after"];
  for (;;) {
    const page = await queryable.select(matchers, range, { ...hints, after, maxSamples });
    yield* page;
    const samples = page.reduce((sum, { timestamps }) => sum + timestamps.length, 0);
    if (samples < maxSamples) return;
    after = page.at(-1)!.labels;
  }
}
