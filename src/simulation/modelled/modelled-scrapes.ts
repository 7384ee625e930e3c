/** In place of scraping a fleet's pods: what they export goes to the real Prometheus as remote write, each interval. */
import type { Clock } from "../../base/clock.ts";
import type { Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import { CONTENT_TYPE_V1 } from "../../wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import { SCRAPE_INTERVAL_MS } from "../scenario/fleet.ts";
import type { ModelledTenants } from "./modelled-tenants.ts";

const TIMEOUT_MS = 10_000;

export interface ModelledScrapesOptions {
  clock: Clock;
  network: Network;
  /** `http://prometheus:9090` */
  url: string;
  namespace: string;
  tenants: ModelledTenants;
  signal: AbortSignal;
}

/** Writes until the signal aborts. A pod that is gone gets the marker that a failed scrape would leave. */
export function startModelledScrapes(options: ModelledScrapesOptions): void {
  const { clock, network, url, namespace, tenants, signal } = options;
  const labels = new Map<string, Labels>();
  const labelsOf = (pod: string) => {
    let known = labels.get(pod);
    if (known === undefined) {
      const pairs = { __name__: "percolate_active_tenants", app: "test-db", job: "kubernetes-pods" };
      known = Labels.of({ ...pairs, namespace, pod, tier: "small", instance: `${pod}:8000` });
      labels.set(pod, known);
    }
    return known;
  };
  let before = new Set<string>();
  const write = async () => {
    const counts = tenants.activeByPod();
    const timestampMs = clock.now();
    const gone = [...before].filter((pod) => !counts.has(pod));
    const series = [
      ...[...counts].map(([pod, value]) => ({ pod, sample: { timestampMs, value } })),
      ...gone.map((pod) => ({ pod, sample: { timestampMs, value: 0, stale: true } })),
    ].map(({ pod, sample }) => ({ labels: labelsOf(pod), samples: [sample], histograms: [], exemplars: [] }));
    before = new Set(counts.keys());
    if (series.length === 0) return;
    const response = await network.fetch(`${url}/api/v1/write`, {
      method: "POST",
      headers: {
        "content-type": CONTENT_TYPE_V1,
        "content-encoding": "snappy",
        "x-prometheus-remote-write-version": "0.1.0",
      },
      body: snappyCompress(encodeWriteRequestV1({ series, metadata: [] })),
      timeoutMs: TIMEOUT_MS,
    });
    await response.bytes();
  };
  // A Prometheus that is away scrapes nothing either.
  const timer = clock.every(SCRAPE_INTERVAL_MS, () => void write().catch(() => {}));
  signal.addEventListener("abort", () => timer.cancel(), { once: true });
}
