/**
 * Puts classic histograms of the text formats together to native ones with custom buckets
 * (`model/textparse/nhcbparse.go`). A sample belongs to the histogram that is being collected as long as its name and
 * its labels but `le` are the same; the native histogram comes where the next metric begins.
 */
import { ClassicHistogram, histogramPartOf } from "../../model/classic-histogram.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { parseGoFloat } from "./go-float.ts";
import type { ScrapedEntry, ScrapedSample } from "./scraped-entry.ts";
import type { ParsedExemplar } from "./text-parser.ts";

interface Collected {
  name: string;
  /** Of labels without the name and `le`. */
  key: string;
  labels: string[];
  histogram: ClassicHistogram;
  timestampMs: number | undefined;
  startTimestampMs: number;
  exemplars: ParsedExemplar[];
}

/** @param keepClassic the classic series are answered too */
export function* customBucketEntries(
  entries: Iterable<ScrapedEntry>,
  keepClassic: boolean,
): Generator<ScrapedEntry> {
  let family = "";
  let type = "unknown";
  let collected: Collected | undefined;
  const finished = function* (): Generator<ScrapedEntry> {
    const histogram = collected === undefined ? undefined : converted(collected.histogram);
    if (histogram !== undefined) yield nativeSample(collected!, histogram);
    collected = undefined;
  };
  for (const entry of entries) {
    if (entry.kind !== "sample") {
      if (entry.kind === "type") {
        family = entry.metricName;
        type = entry.text;
      }
      yield* finished();
      yield entry;
      continue;
    }
    const labels = entry.labels();
    const { part, name } = histogramPartOf(labels[1]);
    const { bound, rest, key } = withoutBound(labels, name);
    if (collected !== undefined && (type !== "histogram" || collected.name !== name || collected.key !== key))
      yield* finished();
    const isPart = type === "histogram" && name === family && part !== undefined;
    if (!isPart || (part === "bucket" && Number.isNaN(bound))) {
      yield entry;
      continue;
    }
    collected ??= begin(name, key, rest, entry);
    if (part === "bucket") collected.histogram.setBucketCount(bound, entry.value);
    else if (part === "count") collected.histogram.setCount(entry.value);
    else collected.histogram.setSum(entry.value);
    collected.timestampMs = entry.timestampMs;
    collected.exemplars.push(...entry.exemplars);
    // They are the native histogram's now.
    if (keepClassic) yield { ...entry, exemplars: [] };
  }
  yield* finished();
}

function begin(name: string, key: string, labels: string[], entry: ScrapedSample): Collected {
  return {
    name,
    key,
    labels,
    histogram: new ClassicHistogram(),
    timestampMs: undefined,
    startTimestampMs: entry.startTimestampMs,
    exemplars: [],
  };
}

/** The histogram's own labels, and the bound; NaN where there is none that can be read. */
function withoutBound(labels: string[], name: string): { bound: number; rest: string[]; key: string } {
  let bound = Number.NaN;
  const rest = ["__name__", name];
  for (let i = 2; i < labels.length; i += 2) {
    if (labels[i] === "le") bound = parseGoFloat(labels[i + 1]) ?? Number.NaN;
    else rest.push(labels[i], labels[i + 1]);
  }
  const pairs: string[] = [];
  for (let i = 2; i < rest.length; i += 2) pairs.push(`${rest[i]}\xff${rest[i + 1]}`);
  return { bound, rest, key: pairs.sort().join("\xff") };
}

/** Undefined for a histogram that is none: its counts fall, or don't add up. */
function converted(histogram: ClassicHistogram): FloatHistogram | undefined {
  try {
    return histogram.toHistogram();
  } catch {
    return undefined;
  }
}

function nativeSample(collected: Collected, histogram: FloatHistogram): ScrapedSample {
  const { name, key, labels, timestampMs, startTimestampMs, exemplars } = collected;
  return {
    kind: "sample",
    key: `${name}\xff\xff${key}`,
    labels: () => labels,
    value: 0,
    histogram,
    timestampMs,
    startTimestampMs,
    exemplars,
  };
}
