/** Ours against Prometheus and VictoriaMetrics: the same data, one after the other, round by round. */
import { type BenchOptions, type BenchResult, median } from "../measure.ts";
import { churn } from "./churn.ts";
import { disk } from "./disk.ts";
import { ingest } from "./ingest.ts";
import type { BenchPart, Measurement, Round } from "./measurement.ts";
import { million } from "./million.ts";
import { scrape } from "./scrape.ts";
import { installedServers, type ServerKind } from "./servers.ts";

const PARTS: BenchPart[] = [ingest, churn, scrape, disk, million];

export async function run({ rounds, only, servers, log }: BenchOptions): Promise<BenchResult[]> {
  const installed = installedServers();
  const kinds = installed.filter(
    ({ name }) => servers.length === 0 || servers.some((s) => name.startsWith(s)),
  );
  log(`compared: ${kinds.map(({ name, program }) => `${name} (${program})`).join(", ")}`);
  const results: BenchResult[] = [];
  for (const part of PARTS) {
    if (!part.name.includes(only)) continue;
    const taking = kinds.filter(({ family }) => !part.without?.includes(family));
    const taken = new Map<ServerKind, Round[]>(taking.map((kind) => [kind, []]));
    for (let round = 0; round < Math.min(rounds, part.maxRounds ?? rounds); round++) {
      for (const kind of taking) {
        log(`${part.name}, round ${round + 1}: ${kind.name}`);
        taken.get(kind)!.push(await part.run(kind));
      }
    }
    results.push(...part.measurements.flatMap((measurement) => resultOf(measurement, taken)));
  }
  return results;
}

/** Medians over the rounds; nothing where ours was not measured. */
function resultOf({ name, unit, goals, limit }: Measurement, taken: Map<ServerKind, Round[]>): BenchResult[] {
  const result: BenchResult = { name, unit, ours: Number.NaN, peers: {}, goals: {}, limit };
  for (const [kind, rounds] of taken) {
    const values = rounds.map((round) => round[name]).filter((value) => value !== undefined);
    if (values.length === 0) continue;
    const least = values.length > 1 ? Math.min(...values) : undefined;
    if (kind.family === "ours") Object.assign(result, { ours: median(values), oursLeast: least });
    else {
      result.peers[kind.name] = median(values);
      if (least !== undefined) result.peersLeast = { ...result.peersLeast, [kind.name]: least };
    }
    const goal = goals?.[kind.family];
    if (goal !== undefined) result.goals![kind.name] = goal;
  }
  return Number.isNaN(result.ours) ? [] : [result];
}
