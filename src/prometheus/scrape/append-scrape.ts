/** Puts the samples of one scraped body into a batch (`scrape/scrape_append.go`). */
import { compareStrings, Labels, METRIC_NAME } from "../../model/labels.ts";
import { ExpositionError, TextParser } from "../../wire/exposition/text-parser.ts";
import { isValidLabelName, isValidMetricName, type NameValidation } from "../config/names.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";
import { AppendError, type Appender, type MetricMetadata, type SeriesRef } from "../storage.ts";
import type { CachedSeries, ScrapeCache } from "./scrape-cache.ts";

export interface ScrapeCounts {
  /** Samples in the body. */
  scraped: number;
  /** Of these, what metric relabelling left. */
  added: number;
  /** Series that the scrape before did not have. */
  seriesAdded: number;
}

export interface AppendContext {
  config: ScrapeConfig;
  targetLabels: Labels;
  cache: ScrapeCache;
  metadata: Map<string, MetricMetadata>;
  /** Samples that the store refused, by reason; for the log and `/metrics`. */
  refused: Map<string, number>;
}

/** A metric's help and type are kept for so many metrics of a target. */
export const MAX_METADATA_PER_TARGET = 10_000;

/** A scrape that breaks one of the configured limits counts as failed. */
export class ScrapeLimitError extends Error {}

/**
 * @throws ExpositionError when the body is malformed: what was added so far is to be rolled back.
 * @throws ScrapeLimitError
 */
export function appendText(
  body: Uint8Array,
  format: "text" | "openmetrics",
  appender: Appender,
  scrapeMs: number,
  context: AppendContext,
): ScrapeCounts {
  const { cache, config } = context;
  const parser = new TextParser(body, { format });
  const counts: ScrapeCounts = { scraped: 0, added: 0, seriesAdded: 0 };
  cache.begin(body.length);
  for (;;) {
    let entry = cache.expected(parser);
    if (entry === undefined) {
      const kind = parser.next();
      if (kind === "end") break;
      if (kind !== "series") {
        if (kind !== "comment") keepMetadata(parser, kind, context);
        continue;
      }
      entry = cache.lookup(parser, () => newEntry(parser.labels(), context));
    }
    counts.scraped++;
    if (entry.labels === undefined) continue;
    counts.added++;
    if (config.sample_limit > 0 && counts.added > config.sample_limit)
      throw new ScrapeLimitError("sample limit exceeded");
    appendSample(parser, entry, appender, scrapeMs, context, counts);
  }
  return counts;
}

function appendSample(
  parser: TextParser,
  entry: CachedSeries,
  appender: Appender,
  scrapeMs: number,
  context: AppendContext,
  counts: ScrapeCounts,
): void {
  const { config, cache, refused } = context;
  const hasTime = parser.hasTimestamp && config.honor_timestamps;
  const isNew = entry.iteration < cache.iteration - 1;
  entry.tracked = !hasTime || config.track_timestamps_staleness;
  entry.iteration = cache.iteration;
  try {
    entry.ref = appender.append(
      entry.ref,
      entry.labels!,
      hasTime ? parser.timestampMs : scrapeMs,
      parser.value,
    );
    entry.failed = false;
    if (isNew) counts.seriesAdded++;
  } catch (error) {
    if (!(error instanceof AppendError)) throw error;
    entry.failed = true;
    refused.set(error.reason, (refused.get(error.reason) ?? 0) + 1);
    return;
  }
  if (parser.exemplar !== undefined) appendExemplar(parser, entry, appender, scrapeMs, context);
}

function appendExemplar(
  parser: TextParser,
  entry: CachedSeries,
  appender: Appender,
  scrapeMs: number,
  { refused }: AppendContext,
): void {
  const { labels, value, timestampMs } = parser.exemplar!;
  const pairs: [string, string][] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i], labels[i + 1]]);
  const time = timestampMs ?? (parser.hasTimestamp ? parser.timestampMs : scrapeMs);
  try {
    appender.appendExemplar(entry.ref, entry.labels!, { labels: Labels.of(pairs), value, timestampMs: time });
  } catch (error) {
    if (!(error instanceof AppendError)) throw error;
    // The same exemplar comes with each scrape until the application has another.
    if (error.reason !== "duplicate exemplar")
      refused.set(error.reason, (refused.get(error.reason) ?? 0) + 1);
  }
}

function keepMetadata(parser: TextParser, kind: "help" | "type" | "unit", context: AppendContext): void {
  const { metadata } = context;
  let known = metadata.get(parser.metricName);
  if (known === undefined) {
    if (metadata.size >= MAX_METADATA_PER_TARGET) return;
    metadata.set(parser.metricName, (known = { type: "unknown", help: "", unit: "" }));
  }
  if (kind === "type") known.type = parser.metricType;
  else known[kind] = parser.text;
}

/** Labels of a sample that was not seen before: those of the target added, relabelled and checked. */
export function newEntry(flat: string[], context: AppendContext): CachedSeries {
  const entry: CachedSeries = {
    labels: undefined,
    ref: 0 as SeriesRef,
    iteration: -2,
    tracked: true,
    failed: false,
  };
  const { config, targetLabels } = context;
  const exposed = exposedLabels(flat);
  const merged = config.honor_labels ? honored(exposed, targetLabels) : renamed(exposed, targetLabels);
  const labels = relabel(merged, (config.metric_relabel_configs ?? []) as RelabelConfig[]);
  if (labels === undefined || labels.size === 0) return entry;
  checkLabels(labels, config);
  entry.labels = labels;
  return entry;
}

function exposedLabels(flat: string[]): Map<string, string> {
  const exposed = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) {
    if (exposed.has(flat[i]))
      throw new ExpositionError(`label name ${JSON.stringify(flat[i])} is not unique: invalid sample`);
    exposed.set(flat[i], flat[i + 1]);
  }
  return exposed;
}

/** The target's labels only where the sample has none. */
function honored(exposed: Map<string, string>, target: Labels): Labels {
  for (const [name, value] of target) if (!exposed.get(name)) exposed.set(name, value);
  return Labels.of(exposed);
}

/** The target's labels always; a sample's own of the same name becomes `exported_…`. */
function renamed(exposed: Map<string, string>, target: Labels): Labels {
  const conflicts: [string, string][] = [];
  for (const [name, value] of target) {
    const own = exposed.get(name);
    if (own) conflicts.push([name, own]);
    exposed.set(name, value);
  }
  conflicts.sort((a, b) => a[0].length - b[0].length || compareStrings(a[0], b[0]));
  for (const [name, value] of conflicts) {
    let free = name;
    do free = `exported_${free}`;
    while (exposed.get(free));
    exposed.set(free, value);
  }
  return Labels.of(exposed);
}

function checkLabels(labels: Labels, config: ScrapeConfig): void {
  const scheme = config.metric_name_validation_scheme as NameValidation;
  const metric = labels.get(METRIC_NAME);
  if (metric === "") throw new ExpositionError("metric name is missing");
  if (!isValidMetricName(metric, scheme))
    throw new ExpositionError(`invalid metric name or label names: ${labels}`);
  const {
    label_limit: limit,
    label_name_length_limit: nameLimit,
    label_value_length_limit: valueLimit,
  } = config;
  const shown = metric.slice(0, 50);
  if (limit > 0 && labels.size > limit)
    throw new ScrapeLimitError(
      `label_limit exceeded (metric: ${shown}, number of labels: ${labels.size}, limit: ${limit})`,
    );
  for (const [name, value] of labels) {
    if (!isValidLabelName(name, scheme))
      throw new ExpositionError(`invalid metric name or label names: ${labels}`);
    if (nameLimit > 0 && Buffer.byteLength(name) > nameLimit)
      throw new ScrapeLimitError(
        `label_name_length_limit exceeded (metric: ${shown}, label name: ${name.slice(0, 50)}, length: ${name.length}, limit: ${nameLimit})`,
      );
    if (valueLimit > 0 && Buffer.byteLength(value) > valueLimit)
      throw new ScrapeLimitError(
        `label_value_length_limit exceeded (metric: ${shown}, label name: ${name.slice(0, 50)}, value: ${JSON.stringify(value.slice(0, 50))}, length: ${value.length}, limit: ${valueLimit})`,
      );
  }
}
