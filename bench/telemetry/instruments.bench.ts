/**
 * What recording costs: our instruments, the OpenTelemetry SDK's and prom-client's, with three attributes and 1, 100 and
 * 10,000 tenants. Interleaved rounds in one process, medians: the machine drifts, ratios do not.
 */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type PeriodicExportingMetricReader,
  PeriodicExportingMetricReader as Reader,
} from "@opentelemetry/sdk-metrics";
import { Counter as PromCounter, Histogram as PromHistogram, Registry as PromRegistry } from "prom-client";
import { systemClock } from "../../src/base/clock.ts";
import { Registry, renderExposition } from "../../src/telemetry/mod.ts";
import type { BenchResult } from "../measure.ts";

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const NAMES = ["pod", "tier", "tenant_id"] as const;
/** Calls in one measurement. */
const CALLS = 400_000;
const SERIES_LIMIT = 20_000;

interface Labels extends Record<string, string> {
  pod: string;
  tier: string;
  tenant_id: string;
}

/** Nanoseconds a call. */
function nanoseconds(calls: number, work: (call: number) => void): number {
  const startMs = performance.now();
  for (let call = 0; call < calls; call++) work(call);
  return ((performance.now() - startMs) * 1e6) / calls;
}

/** Tenants in an order that no cache likes. */
function labelSets(tenants: number): { sets: Labels[]; order: Uint32Array } {
  const sets = Array.from({ length: tenants }, (_, index) => ({
    pod: "test-db-small-0",
    tier: "small",
    tenant_id: `tenant-${index}`,
  }));
  const order = Uint32Array.from(
    { length: 16_384 },
    (_, index) => Math.imul(index + 1, 0x9e3779b9) >>> 0,
  ).map((value) => value % tenants);
  return { sets, order };
}

function openTelemetry(): { provider: MeterProvider; reader: PeriodicExportingMetricReader } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new Reader({
    exporter,
    exportIntervalMillis: 3_600_000,
    cardinalityLimits: { default: SERIES_LIMIT },
  });
  return { provider: new MeterProvider({ readers: [reader] }), reader };
}

/** Every way to record, by name. */
function recorders(tenants: number): Record<string, (call: number) => void> {
  const { sets, order } = labelSets(tenants);
  // A fresh object for each call, as a request handler makes it.
  const fresh = (call: number): Labels => {
    const { pod, tier, tenant_id } = sets[order[call & 16_383]];
    return { pod, tier, tenant_id };
  };
  const options = { description: "", unit: "", labels: NAMES, seriesLimit: SERIES_LIMIT };
  const registry = new Registry(systemClock);
  const counter = registry.counter({ ...options, name: "c" });
  const histogram = registry.histogram({ ...options, name: "h" }, BOUNDS);
  const boundCounters = sets.map((labels) => counter.bind(labels));
  const boundHistograms = sets.map((labels) => histogram.bind(labels));
  const registers = [new PromRegistry()];
  const promCounter = new PromCounter({ name: "c", help: "c", labelNames: [...NAMES], registers });
  const promHistogram = new PromHistogram({
    name: "h",
    help: "h",
    labelNames: [...NAMES],
    buckets: BOUNDS,
    registers,
  });
  const promCounters = sets.map((labels) => promCounter.labels(labels));
  const meter = openTelemetry().provider.getMeter("bench");
  const otelCounter = meter.createCounter("c");
  const otelHistogram = meter.createHistogram("h", { advice: { explicitBucketBoundaries: BOUNDS } });
  return {
    "ours bound counter": (call) => boundCounters[order[call & 16_383]].add(1),
    "ours bound histogram": (call) => boundHistograms[order[call & 16_383]].record((call & 255) / 100),
    "ours counter": (call) => counter.add(1, fresh(call)),
    "ours histogram": (call) => histogram.record((call & 255) / 100, fresh(call)),
    "prom-client bound counter": (call) => promCounters[order[call & 16_383]].inc(1),
    "prom-client counter": (call) => promCounter.inc(fresh(call), 1),
    "prom-client histogram": (call) => promHistogram.observe(fresh(call), (call & 255) / 100),
    "OpenTelemetry counter": (call) => otelCounter.add(1, fresh(call)),
    "OpenTelemetry histogram": (call) => otelHistogram.record((call & 255) / 100, fresh(call)),
  };
}

/** What is compared with what, and how many times the peer should take at least. */
const COMPARISONS: [
  name: string,
  ours: string,
  peers: [peer: string, recorder: string, goals: Record<number, number>][],
][] = [
  [
    "bound counter",
    "ours bound counter",
    [
      ["prom-client", "prom-client bound counter", { 1: 30, 100: 30, 10000: 30 }],
      ["OpenTelemetry", "OpenTelemetry counter", { 1: 75, 100: 75, 10000: 75 }],
    ],
  ],
  [
    "counter",
    "ours counter",
    [
      ["prom-client", "prom-client counter", { 10000: 3 }],
      ["OpenTelemetry", "OpenTelemetry counter", { 10000: 6 }],
    ],
  ],
  ["bound histogram", "ours bound histogram", [["OpenTelemetry", "OpenTelemetry histogram", {}]]],
  [
    "histogram",
    "ours histogram",
    [
      ["prom-client", "prom-client histogram", {}],
      ["OpenTelemetry", "OpenTelemetry histogram", {}],
    ],
  ],
];

export function benchInstruments(rounds: number, log: (line: string) => void): BenchResult[] {
  return [1, 100, 10_000].flatMap((tenants) => {
    log(`recording, ${tenants} tenants`);
    const times = medians(recorders(tenants), rounds);
    return COMPARISONS.map(([name, ours, peers]) => ({
      name: `${name}, ${tenants} tenants`,
      unit: "ns",
      ours: times.get(ours)!,
      peers: Object.fromEntries(peers.map(([peer, recorder]) => [peer, times.get(recorder)!])),
      goals: Object.fromEntries(
        peers.filter(([, , goals]) => tenants in goals).map(([peer, , goals]) => [peer, goals[tenants]]),
      ),
    }));
  });
}

function medians(work: Record<string, (call: number) => void>, rounds: number): Map<string, number> {
  const samples = new Map(Object.keys(work).map((name) => [name, [] as number[]]));
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, call] of Object.entries(work)) {
      const time = nanoseconds(CALLS, call);
      if (round > 0) samples.get(name)!.push(time);
    }
  }
  return new Map([...samples].map(([name, list]) => [name, list.sort((a, b) => a - b)[list.length >> 1]]));
}

/** One scrape of 10,000 counter series. */
export async function benchScrape(rounds: number): Promise<BenchResult[]> {
  const { sets } = labelSets(10_000);
  const registry = new Registry(systemClock);
  const counter = registry.counter({
    name: "c",
    description: "",
    unit: "",
    labels: NAMES,
    seriesLimit: SERIES_LIMIT,
  });
  const register = new PromRegistry();
  const promCounter = new PromCounter({
    name: "c",
    help: "c",
    labelNames: [...NAMES],
    registers: [register],
  });
  for (const labels of sets) {
    counter.add(1, labels);
    promCounter.inc(labels, 1);
  }
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    let startMs = performance.now();
    renderExposition(registry.collect(), "text");
    ours.push(performance.now() - startMs);
    startMs = performance.now();
    await register.metrics();
    theirs.push(performance.now() - startMs);
  }
  const median = (list: number[]) => list.slice(1).sort((a, b) => a - b)[(list.length - 1) >> 1];
  return [
    {
      name: "a scrape of 10,000 series",
      unit: "ms",
      ours: median(ours),
      peers: { "prom-client": median(theirs) },
    },
  ];
}
