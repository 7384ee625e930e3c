/** Scraping, once a second. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchPart, type Round, turnMeasurements, turnRound } from "./measurement.ts";
import { addresses, SERIES_PER_TARGET, startTargets } from "./scrape-targets.ts";
import { type ServerKind, startBenchServer } from "./servers.ts";

const SECONDS = 15;
/** The first scrapes make the series. */
const WARM_UP_MS = 4_000;
const WATCHED_MS = 3_000;

const CONFIG = `
- job_name: bench
  scrape_interval: 1s
  scrape_timeout: 1s
  static_configs: [{targets: [${addresses.map((address) => `"${address}"`).join(",")}]}]`;

export const scrape: BenchPart = {
  name: "scrape",
  measurements: [
    { name: "scrape, CPU", unit: "µs/sample", goals: { prometheus: 3 } },
    ...turnMeasurements("scrapes"),
  ],
  run: scrapeTargets,
};

async function scrapeTargets(kind: ServerKind): Promise<Round> {
  const targets = await startTargets();
  const server = await startBenchServer(kind, { scrapeConfig: CONFIG });
  try {
    await sleep(WARM_UP_MS);
    const before = targets.scrapes();
    const cpu = server.cpuSeconds();
    await sleep(SECONDS * 1000);
    const seconds = server.cpuSeconds() - cpu;
    const samples = (targets.scrapes() - before) * SERIES_PER_TARGET;
    const round: Round = { "scrape, CPU": (seconds / samples) * 1e6 };
    if (kind.family === "ours") {
      server.watchLoop();
      await sleep(WATCHED_MS);
      Object.assign(round, turnRound("scrapes", await server.longestTurn()));
    }
    return round;
  } finally {
    await server.stop();
    await targets.stop();
  }
}
