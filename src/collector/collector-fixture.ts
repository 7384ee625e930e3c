/** For tests: a Collector over real sockets, on an address of their own. */
import { parse } from "yaml";
import { systemClock } from "../base/clock.ts";
import { systemDisk } from "../base/disk.ts";
import { createLogger } from "../base/log.ts";
import { createNodeNetwork } from "../base/node-network.ts";
import { seededRandom } from "../base/random.ts";
import { decodeConfig, FACTORIES, Service } from "./mod.ts";

export const network = createNodeNetwork(() => {});

/** Free ports of an address. */
export async function freePorts(host: string, count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => network.serve({ host, port: 0 }, () => ({ status: 200 }))),
  );
  await Promise.all(servers.map((server) => server.close()));
  return servers.map((server) => server.port);
}

/** Starts a Collector; `lines` is its log and what it prints. */
export async function startCollector(yaml: string): Promise<{ service: Service; lines: string[] }> {
  const lines: string[] = [];
  const log = createLogger({ clock: systemClock, format: "tab", write: (line) => lines.push(line) });
  const warn = (message: string) => log.warn(message);
  const config = decodeConfig(parse(yaml), {
    disk: systemDisk,
    providers: {},
    factories: FACTORIES,
    warn,
  });
  config.service.telemetry.metrics.level = "none";
  const service = new Service(config, FACTORIES, {
    log,
    clock: systemClock,
    random: seededRandom(1),
    network,
    disk: systemDisk,
    print: (text) => lines.push(text),
    memoryUsage: () => 0,
  });
  await service.start();
  return { service, lines };
}
