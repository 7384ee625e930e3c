/** A million series: what they take of the memory, how soon they are back after a restart, and a compaction of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchPart, type Round, turnMeasurements, turnRound } from "./measurement.ts";
import { send } from "./remote-write.ts";
import {
  type BenchServer,
  makeDirectory,
  removeDirectory,
  type ServerKind,
  startBenchServer,
} from "./servers.ts";
import { benchSeries, writeRequests } from "./workload.ts";

const SERIES = 1_000_000;
const STEPS = 3;
const STEP_MS = 15_000;
/** Garbage collectors come to rest. */
const SETTLE_MS = 10_000;
/** With a sample that is so much newer, the head is longer than one and a half blocks: it is compacted. */
const AGE_MS = 3.5 * 3600_000;
const COMPACTION_TIMEOUT_MS = 300_000;

export const million: BenchPart = {
  name: "million",
  without: ["victoria"],
  measurements: [
    { name: "1M series, resident", unit: "MB", goals: { prometheus: 1 / 1.5 } },
    { name: "1M series, CPU to write 3 samples each", unit: "s" },
    { name: "restart with 1M series in the log, wall", unit: "s", goals: { prometheus: 1 } },
    { name: "restart with 1M series in the log, CPU", unit: "s" },
    { name: "1M series, resident after the restart", unit: "MB", goals: { prometheus: 1 / 1.5 } },
    ...turnMeasurements("1M new series"),
    ...turnMeasurements("the replay of 1M series"),
    ...turnMeasurements("count over 1M series"),
    ...turnMeasurements("the compaction of 1M series"),
  ],
  run: writeAndRestart,
};

async function writeAndRestart(kind: ServerKind): Promise<Round> {
  const directory = makeDirectory();
  try {
    const series = benchSeries(SERIES);
    const startMs = Math.floor(Date.now() / 1000) * 1000 - AGE_MS;
    const round = await write(kind, directory, writeRequests(series, STEPS, startMs, STEP_MS));
    const server = await startBenchServer(kind, { directory });
    try {
      round["restart with 1M series in the log, wall"] = server.readyMs / 1000;
      round["restart with 1M series in the log, CPU"] = server.cpuSeconds();
      if (server.startTurn !== undefined)
        Object.assign(round, turnRound("the replay of 1M series", server.startTurn));
      await sleep(SETTLE_MS);
      round["1M series, resident after the restart"] = server.residentBytes() / 1e6;
      if (kind.family === "ours") {
        Object.assign(round, await count(server, startMs / 1000));
        const newest = writeRequests(series, 1, startMs + AGE_MS, STEP_MS);
        Object.assign(round, await compact(server, newest));
      }
    } finally {
      await server.stop("SIGKILL");
    }
    return round;
  } finally {
    removeDirectory(directory);
  }
}

async function write(kind: ServerKind, directory: string, requests: Iterable<Uint8Array>): Promise<Round> {
  const server = await startBenchServer(kind, { directory });
  try {
    const cpu = server.cpuSeconds();
    if (kind.family === "ours") server.watchLoop();
    await send(server, requests);
    await sleep(SETTLE_MS);
    const round: Round = {
      "1M series, resident": server.residentBytes() / 1e6,
      "1M series, CPU to write 3 samples each": server.cpuSeconds() - cpu,
    };
    if (kind.family === "ours") Object.assign(round, turnRound("1M new series", await server.longestTurn()));
    return round;
  } finally {
    // Not asked to end: what a restart reads is the log alone.
    await server.stop("SIGKILL");
  }
}

async function count(server: BenchServer, timeS: number): Promise<Round> {
  server.watchLoop();
  const query = encodeURIComponent('count({job="app"})');
  const response = await fetch(`${server.url}/api/v1/query?query=${query}&time=${timeS}`);
  const text = await response.text();
  if (!text.includes(`"${SERIES}"`)) throw new Error(`count answered ${text.slice(0, 300)}`);
  return turnRound("count over 1M series", await server.longestTurn());
}

async function compact(server: BenchServer, requests: Iterable<Uint8Array>): Promise<Round> {
  await send(server, requests);
  server.watchLoop();
  const started = performance.now();
  while (!(await hasCompacted(server))) {
    if (performance.now() - started > COMPACTION_TIMEOUT_MS) throw new Error("no compaction came");
    await sleep(1_000);
  }
  return turnRound("the compaction of 1M series", await server.longestTurn());
}

/** Whether a block was written and the head was cut back after that. */
async function hasCompacted(server: BenchServer): Promise<boolean> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return /^prometheus_tsdb_head_truncations_total [1-9]/m.test(text);
}
