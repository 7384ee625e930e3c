/** What a sample takes in a block: both write theirs for a snapshot of the same data. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BenchPart, Round } from "./measurement.ts";
import { send } from "./remote-write.ts";
import { type ServerKind, startBenchServer } from "./servers.ts";
import { benchSeries, writeRequests } from "./workload.ts";

const SERIES = 5_000;
/** Two hours: less than what Prometheus would cut into several blocks first. */
const STEPS = 480;
const STEP_MS = 15_000;

export const disk: BenchPart = {
  name: "disk",
  maxRounds: 1,
  without: ["victoria"],
  measurements: [
    { name: "block on disk", unit: "bytes/sample", goals: { prometheus: 1 / 1.05 } },
    { name: "of that, chunks", unit: "bytes/sample", goals: { prometheus: 1 / 1.05 } },
    { name: "of that, index", unit: "bytes/sample", goals: { prometheus: 1 / 1.05 } },
  ],
  run: writeSnapshot,
};

async function writeSnapshot(kind: ServerKind): Promise<Round> {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - STEPS * STEP_MS;
  const server = await startBenchServer(kind);
  try {
    await send(server, writeRequests(benchSeries(SERIES), STEPS, startMs, STEP_MS));
    const response = await fetch(`${server.url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
    const { data } = (await response.json()) as { data: { name: string } };
    return sizesOf(join(server.directory, "data", "snapshots", data.name));
  } finally {
    await server.stop();
  }
}

/** @param directory of blocks */
function sizesOf(directory: string): Round {
  let chunkBytes = 0;
  let indexBytes = 0;
  let samples = 0;
  for (const block of readdirSync(directory)) {
    const at = join(directory, block);
    const { stats } = JSON.parse(readFileSync(join(at, "meta.json"), "utf8")) as {
      stats: { numSamples: number };
    };
    samples += stats.numSamples;
    indexBytes += statSync(join(at, "index")).size;
    for (const segment of readdirSync(join(at, "chunks")))
      chunkBytes += statSync(join(at, "chunks", segment)).size;
  }
  if (samples !== SERIES * STEPS) throw new Error(`the snapshot has ${samples} samples`);
  return {
    "block on disk": (chunkBytes + indexBytes) / samples,
    "of that, chunks": chunkBytes / samples,
    "of that, index": indexBytes / samples,
  };
}
