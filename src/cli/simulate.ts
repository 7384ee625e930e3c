/** `topology simulate`: tenants arrive, work and leave; says whether every one of them was served well. */
import type { CliCommand } from "../base/machine.ts";
import {
  duration,
  flag,
  helpText,
  integer,
  optionalText,
  parseOptions,
  positive,
  text,
  UsageError,
} from "./options.ts";
import { findRunning } from "./run-state.ts";
import { formatTable } from "./table.ts";
import { type LoadReport, runTenantLoad } from "./tenant-load.ts";

const OPTIONS = {
  tenants: integer("N", "how many tenants", 5, { min: 1, max: 100_000 }),
  rate: positive("R", "requests per second, all tenants together", 5),
  duration: duration("how long", 60_000),
  url: optionalText("URL", "the router (default: that of the running topology)"),
  "data-dir": text("DIR", "the topology's data directory", ".topology"),
  json: flag("the result as JSON"),
};

/** Exit code 0 when no request failed and every acknowledged write was read back, else 1. */
export const command: CliCommand = async (args, machine) => {
  const { print, clock } = machine;
  if (args.includes("--help")) {
    print(helpText("simulate [options]", "Sends tenants' requests and checks the answers.", OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  const url = values.url ?? (await findRunning(machine, values["data-dir"]))?.urls.Router;
  if (url === undefined)
    throw new UsageError(
      `no topology runs on ${values["data-dir"]}: start one with "topology up", or give --url`,
    );
  const tell = (line: string) => {
    if (!values.json) print(`${new Date(clock.now()).toISOString().slice(11, 19)}  ${line}\n`);
  };
  tell(`${values.tenants} tenants, ${values.rate} requests/s, ${values.duration / 1_000} s through ${url}`);
  const report = await runTenantLoad({
    network: machine.network,
    clock,
    random: machine.random,
    signal: machine.signal,
    url,
    tenants: values.tenants,
    rate: values.rate,
    durationMs: values.duration,
    onMove: (tenant, from, to) => tell(`${tenant}: ${from} → ${to}`),
    onFailure: (tenant, problem) => tell(`${tenant}: FAILED: ${problem}`),
  });
  const summary = summarize(report);
  print(
    values.json
      ? `${JSON.stringify({ ...summary, tenants: report.tenants }, null, 2)}\n`
      : `\n${describe(report, summary)}`,
  );
  return summary.failed === 0 && summary.lost === 0 ? 0 : 1;
};

interface Summary {
  requests: number;
  failed: number;
  written: number;
  lost: number;
  moves: number;
  p50Ms: number;
  p99Ms: number;
}

function summarize({ tenants, latenciesMs }: LoadReport): Summary {
  const sum = (value: (tenant: LoadReport["tenants"][number]) => number) =>
    tenants.reduce((total, tenant) => total + value(tenant), 0);
  const quantile = (q: number) =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(q * latenciesMs.length))] ?? Number.NaN;
  return {
    requests: sum(({ requests }) => requests),
    failed: sum(({ failures }) => failures),
    written: sum(({ written }) => written),
    lost: sum(({ lost }) => lost),
    moves: sum(({ pods }) => Math.max(0, pods.length - 1)),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** Tenants shown one by one; of more only the sums. */
const SHOWN_TENANTS = 20;

function describe(
  { tenants }: LoadReport,
  { requests, failed, written, lost, moves, p50Ms, p99Ms }: Summary,
): string {
  const rows = tenants
    .slice(0, SHOWN_TENANTS)
    .map((tenant) => [
      tenant.tenant,
      String(tenant.requests),
      String(tenant.failures),
      String(tenant.written),
      String(tenant.lost),
      tenant.pods.join(" → "),
    ]);
  const more = tenants.length > SHOWN_TENANTS ? `and ${tenants.length - SHOWN_TENANTS} more tenants\n` : "";
  return `${formatTable([["TENANT", "REQUESTS", "FAILED", "WRITTEN", "LOST", "PODS"], ...rows])}${more}
${requests} requests, ${failed} failed; median ${p50Ms.toFixed(1)} ms, 99th percentile ${p99Ms.toFixed(1)} ms
${written} writes acknowledged, ${written - lost} read back, ${lost} lost; tenants moved ${moves} times
`;
}
