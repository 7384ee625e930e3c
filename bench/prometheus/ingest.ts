/** Remote write of series that are known, and queries on what was written. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchPart, type Round, turnMeasurements, turnRound } from "./measurement.ts";
import { QUERY_MEASUREMENTS, timeQueries, watchQueries } from "./queries.ts";
import { send } from "./remote-write.ts";
import { type ServerKind, startBenchServer } from "./servers.ts";
import { benchSeries, SAMPLES_PER_REQUEST, writeRequests } from "./workload.ts";

/** Three fifths of them are counters. */
const SERIES = 16_800;
const STEPS = 241;
const STEP_MS = 15_000;
/** VictoriaMetrics shows what it took after a second or two. */
const SETTLE_MS = 3_000;

export const ingest: BenchPart = {
  name: "ingest",
  measurements: [
    { name: "remote write, CPU", unit: "µs/sample", goals: { prometheus: 6, victoria: 1.5 } },
    { name: "remote write, wall", unit: "µs/sample", goals: { prometheus: 1, victoria: 1 } },
    { name: "remote write, resident", unit: "MB" },
    ...QUERY_MEASUREMENTS,
    ...turnMeasurements("a query"),
  ],
  run: ingestAndQuery,
};

async function ingestAndQuery(kind: ServerKind): Promise<Round> {
  const series = benchSeries(SERIES);
  const startMs = Math.floor(Date.now() / 1000) * 1000 - STEPS * STEP_MS;
  const requests = [...writeRequests(series, STEPS, startMs, STEP_MS)];
  const server = await startBenchServer(kind);
  try {
    // The first step makes the series; it is not part of the steady state.
    const first = Math.ceil(SERIES / SAMPLES_PER_REQUEST);
    await send(server, requests.slice(0, first));
    const cpu = server.cpuSeconds();
    const started = performance.now();
    await send(server, requests.slice(first));
    const wall = (performance.now() - started) / 1000;
    const samples = SERIES * (STEPS - 1);
    const round: Round = {
      "remote write, CPU": ((server.cpuSeconds() - cpu) / samples) * 1e6,
      "remote write, wall": (wall / samples) * 1e6,
      "remote write, resident": server.residentBytes() / 1e6,
    };
    await sleep(SETTLE_MS);
    const endS = Math.floor((startMs + (STEPS - 1) * STEP_MS) / 1000);
    Object.assign(round, await timeQueries(server, startMs / 1000, endS));
    if (kind.family === "ours")
      Object.assign(round, turnRound("a query", await watchQueries(server, startMs / 1000, endS)));
    return round;
  } finally {
    await server.stop();
  }
}
