/**
 * The one entry: `topology <command>` for people, `topology run <component> FLAGS` for the processes of pods.
 */
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { CliCommand } from "./base/machine.ts";
import { IS_BUNDLED } from "./base/program-files.ts";
import type { Command } from "./base/system.ts";

/** What `topology run` can start. Each entry loads its room only. */
const COMPONENTS: Record<string, () => Promise<{ command: Command }>> = {
  collector: () => import("./collector/command.ts"),
  grafana: () => import("./grafana/command.ts"),
  // By the name of its image, and of its program.
  keda: () => import("./keda/command.ts"),
  "keda-operator": () => import("./keda/command.ts"),
  "kube-state-metrics": () => import("./kube-state-metrics/command.ts"),
  // The Collector by the name of its program.
  otelcol: () => import("./collector/command.ts"),
  prometheus: () => import("./prometheus/command.ts"),
  router: () => import("./router/command.ts"),
  "test-db": () => import("./test-db/command.ts"),
};

/** Without V8's last compiler, whose code alone is 5 MB resident in each process, and with a heap that grows late. */
const SMALL = ["--no-opt", "--optimize-for-size"];
/** What computes enough for all that V8 has (decisions/0009). */
const OPTIMIZED = "prometheus";

/** What people type. Each entry loads what it needs only. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<{ command: CliCommand }> }> = {
  up: { summary: "boot the whole topology", load: () => import("./cli/up.ts") },
  down: { summary: "stop it", load: () => import("./cli/down.ts") },
  doctor: {
    summary: "look for what makes autoscaling go wrong",
    load: () => import("./cli/doctor/doctor.ts"),
  },
  explain: { summary: "why a workload has its replicas", load: () => import("./cli/explain/explain.ts") },
  replay: {
    summary: "what KEDA and the HPA would have done on history",
    load: () => import("./cli/replay/replay.ts"),
  },
  test: { summary: "run scenarios in virtual time", load: () => import("./simulation/command.ts") },
  verify: {
    summary: "run scenarios against the live topology",
    load: () => import("./simulation/live/command.ts"),
  },
  promtool: {
    summary: "Prometheus' tools on our own engine",
    load: () => import("./prometheus/promtool/command.ts"),
  },
  status: { summary: "show what runs", load: () => import("./cli/status.ts") },
  simulate: {
    summary: "send tenants' requests and check the answers",
    load: () => import("./cli/simulate.ts"),
  },
};

/** Errors that the user can do something about: printed as a sentence, without a stack. */
const EXPECTED_ERRORS = new Set(["UsageError", "ManifestError", "ConfigError"]);

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "run") return runComponent(rest);
  const entry = COMMANDS[name];
  if (entry === undefined) {
    const isHelp = name === undefined || name === "help" || name === "--help";
    if (!isHelp) console.error(`unknown command "${name}"\n`);
    console[isHelp ? "log" : "error"](usage());
    return isHelp ? 0 : 2;
  }
  if (name === "up" && !IS_BUNDLED) await (await import("./base/bundle-programs.ts")).goOnInBundle(args);
  // Sources are stripped and compiled once: a command begins in a third of the time.
  enableCompileCache();
  const { createNodeMachine } = await import("./base/node-machine.ts");
  return (await entry.load()).command(rest, createNodeMachine());
}

async function runComponent([component, ...args]: string[]): Promise<number> {
  const load = COMPONENTS[component];
  if (load === undefined) {
    console.error(`unknown component "${component ?? ""}": there are ${Object.keys(COMPONENTS).join(", ")}`);
    return 2;
  }
  if (component !== OPTIMIZED) for (const flag of SMALL) setFlagsFromString(flag);
  const { createNodeSystem } = await import("./base/node-system.ts");
  return (await load()).command(args, createNodeSystem());
}

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: topology <command> [options]\n\n${lines.join("\n")}\n\ntopology <command> --help shows its options.`;
}

/** What the file system says when a folder cannot be used: full, read-only, somebody else's. */
const FILE_ERRORS = new Set(["EACCES", "EDQUOT", "EEXIST", "EISDIR", "ENOSPC", "ENOTDIR", "EPERM", "EROFS"]);

function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code, path } = error as NodeJS.ErrnoException;
  return EXPECTED_ERRORS.has(error.name) || (path !== undefined && FILE_ERRORS.has(code ?? ""));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(isExpected(error) ? `topology: ${error.message}` : error);
  process.exitCode = isExpected(error) ? 2 : 1;
}
