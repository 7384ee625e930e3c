/** What a request of remote write 1.0 holds, told without decoding it: for counters. */
import { ProtobufReader } from "../protobuf/reader.ts";

export interface RequestCounts {
  samples: number;
  exemplars: number;
  histograms: number;
  metadata: number;
  /** Of the samples, in milliseconds; 0 when there are none. */
  newestMs: number;
}

export function noRequestCounts(): RequestCounts {
  return { samples: 0, exemplars: 0, histograms: 0, metadata: 0, newestMs: 0 };
}

/** @throws ProtobufError */
export function countRequest(bytes: Uint8Array): RequestCounts {
  const reader = new ProtobufReader(bytes);
  const counts = noRequestCounts();
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag === 0x0a) countSeries(reader, reader.delimited(bytes.length), counts);
    else {
      if (tag === 0x1a) counts.metadata++;
      reader.skip(tag, bytes.length);
    }
  }
  reader.finish(bytes.length);
  return counts;
}

function countSeries(reader: ProtobufReader, end: number, counts: RequestCounts): void {
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x12) {
      counts.samples++;
      const stop = reader.delimited(end);
      while (reader.position < stop) {
        const inner = reader.tag();
        if (inner === 0x10) counts.newestMs = Math.max(counts.newestMs, reader.int64Number());
        else reader.skip(inner, stop);
      }
      reader.finish(stop);
      continue;
    }
    if (tag === 0x1a) counts.exemplars++;
    else if (tag === 0x22) counts.histograms++;
    reader.skip(tag, end);
  }
  reader.finish(end);
}
