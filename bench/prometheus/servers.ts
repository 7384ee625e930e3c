/** The servers that are compared, started the same way: a directory, a scrape configuration, an address. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer } from "../measure.ts";

export type ServerFamily = "ours" | "prometheus" | "victoria";

export interface ServerKind {
  family: ServerFamily;
  /** With its version, as the table shows it. */
  name: string;
  program: string;
  address: string;
}

export interface BenchServer extends ServerProcess {
  kind: ServerKind;
  /** Where it takes remote write. */
  writeUrl: string;
  /** Where its data are. */
  directory: string;
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** What is not installed is not compared with. */
const PEERS: [family: ServerFamily, program: string][] = [
  ["prometheus", "/usr/bin/prometheus"],
  ["prometheus", "/usr/local/bin/prometheus"],
  ["victoria", "/usr/bin/victoria-metrics"],
  ["victoria", "/usr/local/bin/victoria-metrics"],
];

/** Ours first. */
export function installedServers(): ServerKind[] {
  const ours: ServerKind = {
    family: "ours",
    name: "ours",
    program: process.execPath,
    address: "127.13.7.1:9090",
  };
  const peers = PEERS.filter(([, program]) => existsSync(program)).map(
    ([family, program], i): ServerKind => ({
      family,
      name: versionedName(family, program),
      program,
      address: `127.13.7.${i + 2}:9090`,
    }),
  );
  return [ours, ...peers];
}

/** With the version where the program knows it: one that was built without a stamp has that of its directory. */
function versionedName(family: ServerFamily, program: string): string {
  const text = execFileSync(program, ["--version"], { encoding: "utf8" });
  const version = /version (\d+\.\d+\.\d+)/.exec(text)?.[1];
  return `${family} ${version ?? `of ${dirname(program)}`}`;
}

export interface StartOptions {
  /** The `scrape_configs` section, as YAML. */
  scrapeConfig?: string;
  /** Data of an earlier run; undefined: an empty directory, removed when the server stops. */
  directory?: string;
}

export async function startBenchServer(kind: ServerKind, options: StartOptions = {}): Promise<BenchServer> {
  const { scrapeConfig = "[]" } = options;
  const directory = options.directory ?? makeDirectory();
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, `scrape_configs: ${scrapeConfig}\n`);
  const url = `http://${kind.address}`;
  const readyPath = kind.family === "victoria" ? "/health" : "/-/ready";
  const probe = kind.family === "ours";
  const server = await startServer(commandOf(kind, directory, config), url, readyPath, { probe });
  return {
    ...server,
    kind,
    directory,
    writeUrl: `${url}/api/v1/write`,
    async stop(signal) {
      await server.stop(signal);
      if (options.directory === undefined) removeDirectory(directory);
    },
  };
}

export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), "bench-prometheus-"));
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

function commandOf({ family, program, address }: ServerKind, directory: string, config: string): string[] {
  if (family === "victoria")
    return [
      program,
      `-storageDataPath=${join(directory, "data")}`,
      `-httpListenAddr=${address}`,
      `-promscrape.config=${config}`,
      "-search.disableCache",
      "-retentionPeriod=1d",
    ];
  const flags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, "data")}`,
    `--web.listen-address=${address}`,
    "--web.enable-remote-write-receiver",
    "--web.enable-admin-api",
  ];
  return family === "ours" ? [program, MAIN, "run", "prometheus", ...flags] : [program, ...flags];
}
