/** The data of the benchmarks: what a hundred applications with a few hundred series each look like. */

import { seededRandom } from "../../src/base/random.ts";
import { Labels } from "../../src/model/labels.ts";
import type { WriteSeries } from "../../src/wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../src/wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../src/wire/snappy.ts";

export const SAMPLES_PER_REQUEST = 2_000;

/** Label sets: counters by pod and tenant, gauges, histogram buckets. */
export function benchSeries(count: number, prefix = "bench"): Labels[] {
  const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
  return Array.from({ length: count }, (_, i) => {
    const shared = {
      job: "app",
      instance: `10.0.${(i >> 8) & 255}.${i & 255}:8000`,
      namespace: "percolate-test",
      pod: `test-db-small-${i % 100}`,
      tier: ["small", "medium", "large"][i % 3],
    };
    if (i % 5 < 3)
      return Labels.of({ __name__: `${prefix}_requests_total`, ...shared, tenant_id: `tenant-${i}` });
    if (i % 5 === 3)
      return Labels.of({
        __name__: `${prefix}_duration_seconds_bucket`,
        ...shared,
        le: bounds[i % 12],
        id: `${i}`,
      });
    return Labels.of({ __name__: `${prefix}_active_tenants`, ...shared, id: `${i}` });
  });
}

/** Compressed requests: for each step, all series in requests of `SAMPLES_PER_REQUEST`. */
export function* writeRequests(
  series: Labels[],
  steps: number,
  startMs: number,
  stepMs: number,
): Generator<Uint8Array> {
  const random = seededRandom(1);
  const values = series.map(() => Math.floor(random.float() * 1000));
  for (let step = 0; step < steps; step++) {
    const timestampMs = startMs + step * stepMs;
    for (let from = 0; from < series.length; from += SAMPLES_PER_REQUEST) {
      const batch: WriteSeries[] = [];
      for (let i = from; i < Math.min(from + SAMPLES_PER_REQUEST, series.length); i++) {
        if (random.float() < 0.65)
          values[i] += i % 5 === 4 ? Math.round(random.float() * 4 - 2) : Math.floor(random.float() * 20);
        batch.push({
          labels: series[i],
          samples: [{ timestampMs, value: values[i] }],
          histograms: [],
          exemplars: [],
        });
      }
      yield snappyCompress(encodeWriteRequestV1({ series: batch, metadata: [] }));
    }
  }
}

/** An exposition body for `series` gauges and counters; about a third of the lines change from one to the next. */
export function expositionBody(series: number, version: number): string {
  const lines: string[] = [];
  for (let i = 0; i < series; i++) {
    if (i % 100 === 0) {
      lines.push(`# HELP bench_metric_${i / 100}_total What metric number ${i / 100} counts.`);
      lines.push(`# TYPE bench_metric_${i / 100}_total counter`);
    }
    const value = i % 20 < 7 ? i * 3 : i * 3 + version * (1 + (i % 7));
    lines.push(
      `bench_metric_${Math.floor(i / 100)}_total{tenant_id="tenant-${i % 100}",method="GET",status="200",tier="small"} ${value}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
