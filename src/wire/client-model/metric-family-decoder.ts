/**
 * Reads metric families from a body in the protobuf exposition format: messages with their length in front
 * (`prompb/io/prometheus/client/decoder.go`). Metrics are decoded one at a time, as a family may have many.
 */
import { isUtf8 } from "../exposition/go-float.ts";
import { fieldOf, ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { readRepeated, readSint64 } from "../protobuf/repeated.ts";
import {
  CLIENT_METRIC_TYPES,
  type ClientBucket,
  type ClientBuckets,
  type ClientExemplar,
  type ClientHistogram,
  type ClientMetric,
  type ClientMetricFamily,
  createClientHistogram,
} from "./metric-family.ts";

/** Labels that one metric may have: upstream knows no limit, and a label set is compared label by label. */
export const MAX_LABELS_PER_METRIC = 10_000;

const decoder = new TextDecoder();
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A family whose metrics are still bytes. */
export interface MetricFamilyHeader extends Omit<ClientMetricFamily, "metrics"> {
  nameBytes: Uint8Array;
  helpBytes: Uint8Array;
  /** Start and end of each metric in the body, one after the other. */
  offsets: number[];
}

/** A metric, and where its labels stand: the same bytes are the same series. */
export interface DecodedMetric extends ClientMetric {
  /** Start and end of each label pair in the body. */
  labelOffsets: number[];
}

export class MetricFamilyDecoder {
  readonly #reader: ProtobufReader;
  /** Where the next family starts. */
  #next = 0;

  constructor(bytes: Uint8Array) {
    this.#reader = new ProtobufReader(bytes);
  }

  /**
   * The next family, or undefined at the end of the body.
   *
   * @throws ProtobufError
   */
  next(): MetricFamilyHeader | undefined {
    const reader = this.#reader;
    const start = this.#next;
    if (start >= reader.length) return undefined;
    reader.position = start;
    const length = reader.uint32();
    if (reader.position - start > 5) throw new ProtobufError("invalid varint encountered", "clientpb");
    const end = reader.position + length;
    if (end > reader.length)
      throw new ProtobufError(
        `insufficient length of buffer, expected at least ${end - start} bytes, got ${reader.length - start} bytes`,
        "clientpb",
      );
    this.#next = end;
    return readHeader(reader, end);
  }

  /**
   * The metric between two offsets of a family, without its labels.
   *
   * @throws ProtobufError
   */
  metric(start: number, end: number): DecodedMetric {
    this.#reader.position = start;
    return readMetric(this.#reader, end);
  }

  /**
   * The labels of a metric.
   *
   * @throws ProtobufError when a name or a value is not valid
   */
  labels({ labelOffsets }: DecodedMetric): string[] {
    const labels: string[] = [];
    for (let i = 0; i < labelOffsets.length; i += 2) {
      this.#reader.position = labelOffsets[i];
      readLabel(this.#reader, labelOffsets[i + 1], labels, true);
    }
    return labels;
  }
}

/** All of a body at once. */
export function decodeMetricFamilies(bytes: Uint8Array): ClientMetricFamily[] {
  const source = new MetricFamilyDecoder(bytes);
  const families: ClientMetricFamily[] = [];
  for (let header = source.next(); header !== undefined; header = source.next()) {
    const { name, help, type, unit, offsets } = header;
    const metrics: ClientMetric[] = [];
    for (let i = 0; i < offsets.length; i += 2) {
      const decoded = source.metric(offsets[i], offsets[i + 1]);
      const { labelOffsets: _, ...metric } = { ...decoded, labels: source.labels(decoded) };
      metrics.push(metric);
    }
    families.push({ name, help, type, unit, metrics });
  }
  return families;
}

/** A known field has the wire type that its definition says. */
function expect(tag: number, wireType: number, field: string): void {
  if ((tag & 7) !== wireType) throw new ProtobufError(`wrong wireType = ${tag & 7} for field ${field}`);
}

function message(reader: ProtobufReader, tag: number, end: number, field: string): number {
  expect(tag, 2, field);
  return reader.delimited(end);
}

function double(reader: ProtobufReader, tag: number, field: string): number {
  expect(tag, 1, field);
  return reader.double();
}

function readHeader(reader: ProtobufReader, end: number): MetricFamilyHeader {
  let nameBytes = NO_BYTES;
  let helpBytes = NO_BYTES;
  let unitBytes = NO_BYTES;
  let type = 0;
  const offsets: number[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    switch (fieldOf(tag)) {
      case 1:
        expect(tag, 2, "Name");
        nameBytes = reader.bytesField(end);
        break;
      case 2:
        expect(tag, 2, "Help");
        helpBytes = reader.bytesField(end);
        break;
      case 3:
        expect(tag, 0, "Type");
        type = reader.int32();
        break;
      case 4: {
        const stop = message(reader, tag, end, "Metric");
        offsets.push(reader.position, stop);
        reader.position = stop;
        break;
      }
      case 5:
        expect(tag, 2, "Unit");
        unitBytes = reader.bytesField(end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return {
    name: decoder.decode(nameBytes),
    nameBytes,
    help: decoder.decode(helpBytes),
    helpBytes,
    type: CLIENT_METRIC_TYPES[type] ?? type,
    unit: decoder.decode(unitBytes),
    offsets,
  };
}

function readMetric(reader: ProtobufReader, end: number): DecodedMetric {
  const metric: DecodedMetric = {
    labels: [],
    labelOffsets: [],
    timestampMs: 0,
    value: 0,
    startTimestampMs: 0,
  };
  while (reader.position < end) {
    const tag = reader.tag();
    switch (fieldOf(tag)) {
      case 1: {
        const stop = message(reader, tag, end, "Label");
        if (metric.labelOffsets.length >= 2 * MAX_LABELS_PER_METRIC)
          throw new ProtobufError(`more than ${MAX_LABELS_PER_METRIC} labels in a metric`);
        metric.labelOffsets.push(reader.position, stop);
        reader.position = stop;
        break;
      }
      case 2:
        readValue(reader, message(reader, tag, end, "Gauge"), metric);
        break;
      case 3:
        readCounter(reader, message(reader, tag, end, "Counter"), metric);
        break;
      case 4:
        readSummary(reader, message(reader, tag, end, "Summary"), metric);
        break;
      case 5:
        readValue(reader, message(reader, tag, end, "Untyped"), metric);
        break;
      case 6:
        expect(tag, 0, "TimestampMs");
        metric.timestampMs = reader.int64Number();
        break;
      case 7:
        metric.histogram ??= createClientHistogram();
        readHistogram(reader, message(reader, tag, end, "Histogram"), metric, metric.histogram);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return metric;
}

function readLabel(reader: ProtobufReader, end: number, into: string[], isChecked: boolean): void {
  let name = "";
  let value = "";
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field !== 1 && field !== 2) {
      reader.skip(tag, end);
      continue;
    }
    expect(tag, 2, field === 1 ? "Name" : "Value");
    const bytes = reader.bytesField(end);
    const text = decoder.decode(bytes);
    const isValid = isUtf8(bytes, 0, bytes.length) && (field === 2 || bytes.length > 0);
    if (isChecked && !isValid)
      throw new ProtobufError(`invalid label ${field === 1 ? "name" : "value"}: ${text}`);
    if (field === 1) name = text;
    else value = text;
  }
  reader.finish(end);
  into.push(name, value);
}

/** A gauge or an untyped metric. */
function readValue(reader: ProtobufReader, end: number, metric: ClientMetric): void {
  while (reader.position < end) {
    const tag = reader.tag();
    if (fieldOf(tag) === 1) metric.value = double(reader, tag, "Value");
    else reader.skip(tag, end);
  }
  reader.finish(end);
}

function readCounter(reader: ProtobufReader, end: number, metric: ClientMetric): void {
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1) metric.value = double(reader, tag, "Value");
    else if (field === 2) metric.exemplar = readExemplar(reader, message(reader, tag, end, "Exemplar"));
    else if (field === 3)
      metric.startTimestampMs = readTime(reader, message(reader, tag, end, "StartTimestamp"));
    else reader.skip(tag, end);
  }
  reader.finish(end);
}

function readSummary(reader: ProtobufReader, end: number, metric: ClientMetric): void {
  metric.summary ??= { sampleCount: 0, sampleSum: 0, quantiles: [] };
  const { summary } = metric;
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1) {
      expect(tag, 0, "SampleCount");
      summary.sampleCount = reader.uint64Number();
    } else if (field === 2) summary.sampleSum = double(reader, tag, "SampleSum");
    else if (field === 3) summary.quantiles.push(readQuantile(reader, message(reader, tag, end, "Quantile")));
    else if (field === 4)
      metric.startTimestampMs = readTime(reader, message(reader, tag, end, "StartTimestamp"));
    else reader.skip(tag, end);
  }
  reader.finish(end);
}

function readQuantile(reader: ProtobufReader, end: number): { quantile: number; value: number } {
  const result = { quantile: 0, value: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1) result.quantile = double(reader, tag, "Quantile");
    else if (field === 2) result.value = double(reader, tag, "Value");
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return result;
}

function readHistogram(
  reader: ProtobufReader,
  end: number,
  metric: ClientMetric,
  histogram: ClientHistogram,
): void {
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field >= 9 && field <= 14) {
      const side = field < 12 ? histogram.negative : histogram.positive;
      readBuckets(reader, tag, end, side, field < 12 ? "Negative" : "Positive");
    } else readHistogramField(reader, tag, end, metric, histogram);
  }
  reader.finish(end);
}

function readHistogramField(
  reader: ProtobufReader,
  tag: number,
  end: number,
  metric: ClientMetric,
  histogram: ClientHistogram,
): void {
  switch (fieldOf(tag)) {
    case 1:
      expect(tag, 0, "SampleCount");
      histogram.sampleCount = reader.uint64Number();
      break;
    case 2:
      histogram.sampleSum = double(reader, tag, "SampleSum");
      break;
    case 3:
      histogram.buckets.push(readBucket(reader, message(reader, tag, end, "Bucket")));
      break;
    case 4:
      histogram.sampleCountFloat = double(reader, tag, "SampleCountFloat");
      break;
    case 5:
      expect(tag, 0, "Schema");
      histogram.schema = reader.sint32();
      break;
    case 6:
      histogram.zeroThreshold = double(reader, tag, "ZeroThreshold");
      break;
    case 7:
      expect(tag, 0, "ZeroCount");
      histogram.zeroCount = reader.uint64Number();
      break;
    case 8:
      histogram.zeroCountFloat = double(reader, tag, "ZeroCountFloat");
      break;
    case 15:
      metric.startTimestampMs = readTime(reader, message(reader, tag, end, "StartTimestamp"));
      break;
    case 16:
      histogram.exemplars.push(readExemplar(reader, message(reader, tag, end, "Exemplars")));
      break;
    default:
      reader.skip(tag, end);
  }
}

/** Spans, deltas or counts of one side; deltas and counts packed or one by one. */
function readBuckets(
  reader: ProtobufReader,
  tag: number,
  end: number,
  { spans, deltas, counts }: ClientBuckets,
  side: string,
): void {
  const kind = fieldOf(tag) % 3;
  if (kind === 0) {
    const stop = message(reader, tag, end, `${side}Span`);
    const span = { offset: 0, length: 0 };
    while (reader.position < stop) {
      const inner = reader.tag();
      const field = fieldOf(inner);
      if (field === 1 || field === 2) expect(inner, 0, field === 1 ? "Offset" : "Length");
      if (field === 1) span.offset = reader.sint32();
      else if (field === 2) span.length = reader.uint32();
      else reader.skip(inner, stop);
    }
    reader.finish(stop);
    spans.push(span);
  } else if (kind === 1) {
    if ((tag & 7) !== 2) expect(tag, 0, `${side}Delta`);
    readRepeated(reader, tag, end, () => deltas.push(readSint64(reader)));
  } else {
    if ((tag & 7) !== 2) expect(tag, 1, `${side}Count`);
    readRepeated(reader, tag, end, () => counts.push(reader.double()));
  }
}

function readBucket(reader: ProtobufReader, end: number): ClientBucket {
  const bucket: ClientBucket = { cumulativeCount: 0, cumulativeCountFloat: 0, upperBound: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1) {
      expect(tag, 0, "CumulativeCount");
      bucket.cumulativeCount = reader.uint64Number();
    } else if (field === 2) bucket.upperBound = double(reader, tag, "UpperBound");
    else if (field === 3) bucket.exemplar = readExemplar(reader, message(reader, tag, end, "Exemplar"));
    else if (field === 4) bucket.cumulativeCountFloat = double(reader, tag, "CumulativeCountFloat");
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return bucket;
}

function readExemplar(reader: ProtobufReader, end: number): ClientExemplar {
  const exemplar: ClientExemplar = { labels: [], value: 0, timestampMs: undefined };
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1) {
      if (exemplar.labels.length >= 2 * MAX_LABELS_PER_METRIC)
        throw new ProtobufError(`more than ${MAX_LABELS_PER_METRIC} labels in an exemplar`);
      readLabel(reader, message(reader, tag, end, "Label"), exemplar.labels, false);
    } else if (field === 2) exemplar.value = double(reader, tag, "Value");
    else if (field === 3) exemplar.timestampMs = readTime(reader, message(reader, tag, end, "Timestamp"));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return exemplar;
}

/** `google.protobuf.Timestamp` in whole milliseconds. */
function readTime(reader: ProtobufReader, end: number): number {
  let seconds = 0;
  let nanos = 0;
  while (reader.position < end) {
    const tag = reader.tag();
    const field = fieldOf(tag);
    if (field === 1 || field === 2) expect(tag, 0, field === 1 ? "Seconds" : "Nanos");
    if (field === 1) seconds = reader.int64Number();
    else if (field === 2) nanos = reader.int32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return seconds * 1000 + Math.trunc(nanos / 1e6);
}
