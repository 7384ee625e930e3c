/** Puts the samples of one scraped body into a batch (`scrape/scrape_append_v2.go`). */
import type { FloatHistogram } from "../../model/histogram.ts";
import { MAX_SCHEMA, reduceToSchema } from "../../model/histogram-arithmetic.ts";
import { histogramProblem } from "../../model/histogram-problem.ts";
import { Labels } from "../../model/labels.ts";
import { customBucketEntries } from "../../wire/exposition/custom-bucket-entries.ts";
import { protobufEntries } from "../../wire/exposition/protobuf-entries.ts";
import { type ScrapedEntry, type ScrapedSample, textEntries } from "../../wire/exposition/scraped-entry.ts";
import { startTimeEntries } from "../../wire/exposition/start-time-entries.ts";
import { type ParsedExemplar, TextParser } from "../../wire/exposition/text-parser.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { AppendError, type Appender, InvalidHistogramError, type SeriesRef } from "../storage.ts";
import type { CachedSeries } from "./cached-series.ts";
import type { ScrapeFormat } from "./content-type.ts";
import { BucketLimitError, limitBuckets, maxSchemaOf } from "./histogram-limits.ts";
import { SampleLimitError, ScrapeLimitError, sampleLabels } from "./sample-labels.ts";
import type { ScrapeCache } from "./scrape-cache.ts";
import type { TargetMetadata } from "./target-metadata.ts";

export interface ScrapeCounts {
  /** Samples in the body. */
  scraped: number;
  /** Of these, what metric relabelling left. */
  added: number;
  /** Series that the scrape before did not have. */
  seriesAdded: number;
}

/** How a target's histograms are taken. */
export interface HistogramOptions {
  scrapeNative: boolean;
  alwaysScrapeClassic: boolean;
  convertClassic: boolean;
}

/** What feature flags add to the reading of all targets. */
export interface ScrapeFeatures {
  /** Metrics say since when they count; their `_created` samples are no series. */
  startTimes: boolean;
  /** A series begins with a zero at its start time. */
  startZeros: boolean;
  /** The metric's type and unit become labels. */
  typeAndUnitLabels: boolean;
}

export const NO_FEATURES: ScrapeFeatures = {
  startTimes: false,
  startZeros: false,
  typeAndUnitLabels: false,
};

export interface AppendContext {
  config: ScrapeConfig;
  features: ScrapeFeatures;
  histograms: HistogramOptions;
  targetLabels: Labels;
  cache: ScrapeCache;
  metadata: TargetMetadata;
  /** Counted while the body is read, so that a scrape that fails says how far it came. */
  counts: ScrapeCounts;
  /** Samples that the store refused, by reason; for the log and `/metrics`. */
  refused: Map<string, number>;
}

/** Samples may not be further in the future than this. */
export const MAX_AHEAD_MS = 10 * 60_000;

/**
 * @throws ExpositionError when the body is malformed: what was added so far is to be rolled back.
 * @throws ScrapeLimitError
 */
export function appendBody(
  body: Uint8Array,
  format: ScrapeFormat,
  appender: Appender,
  scrapeMs: number,
  context: AppendContext,
): void {
  const batch = new ScrapeBatch(appender, scrapeMs, context);
  context.cache.begin();
  const { convertClassic } = context.histograms;
  const { startTimes, typeAndUnitLabels } = context.features;
  if (format === "protobuf" || convertClassic || (startTimes && format === "openmetrics"))
    batch.addEntries(entriesOf(body, format, context));
  else batch.addText(new TextParser(body, { format, typeAndUnitLabels }));
  batch.finish();
}

function entriesOf(
  body: Uint8Array,
  format: ScrapeFormat,
  { histograms, features }: AppendContext,
): Iterable<ScrapedEntry> {
  const { scrapeNative, alwaysScrapeClassic, convertClassic } = histograms;
  const { startTimes, typeAndUnitLabels } = features;
  if (format !== "protobuf") {
    const entries = textEntries(new TextParser(body, { format, typeAndUnitLabels }));
    const timed = startTimes && format === "openmetrics" ? startTimeEntries(entries) : entries;
    return convertClassic ? customBucketEntries(timed, alwaysScrapeClassic) : timed;
  }
  return protobufEntries(body, {
    typeAndUnitLabels,
    ignoreNativeHistograms: !scrapeNative,
    keepClassicHistograms: alwaysScrapeClassic,
    convertClassicHistograms: convertClassic,
  });
}

/** For these the store leaves out the sample; for any other the scrape fails. */
const REFUSALS: ReadonlySet<string> = new Set([
  "out of order sample",
  "duplicate sample for timestamp",
  "out of bounds",
]);

/** What a sample may have besides its value and time. */
interface SampleExtras {
  histogram: FloatHistogram | undefined;
  hasIntegerCounts: boolean;
  exemplars: readonly ParsedExemplar[];
  /** Since when it counts; 0: unknown. */
  startMs: number;
}

class ScrapeBatch {
  readonly #appender: Appender;
  readonly #scrapeMs: number;
  readonly #context: AppendContext;
  readonly #maxSchema: number;
  readonly #sampleLimit: number;
  readonly #latestMs: number;
  /** Samples that count for the sample limit. */
  #appended = 0;
  #limitError: Error | undefined;

  constructor(appender: Appender, scrapeMs: number, context: AppendContext) {
    this.#appender = appender;
    this.#scrapeMs = scrapeMs;
    this.#context = context;
    this.#sampleLimit = context.config.sample_limit;
    this.#latestMs = scrapeMs + MAX_AHEAD_MS;
    this.#maxSchema = maxSchemaOf(context.config.native_histogram_min_bucket_factor);
  }

  /** The quick way: nothing is made for a sample that comes where it came the last time. */
  addText(parser: TextParser): void {
    const { cache } = this.#context;
    const { honor_timestamps: honorTimestamps } = this.#context.config;
    for (;;) {
      let entry = cache.expected(parser);
      if (entry === undefined) {
        const kind = parser.next();
        if (kind === "end") break;
        if (kind !== "series") {
          if (kind !== "comment")
            this.#context.metadata.set(
              kind,
              parser.metricName,
              kind === "type" ? parser.metricType : parser.text,
            );
          continue;
        }
        this.#context.counts.scraped++;
        entry = cache.lookup(parser, () => this.#newEntry(parser.labels()));
      } else this.#context.counts.scraped++;
      if (entry.labels === undefined) continue;
      const timestampMs = parser.hasTimestamp && honorTimestamps ? parser.timestampMs : undefined;
      const { exemplar } = parser;
      if (exemplar === undefined) this.#add(entry, parser.value, timestampMs);
      else
        this.#add(entry, parser.value, timestampMs, {
          histogram: undefined,
          hasIntegerCounts: false,
          exemplars: [exemplar],
          startMs: 0,
        });
    }
  }

  addEntries(entries: Iterable<ScrapedEntry>): void {
    const { cache, config, counts, features, metadata } = this.#context;
    for (const each of entries) {
      if (each.kind !== "sample") {
        if (each.kind !== "comment") metadata.set(each.kind, each.metricName, each.text);
        continue;
      }
      counts.scraped++;
      const entry = cache.lookupKey(each.key, () => this.#newEntry(each.labels()));
      if (entry.labels === undefined) continue;
      const timestampMs = config.honor_timestamps ? each.timestampMs : undefined;
      this.#add(entry, each.value, timestampMs, {
        histogram: each.histogram,
        hasIntegerCounts: each.hasIntegerCounts ?? false,
        exemplars: timed(each),
        startMs: features.startZeros ? each.startTimestampMs : 0,
      });
    }
  }

  /** @throws ScrapeLimitError when a limit on samples or buckets was passed on the way */
  finish(): void {
    if (this.#limitError !== undefined) throw this.#limitError;
  }

  #add(
    entry: CachedSeries,
    value: number,
    timestampMs: number | undefined,
    extras: SampleExtras | undefined = undefined,
  ): void {
    const { cache, counts, config } = this.#context;
    const wasScraped = entry.iteration === cache.iteration;
    const isNew = entry.ref === 0 || (!wasScraped && entry.iteration < cache.completed);
    entry.iteration = cache.iteration;
    const isAdded =
      wasScraped && timestampMs === undefined
        ? this.#refuse("duplicate sample for timestamp")
        : this.#append(entry, value, timestampMs ?? this.#scrapeMs, extras);
    if (isAdded) {
      if (timestampMs === undefined || config.track_timestamps_staleness) cache.track(entry);
      if (isNew && this.#limitError === undefined) counts.seriesAdded++;
    }
    // Those that were refused too: it is the number of samples that relabelling left.
    counts.added++;
  }

  /** Whether the store took the sample. */
  #append(entry: CachedSeries, value: number, atMs: number, extras: SampleExtras | undefined): boolean {
    try {
      const native = extras?.histogram === undefined ? undefined : this.#checkedHistogram(extras);
      if (this.#sampleLimit > 0 && ++this.#appended > this.#sampleLimit)
        throw new SampleLimitError("sample limit exceeded");
      if (atMs > this.#latestMs) return this.#refuse("out of bounds");
      if (extras !== undefined && extras.startMs !== 0)
        this.#appender.appendStart(entry.ref, entry.labels!, extras.startMs, atMs, native);
      entry.ref =
        native === undefined
          ? this.#appender.append(entry.ref, entry.labels!, atMs, value)
          : this.#appender.appendHistogram(entry.ref, entry.labels!, atMs, native);
    } catch (error) {
      return this.#refuseFor(error);
    }
    if (extras !== undefined)
      for (const exemplar of extras.exemplars) this.#appendExemplar(exemplar, entry, atMs);
    return true;
  }

  /** @throws BucketLimitError, InvalidHistogramError */
  #checkedHistogram({ histogram, hasIntegerCounts }: SampleExtras): FloatHistogram {
    // Where nothing coarser is asked for, a schema that is too fine is an error and not made coarser.
    const reduced = this.#maxSchema < MAX_SCHEMA ? reduceToSchema(histogram!, this.#maxSchema) : histogram!;
    const native = limitBuckets(reduced, this.#context.config.native_histogram_bucket_limit);
    const problem = histogramProblem(native, hasIntegerCounts);
    if (problem !== undefined) throw new InvalidHistogramError(problem);
    return native;
  }

  /** What an append has thrown: throws it again where the scrape fails by it. */
  #refuseFor(error: unknown): false {
    if (error instanceof ScrapeLimitError || error instanceof BucketLimitError) {
      // Reading goes on, so that it is known how many samples there are. The sample limit is told first.
      if (!(this.#limitError instanceof ScrapeLimitError)) this.#limitError = error;
      return false;
    }
    if (!(error instanceof AppendError && REFUSALS.has(error.reason))) throw error;
    return this.#refuse(error.reason);
  }

  #appendExemplar({ labels, value, timestampMs }: ParsedExemplar, entry: CachedSeries, atMs: number): void {
    const pairs: [string, string][] = [];
    for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i], labels[i + 1]]);
    const isTimedByScrape = timestampMs === undefined;
    const exemplar = { labels: Labels.of(pairs), value, timestampMs: timestampMs ?? atMs, isTimedByScrape };
    try {
      this.#appender.appendExemplar(entry.ref, entry.labels!, exemplar);
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      // The same exemplar comes with each scrape until the application has another.
      if (error.reason !== "duplicate exemplar") this.#refuse(error.reason);
    }
  }

  #refuse(reason: string): false {
    const { refused } = this.#context;
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
    return false;
  }

  /** Labels of a sample that was not seen before: those of the target added, relabelled and checked. */
  #newEntry(flat: readonly string[]): CachedSeries {
    const { targetLabels, config } = this.#context;
    const labels = sampleLabels(flat, targetLabels, config);
    return { labels, ref: 0 as SeriesRef, iteration: -1, tracked: -1 };
  }
}

/** A native histogram's exemplars need a time; in order, so that the store can compare them with those it has. */
function timed({ exemplars, histogram }: ScrapedSample): readonly ParsedExemplar[] {
  if (histogram === undefined || exemplars.length === 0) return exemplars;
  return exemplars
    .filter(({ timestampMs }) => timestampMs !== undefined)
    .sort((a, b) => a.timestampMs! - b.timestampMs! || a.value - b.value);
}
