/** `npm run bench -- telemetry`: what instrumentation costs, against prom-client and the OpenTelemetry SDK. */
import type { BenchOptions, BenchResult } from "../measure.ts";
import { benchInstruments, benchScrape } from "./instruments.bench.ts";

export async function run({ rounds, log }: BenchOptions): Promise<BenchResult[]> {
  return [...benchInstruments(rounds, log), ...(await benchScrape(Math.max(rounds, 5)))];
}
