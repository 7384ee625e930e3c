/** What a remote-write request says, whichever version of the protocol carried it. */
import type { FloatHistogram } from "../../model/histogram.ts";
import type { Labels } from "../../model/labels.ts";

export interface WriteSample {
  timestampMs: number;
  /** When `stale` is set the value means nothing. */
  value: number;
  /** The sample is the marker for "this series has ended". */
  stale?: boolean;
  /** 0 or absent: unknown. Version 2 only. */
  startTimestampMs?: number;
}

export interface WriteHistogram {
  timestampMs: number;
  histogram: FloatHistogram;
  startTimestampMs?: number;
  /** The counts travel as integers (deltas), not as floats. */
  isInteger: boolean;
}

export interface WriteExemplar {
  labels: Labels;
  value: number;
  /** 0 when the sender gave none. */
  timestampMs: number;
}

/** Upstream's names of the metric types, by their number in the protocol. */
export const METRIC_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;

export interface WriteMetadata {
  type: string;
  help: string;
  unit: string;
}

export interface WriteSeries {
  labels: Labels;
  samples: WriteSample[];
  histograms: WriteHistogram[];
  exemplars: WriteExemplar[];
  /** Version 2 carries metadata with each series. */
  metadata?: WriteMetadata;
  /** Version 2: why the series' references can't be followed. Nothing of it is to be stored then. */
  problem?: string;
  /** Made of an OTLP request: the place of the metric in it. */
  metric?: number;
  /** Version 2: the same of exemplars, which are left out. */
  exemplarProblems?: string[];
}

export interface WriteRequest {
  series: WriteSeries[];
  /** Version 1 carries metadata by metric family. */
  metadata: (WriteMetadata & { metric: string })[];
}

/** `Content-Type` of the two versions. */
export const CONTENT_TYPE_V1 = "application/x-protobuf";
export const CONTENT_TYPE_V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
