/** What a receiver says that it has written (`storage/remote/stats.go`). */
import type { HttpHeaders } from "../../base/network.ts";

export interface WrittenCounts {
  samples: number;
  histograms: number;
  exemplars: number;
}

/** Undefined where it says nothing of any kind. A count that is none is 0. */
export function writtenCounts(headers: HttpHeaders): WrittenCounts | undefined {
  const texts = (["samples", "histograms", "exemplars"] as const).map(
    (kind) => [kind, headers[`x-prometheus-remote-write-${kind}-written`] ?? ""] as const,
  );
  if (texts.every(([, text]) => text === "")) return undefined;
  return Object.fromEntries(
    texts.map(([kind, text]) => [kind, /^[+-]?\d+$/.test(text) ? Number(text) : 0]),
  ) as unknown as WrittenCounts;
}
