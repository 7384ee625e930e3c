/** `npm run bench -- SUITE [--json FILE] [--rounds N] [--only PART] [--servers a,b]`: see bench/README.md. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { BenchOptions, BenchResult } from "./measure.ts";
import { printTable } from "./table.ts";

const SUITES: Record<string, () => Promise<{ run: (options: BenchOptions) => Promise<BenchResult[]> }>> = {
  collector: () => import("./collector/suite.ts"),
  kubernetes: () => import("./kubernetes/suite.ts"),
  prometheus: () => import("./prometheus/suite.ts"),
  simulation: () => import("./simulation/suite.ts"),
  telemetry: () => import("./telemetry/suite.ts"),
};

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
    `usage: npm run bench -- ${Object.keys(SUITES).join("|")} [--json FILE] [--rounds N] [--only PART] [--servers a,b]`,
  );
  process.exit(2);
}
const log = (line: string) => console.error(line);
log(`${cpus().length} × ${cpus()[0].model}, Node ${process.versions.node}`);
const suite = await load();
const results = await suite.run({
  rounds: Number(values.rounds),
  only: values.only,
  servers: values.servers.split(",").filter((each) => each !== ""),
  log,
});
printTable(results);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
