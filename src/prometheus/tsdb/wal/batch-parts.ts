/**
 * A batch in the order in which it must be logged and applied. Records hold one kind of sample each, so a series with
 * samples of several kinds in one batch needs several records to keep them in order of time.
 */
import { PendingSamples } from "./pending-samples.ts";
import { type HistogramOfSeries, histogramRecordType } from "./wal-histogram-records.ts";

export interface BatchPart {
  samples: PendingSamples;
  histograms: HistogramOfSeries[];
}

/** The batch itself in the usual case; else the series of one kind first, then the others by time. */
export function batchParts(samples: PendingSamples, histograms: HistogramOfSeries[]): BatchPart[] {
  const mixed = mixedSeries(samples, histograms);
  if (mixed.size === 0) return [{ samples, histograms }];
  const plain: BatchPart = { samples: new PendingSamples(), histograms: [] };
  const rest: { timestampMs: number; add: (part: BatchPart) => void; kind: number }[] = [];
  const { refs, timestamps, words, length } = samples;
  for (let i = 0; i < length; i++) {
    const add = (part: BatchPart) =>
      part.samples.push(refs[i], -1, timestamps[i], words[2 * i], words[2 * i + 1]);
    if (mixed.has(refs[i])) rest.push({ timestampMs: timestamps[i], add, kind: 0 });
    else add(plain);
  }
  for (const sample of histograms) {
    const add = (part: BatchPart) => void part.histograms.push(sample);
    const kind = histogramRecordType(sample.histogram);
    if (mixed.has(sample.ref)) rest.push({ timestampMs: sample.timestampMs, add, kind });
    else add(plain);
  }
  const parts = [plain];
  let lastKind = -1;
  for (const { add, kind } of rest.sort((a, b) => a.timestampMs - b.timestampMs)) {
    if (kind !== lastKind) parts.push({ samples: new PendingSamples(), histograms: [] });
    add(parts[parts.length - 1]);
    lastKind = kind;
  }
  return parts;
}

/** Series that have samples of more than one kind. */
function mixedSeries(samples: PendingSamples, histograms: HistogramOfSeries[]): Set<number> {
  const mixed = new Set<number>();
  if (histograms.length === 0) return mixed;
  const kinds = new Map<number, number>();
  for (const { ref, histogram } of histograms) {
    const kind = histogramRecordType(histogram);
    if ((kinds.get(ref) ?? kind) !== kind) mixed.add(ref);
    kinds.set(ref, kind);
  }
  for (let i = 0; i < samples.length; i++) if (kinds.has(samples.refs[i])) mixed.add(samples.refs[i]);
  return mixed;
}
