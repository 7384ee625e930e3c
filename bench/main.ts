/** `npm run bench -- SUITE [--json FILE] [--rounds N] [--only NAME] [--servers a,b]`: see bench/README.md. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { BenchResult } from "./measure.ts";

const SUITES: Record<string, () => Promise<{ run: (options: BenchOptions) => Promise<BenchResult[]> }>> = {
  collector: () => import("./collector/suite.ts"),
  kubernetes: () => import("./kubernetes/suite.ts"),
  prometheus: () => import("./prometheus/suite.ts"),
  telemetry: () => import("./telemetry/suite.ts"),
};

export interface BenchOptions {
  rounds: number;
  /** Only the part with this name: `ingest`, `churn`, `scrape`. */
  only: string;
  /** Only these servers; empty: all that are installed. */
  servers: string[];
  log: (line: string) => void;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    servers: { type: "string", default: "" },
  },
});
const load = SUITES[positionals[0]];
if (load === undefined) {
  console.error(
    `usage: npm run bench -- ${Object.keys(SUITES).join("|")} [--json FILE] [--rounds N] [--only NAME] [--servers a,b]`,
  );
  process.exit(2);
}
const suite = await load();
const results = await suite.run({
  rounds: Number(values.rounds),
  only: values.only,
  servers: values.servers.split(",").filter((each) => each !== ""),
  log: (line) => console.error(line),
});
printTable(results);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);

/** One line a measurement: what ours took, and how many times that each peer took. Above 1, ours took less. */
function printTable(all: BenchResult[]): void {
  const rows = all.map(({ name, unit, ours, peers, goals }) => {
    const ratios = Object.entries(peers).map(([peer, value]) => {
      const goal = goals?.[peer];
      const verdict =
        goal === undefined ? "" : value / ours >= goal ? ` (goal ${goal}: met)` : ` (goal ${goal}: missed)`;
      return `${peer} ${value.toPrecision(3)} = ${(value / ours).toFixed(2)}x${verdict}`;
    });
    return [name, `${ours.toPrecision(3)} ${unit}`, ratios.join("; ")];
  });
  console.log("| Measurement | Ours | Peers, and how many times ours |\n|---|---|---|");
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
