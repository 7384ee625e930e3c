/** `npm run bench -- simulation`: scenarios in virtual time and a replay of a week, against the time that each may take. */
import { type BenchOptions, type BenchResult, median } from "../measure.ts";
import { replaySeconds } from "./replay.bench.ts";
import { fleetDaySeconds, tenMinutesSeconds } from "./scenario.bench.ts";

export async function run({ rounds, only, log }: BenchOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const measure = async (name: string, limit: number, seconds: () => Promise<number[]>) => {
    if (!name.includes(only)) return;
    log(name);
    results.push({ name, unit: "s", ours: median(await seconds()), peers: {}, limit });
  };
  await measure("scenario of ten minutes, 20 tenants", 1, () => tenMinutesSeconds(Math.max(rounds, 5)));
  await measure("scenario of a day, 1,000 tenants, 100 pods (modelled)", 60, () => fleetDaySeconds(rounds));
  await measure("replay of seven days, 10,000 series, a variant", 10, () => replaySeconds(rounds, log));
  return results;
}
