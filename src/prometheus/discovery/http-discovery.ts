/** Targets from a URL that answers groups in JSON (`discovery/http`). */
import type { Logger } from "../../base/log.ts";
import { statusLine } from "../../wire/status-line.ts";
import type { HttpDiscoveryConfig } from "../config/discovery-config.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import { createHttpClient } from "./http-client.ts";
import { createRefreshDiscovery } from "./refresh-discovery.ts";
import { requestError } from "./request-error.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";
import { decodeTargetGroups } from "./target-group-json.ts";

/** An answer may measure so much. */
export const MAX_TARGETS_RESPONSE_BYTES = 64 * 1024 * 1024;

export function createHttpDiscovery(
  config: HttpDiscoveryConfig,
  system: DiscoverySystem,
  log: Logger,
  job: string,
): Discoverer {
  const client = createHttpClient(config, system);
  const ask = async (signal: AbortSignal) => {
    const headers = {
      accept: "application/json",
      "user-agent": USER_AGENT,
      "x-prometheus-refresh-interval-seconds": String(config.refresh_interval / 1000),
    };
    const response = await client
      .request(config.url, { headers, timeoutMs: config.refresh_interval, signal })
      .catch((error) => {
        const failure = requestError("GET", config.url, error);
        if ((error as Error).name !== "TimeoutError") throw failure;
        throw new Error(`${failure.message} (Client.Timeout exceeded while awaiting headers)`);
      });
    const text = await response.text(MAX_TARGETS_RESPONSE_BYTES);
    if (response.status !== 200)
      throw new Error(`server returned HTTP status ${statusLine(response.status)}`);
    const type = response.headers["content-type"] ?? "";
    if (!/^application\/json(?:;\s*charset=("utf-8"|utf-8))?$/i.test(type))
      throw new Error(`unsupported content type ${JSON.stringify(type)}`);
    return groupsOf(config.url, text);
  };
  const options = { mechanism: "http", config: job, intervalMs: config.refresh_interval };
  return createRefreshDiscovery(system, log, options, async (signal) => {
    try {
      return await ask(signal);
    } catch (error) {
      if (!signal.aborted) system.metrics.httpFailures.add(1);
      throw error;
    }
  });
}

function groupsOf(url: string, text: string): TargetGroup[] {
  return decodeTargetGroups(text).map(({ targets, labels }, index) => ({
    source: `${url}:${index}`,
    targets: targets.map((address) => ({ __address__: address })),
    labels: { ...labels, __meta_url: url },
  }));
}
