/** `npm run bench -- collector`: what a data point costs on its way through the Collector. */
import type { BenchOptions, BenchResult } from "../measure.ts";
import { benchOtlp } from "./otlp.bench.ts";

export async function run({ rounds, log }: BenchOptions): Promise<BenchResult[]> {
  return benchOtlp(Math.max(rounds, 5), log);
}
