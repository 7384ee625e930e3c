/** Series that are new, with one sample each: what a roll-out of everything does. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchPart, Round } from "./measurement.ts";
import { send } from "./remote-write.ts";
import { type ServerKind, startBenchServer } from "./servers.ts";
import { benchSeries, writeRequests } from "./workload.ts";

const SERIES = 100_000;
/** What a server put off is part of the cost. */
const SETTLE_MS = 2_000;

export const churn: BenchPart = {
  name: "churn",
  measurements: [
    { name: "new series, CPU", unit: "µs/series", goals: { prometheus: 1.2 } },
    { name: "new series, wall", unit: "µs/series" },
    { name: "new series, resident", unit: "KB/series", goals: { prometheus: 1 / 1.5 } },
  ],
  run: sendNewSeries,
};

async function sendNewSeries(kind: ServerKind): Promise<Round> {
  const requests = [...writeRequests(benchSeries(SERIES, "churn"), 1, Date.now() - 60_000, 1000)];
  const server = await startBenchServer(kind);
  try {
    const cpu = server.cpuSeconds();
    const resident = server.residentBytes();
    const started = performance.now();
    await send(server, requests);
    const wall = performance.now() - started;
    await sleep(SETTLE_MS);
    return {
      "new series, CPU": ((server.cpuSeconds() - cpu) / SERIES) * 1e6,
      "new series, wall": (wall / SERIES) * 1e3,
      "new series, resident": (server.residentBytes() - resident) / 1024 / SERIES,
    };
  } finally {
    await server.stop();
  }
}
