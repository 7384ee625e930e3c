/** A Prometheus in virtual time, with other hosts beside it; for tests. */
import { silentLogger } from "../src/base/log.ts";
import type { HttpRequest, HttpResponse } from "../src/base/network.ts";
import { seededRandom } from "../src/base/random.ts";
import { Labels } from "../src/model/labels.ts";
import { parseFlags } from "../src/prometheus/flags.ts";
import { startServer } from "../src/prometheus/server.ts";
import { MemoryDisk } from "../src/simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../src/simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../src/simulation/virtual/virtual-network.ts";
import { createVirtualProcess } from "../src/simulation/virtual/virtual-process.ts";

export const SERVER = "127.13.1.1";
export const URL_BASE = `http://${SERVER}:9090`;

/** A server in virtual time, with other hosts beside it. */
export async function virtualPrometheus(
  config: string,
  files: Record<string, string> = {},
  features = "exemplar-storage",
) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  const disk = new MemoryDisk();
  for (const [path, text] of Object.entries({ "/etc/prometheus.yml": config, ...files }))
    await disk.writeFile(path, text);
  const random = seededRandom(1);
  const process = createVirtualProcess({
    clock,
    random,
    disk,
    network: network.host(SERVER),
    log: silentLogger,
  });
  const args = [
    "--config.file=/etc/prometheus.yml",
    "--storage.tsdb.path=/data",
    "--web.listen-address=0.0.0.0:9090",
    "--web.enable-remote-write-receiver",
    "--web.enable-lifecycle",
    "--web.enable-otlp-receiver",
    `--enable-feature=${features}`,
  ];
  const server = await startServer(parseFlags(args), process.system, () => {});
  const client = network.host("127.13.1.99");
  return {
    clock,
    network,
    disk,
    server,
    /** Serves a body that the test can change. */
    async target(address: string, body: { text: string | Uint8Array; type?: string; status?: number }) {
      const requests: HttpRequest[] = [];
      await network.host(address).serve({ host: address, port: 80 }, (request): HttpResponse => {
        requests.push(request);
        return {
          status: body.status ?? 200,
          headers: { "content-type": body.type ?? "text/plain" },
          body: body.text,
        };
      });
      return requests;
    },
    async get(path: string) {
      const response = await client.fetch(URL_BASE + path);
      const text = await response.text();
      return { status: response.status, text, headers: response.headers };
    },
    async post(path: string, body: Uint8Array | string, headers: Record<string, string> = {}) {
      const response = await client.fetch(URL_BASE + path, { method: "POST", body, headers });
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
    /** An instant query's result as text: `{labels} value` sorted. */
    async query(expression: string): Promise<string[]> {
      const { text } = await this.get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { data, error } = JSON.parse(text);
      if (error) throw new Error(error);
      if (data.resultType === "scalar") return [data.result[1]];
      return data.result
        .map(
          (row: { metric: Record<string, string>; value: [number, string] }) =>
            `${Labels.of(row.metric)} ${row.value[1]}`,
        )
        .sort();
    },
  };
}

/** A configuration with one job, `app`, and one target. */
export const scrapeConfigOf = (settings: string, target = "127.13.2.1") => `
global: {scrape_interval: 10s}
scrape_configs:
- job_name: app
  static_configs: [{targets: ["${target}"], labels: {pod: db-0}}]
${settings.replace(/^/gm, "  ")}
`;
