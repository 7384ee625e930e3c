/** Data that generated queries are asked over. */
import { createHistogram } from "../../../model/histogram.ts";
import { compareLabels, Labels } from "../../../model/labels.ts";

/** Off the round times of queries, so that no sample lies on the edge of a range: Prometheus 3 moved that edge. */
export const START_MS = Date.UTC(2026, 0, 5) + 137;
export const INTERVAL_MS = 15_000;
export const SAMPLES = 240;

/** A number from 0 up to, without, `below`. */
export type Next = (below: number) => number;

/** Counters with resets, gauges with gaps and NaN, buckets that only grow. */
export function generateData(
  next: Next,
  isLegacy: boolean,
): { labels: Labels; points: { timestampMs: number; value: number }[] }[] {
  const series: ReturnType<typeof generateData> = [];
  const add = (labels: Record<string, string>, value: (i: number) => number | undefined) => {
    const points = [];
    for (let i = 0; i < SAMPLES; i++) {
      const sample = value(i);
      if (sample === undefined) continue;
      points.push({ timestampMs: START_MS + i * INTERVAL_MS + next(40), value: sample });
    }
    series.push({ labels: Labels.of(labels), points });
  };
  for (const job of ["api", "db"]) {
    for (let pod = 0; pod < 3; pod++) {
      const labels = { job, pod: `${job}-${pod}`, zone: pod % 2 === 0 ? "a" : "b" };
      let count = 5000 + next(1000);
      const resetAt = isLegacy ? -1 : next(2 * SAMPLES);
      add(
        { __name__: "requests_total", ...labels },
        (i) => (count = i === resetAt ? next(5) : count + next(50)),
      );
      let errors = isLegacy ? 1000 : 0;
      add({ __name__: "errors_total", ...labels }, () => (errors += next(3)));
      const gapAt = next(SAMPLES);
      add({ __name__: "temperature", ...labels }, (i) =>
        i >= gapAt && i < gapAt + 40 ? undefined : next(20) === 0 ? Number.NaN : next(10_000) / 100 - 30,
      );
      add({ __name__: "up", ...labels }, () => (next(10) === 0 ? 0 : 1));
      add({ __name__: "node_info", ...labels, node: `n${next(3)}`, version: `v${pod}` }, () => 1);
      const instance = `${job}-${pod}`;
      add({ __name__: "load", job, instance }, () => next(10_000) / 7);
      // The version changes on the way, and the last pod has no such series at all.
      const versions = pod === 2 ? [] : [0, SAMPLES / 2];
      for (const from of versions) {
        const about = { job, instance, version: `v${from + next(2)}`, zone: labels.zone };
        add({ __name__: "target_info", ...about }, (i) => (i >= from && i < from + 130 ? 1 : undefined));
        add({ __name__: "build_info", ...about, go: `g${next(3)}` }, (i) =>
          i >= from && i < from + 100 ? 1 : undefined,
        );
      }
      const totals = new Map<string, number>();
      // Prometheus 3 extrapolates otherwise near zero.
      const base = isLegacy ? 1000 : 0;
      const counts = Array.from({ length: SAMPLES }, () => [next(9), next(5), next(3)]);
      ["0.1", "1", "+Inf"].forEach((le, bucket) => {
        add({ __name__: "latency_bucket", le, ...labels }, (i) => {
          const grown = counts[i]
            .slice(0, bucket + 1)
            .reduce((sum, one) => sum + one, totals.get(le) ?? base);
          totals.set(le, grown);
          return grown;
        });
      });
    }
  }
  // The order of refs is that of blocks then, too: over the head alone Prometheus takes series as they came.
  return series.sort((a, b) => compareLabels(a.labels, b.labels));
}

/** Native histograms whose buckets only grow. */
export function generateHistograms(next: Next) {
  return ["api-0", "api-1", "db-0"].map((pod) => {
    const counts = [1, 0, 2, 1];
    const points = Array.from({ length: SAMPLES }, (_, i) => {
      for (let bucket = 0; bucket < counts.length; bucket++) counts[bucket] += next(4);
      const count = counts.reduce((sum, each) => sum + each, 0);
      const positiveSpans = [{ offset: 0, length: counts.length }];
      const histogram = createHistogram({
        schema: 0,
        count,
        sum: count * 1.5,
        positiveSpans,
        positiveBuckets: [...counts],
      });
      return { timestampMs: START_MS + i * INTERVAL_MS, value: Number.NaN, histogram };
    });
    return { labels: Labels.of({ __name__: "sizes", job: pod.split("-")[0], pod }), points };
  });
}
