/** The servers that are compared, started the same way: an empty directory, a scrape configuration, an address. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer } from "../measure.ts";

export type ServerName = "ours" | "prometheus" | "victoria";

export interface BenchServer extends ServerProcess {
  name: ServerName;
  /** Where it takes remote write. */
  writeUrl: string;
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Newest first; what is not installed is not compared with. */
const PROMETHEUS = ["/usr/local/bin/prometheus", "/usr/bin/prometheus"].find(existsSync);
const VICTORIA = ["/usr/local/bin/victoria-metrics", "/usr/bin/victoria-metrics"].find(existsSync);
const ADDRESSES: Record<ServerName, string> = {
  ours: "127.13.7.1:9090",
  prometheus: "127.13.7.2:9090",
  victoria: "127.13.7.3:9090",
};

export function installedServers(): ServerName[] {
  return ["ours", ...(PROMETHEUS ? ["prometheus" as const] : []), ...(VICTORIA ? ["victoria" as const] : [])];
}

/** @param scrapeConfig the `scrape_configs` section, as YAML */
export async function startBenchServer(name: ServerName, scrapeConfig = "[]"): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, `scrape_configs: ${scrapeConfig}\n`);
  const address = ADDRESSES[name];
  const url = `http://${address}`;
  const prometheusFlags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, "data")}`,
    `--web.listen-address=${address}`,
    "--web.enable-remote-write-receiver",
  ];
  const commands: Record<ServerName, string[]> = {
    ours: [process.execPath, MAIN, "run", "prometheus", ...prometheusFlags],
    prometheus: [PROMETHEUS ?? "", ...prometheusFlags],
    victoria: [
      VICTORIA ?? "",
      `-storageDataPath=${join(directory, "data")}`,
      `-httpListenAddr=${address}`,
      `-promscrape.config=${config}`,
      "-search.disableCache",
      "-retentionPeriod=1d",
    ],
  };
  const server = await startServer(commands[name], url, name === "victoria" ? "/health" : "/-/ready");
  return {
    ...server,
    name,
    writeUrl: `${url}/api/v1/write`,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
