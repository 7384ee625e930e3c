/** What a body in any exposition format says, entry by entry, where the format's own parser is not used as it is. */
import type { FloatHistogram } from "../../model/histogram.ts";
import type { ParsedExemplar, TextParser } from "./text-parser.ts";

export interface ScrapedMetadata {
  kind: "help" | "type" | "unit" | "comment";
  metricName: string;
  /** The help, the unit, the comment, or the type's name. */
  text: string;
}

export interface ScrapedSample {
  kind: "sample";
  /** Samples of one body with the same key have the same labels, and the other way round. */
  key: string;
  /**
   * `["__name__", name, label0, value0, …]` in the order written. Only valid until the next entry is asked for.
   *
   * @throws ExpositionError
   */
  labels(): string[];
  value: number;
  /** Set: the sample is a native histogram, and `value` means nothing. */
  histogram?: FloatHistogram;
  /** The histogram's counts came as whole numbers, so they have to add up. */
  hasIntegerCounts?: boolean;
  timestampMs: number | undefined;
  /** When counting began; 0: unknown. */
  startTimestampMs: number;
  exemplars: ParsedExemplar[];
}

export type ScrapedEntry = ScrapedMetadata | ScrapedSample;

const latin1 = new TextDecoder("latin1");

/** @throws ExpositionError */
export function* textEntries(parser: TextParser): Generator<ScrapedEntry> {
  for (;;) {
    const kind = parser.next();
    if (kind === "end") return;
    if (kind !== "series") {
      yield { kind, metricName: parser.metricName, text: kind === "type" ? parser.metricType : parser.text };
      continue;
    }
    yield {
      kind: "sample",
      key: latin1.decode(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd)),
      labels: () => parser.labels(),
      value: parser.value,
      timestampMs: parser.hasTimestamp ? parser.timestampMs : undefined,
      startTimestampMs: 0,
      exemplars: parser.exemplar === undefined ? [] : [parser.exemplar],
    };
  }
}
