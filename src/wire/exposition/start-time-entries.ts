/**
 * OpenMetrics 1.0 has the time since when a counter, summary or histogram counts in a sample of its own, `_created`,
 * behind those of the metric. Here it is found for each of them (`OpenMetricsParser.StartTimestamp`).
 */
import type { ScrapedEntry, ScrapedSample } from "./scraped-entry.ts";

const CREATED = "_created";
/** The metric types that count from a time on, and the label that tells their series apart. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["counter", ""],
  ["summary", "quantile"],
  ["histogram", "le"],
]);

interface HeldSample {
  sample: ScrapedSample;
  name: string;
  /** Of labels without the name and the one that tells series of a metric apart. */
  key: string;
}

/**
 * The entries with start times, without the `_created` samples of metrics that have such. The samples of a metric
 * family are held back until it ends.
 */
export function* startTimeEntries(entries: Iterable<ScrapedEntry>): Generator<ScrapedEntry> {
  let family = "";
  let type = "";
  let held: HeldSample[] = [];
  for (const entry of entries) {
    if (entry.kind !== "sample") {
      yield* timed(held, family);
      held = [];
      if (entry.kind !== "comment") family = entry.metricName;
      if (entry.kind === "type") type = entry.text;
      yield entry;
    } else if (TYPES.has(type)) held.push(hold(entry, TYPES.get(type)!));
    else yield entry;
  }
  yield* timed(held, family);
}

function hold(sample: ScrapedSample, own: string): HeldSample {
  const labels = [...sample.labels()];
  const key: string[] = [];
  for (let i = 2; i < labels.length; i += 2) if (labels[i] !== own) key.push(labels[i], labels[i + 1]);
  return { sample: { ...sample, labels: () => labels }, name: labels[1], key: key.join("\xff") };
}

/** A metric's start is in the first `_created` sample that follows one of its own, and only where it is of the metric. */
function* timed(held: readonly HeldSample[], family: string): Generator<ScrapedSample> {
  let known = "";
  let startMs = 0;
  for (const [at, { sample, name, key }] of held.entries()) {
    if (name.endsWith(CREATED)) continue;
    const metric = `${name.slice(0, family.length)}\xff${key}`;
    if (metric !== known || startMs === 0) {
      const created = held.slice(at + 1).find((each) => each.name.endsWith(CREATED));
      const isOwn =
        created !== undefined && `${created.name.slice(0, -CREATED.length)}\xff${created.key}` === metric;
      known = isOwn ? metric : "";
      startMs = isOwn ? Math.trunc(created.sample.value * 1000) : 0;
    }
    yield { ...sample, startTimestampMs: startMs };
  }
}
