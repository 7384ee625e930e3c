/** Writes metric families in the Prometheus text format 0.0.4 and in OpenMetrics 1.0.0. */
import type { Span } from "../../model/histogram.ts";
import { formatGoFloat, formatOpenMetricsFloat } from "./go-float.ts";

export type FamilyType =
  | "counter"
  | "gauge"
  | "histogram"
  | "gaugehistogram"
  | "summary"
  | "info"
  | "stateset"
  | "unknown";

export interface ExposedExemplar {
  labels: Record<string, string>;
  value: number;
  timestampMs?: number;
}

export interface ExposedSample {
  /** What follows the family's name: "", "_total", "_bucket", "_sum", "_count", "_created". */
  suffix: string;
  labels: Readonly<Record<string, string>> | Iterable<readonly [string, string]>;
  value: number;
  timestampMs?: number;
  exemplar?: ExposedExemplar;
  /** Of a histogram's `_count`: its native buckets, which only protobuf has room for. */
  native?: ExposedBuckets;
}

/** The native buckets of a histogram whose counts are whole numbers. */
export interface ExposedBuckets {
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  positive: { spans: Span[]; deltas: number[] };
  negative: { spans: Span[]; deltas: number[] };
}

export interface MetricFamily {
  /** For counters without `_total`, as OpenMetrics has it. */
  name: string;
  type: FamilyType;
  help: string;
  unit?: string;
  samples: ExposedSample[];
}

export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The types that the old format lacks, and what stands for them there. */
const TEXT_TYPES: Partial<Record<FamilyType, string>> = {
  gaugehistogram: "histogram",
  info: "gauge",
  stateset: "gauge",
  unknown: "untyped",
};

export function writeTextFormat(families: Iterable<MetricFamily>): string {
  const lines: string[] = [];
  for (const family of families) {
    const name = family.type === "counter" ? `${family.name}_total` : family.name;
    if (family.help !== "") lines.push(`# HELP ${name} ${escapeHelp(family.help, false)}`);
    lines.push(`# TYPE ${name} ${TEXT_TYPES[family.type] ?? family.type}`);
    for (const sample of family.samples) {
      if (sample.suffix === "_created") continue;
      const time = sample.timestampMs === undefined ? "" : ` ${sample.timestampMs}`;
      lines.push(
        `${family.name}${sample.suffix}${labelText(sample.labels)} ${formatGoFloat(sample.value)}${time}`,
      );
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

export function writeOpenMetrics(families: Iterable<MetricFamily>): string {
  const lines: string[] = [];
  for (const family of families) {
    lines.push(`# TYPE ${family.name} ${family.type}`);
    if (family.unit) lines.push(`# UNIT ${family.name} ${family.unit}`);
    if (family.help !== "") lines.push(`# HELP ${family.name} ${escapeHelp(family.help, true)}`);
    for (const sample of family.samples) {
      const time = sample.timestampMs === undefined ? "" : ` ${sample.timestampMs / 1000}`;
      lines.push(
        `${family.name}${sample.suffix}${labelText(sample.labels)} ${formatOpenMetricsFloat(sample.value)}${time}${exemplarText(sample.exemplar)}`,
      );
    }
  }
  lines.push("# EOF\n");
  return lines.join("\n");
}

function exemplarText(exemplar: ExposedExemplar | undefined): string {
  if (exemplar === undefined) return "";
  const time = exemplar.timestampMs === undefined ? "" : ` ${exemplar.timestampMs / 1000}`;
  return ` # ${labelText(exemplar.labels) || "{}"} ${formatOpenMetricsFloat(exemplar.value)}${time}`;
}

function labelText(labels: ExposedSample["labels"]): string {
  const pairs = Symbol.iterator in labels ? [...labels] : Object.entries(labels);
  if (pairs.length === 0) return "";
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(",")}}`;
}

export function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))
    : value;
}

function escapeHelp(help: string, quotes: boolean): string {
  return help.replace(quotes ? /[\\"\n]/g : /[\\\n]/g, (character) =>
    character === "\n" ? "\\n" : `\\${character}`,
  );
}
