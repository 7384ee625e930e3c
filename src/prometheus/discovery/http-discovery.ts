/** Targets from a URL that answers groups in JSON (`discovery/http`). */
import type { Logger } from "../../base/log.ts";
import type { HttpDiscoveryConfig } from "../config/discovery-config.ts";
import type { DiscoverySystem } from "./discovery-manager.ts";
import { createHttpClient } from "./http-client.ts";
import { createRefreshDiscovery } from "./refresh-discovery.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

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
    const response = await client.request(config.url, {
      headers: {
        accept: "application/json",
        "user-agent": "Prometheus/3.14.0",
        "x-prometheus-refresh-interval-seconds": String(config.refresh_interval / 1000),
      },
      timeoutMs: config.refresh_interval,
      signal,
    });
    const text = await response.text(MAX_TARGETS_RESPONSE_BYTES);
    if (response.status !== 200) throw new Error(`server returned HTTP status ${response.status}`);
    const type = response.headers["content-type"] ?? "";
    if (!/^application\/json(?:;\s*charset=("utf-8"|utf-8))?$/i.test(type))
      throw new Error(`unsupported content type ${JSON.stringify(type)}`);
    return groupsOf(config.url, JSON.parse(text));
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

function groupsOf(url: string, value: unknown): TargetGroup[] {
  if (!Array.isArray(value)) throw new Error("the answer is not a list of target groups");
  return value.map((group: unknown, index) => {
    const { targets, labels = {} } = (group ?? {}) as { targets?: unknown; labels?: unknown };
    if (!Array.isArray(targets) || targets.some((each) => typeof each !== "string"))
      throw new Error(`nil target group item found (index ${index})`);
    return {
      source: `${url}:${index}`,
      targets: targets.map((address: string) => ({ __address__: address })),
      labels: { ...stringsOf(labels), __meta_url: url },
    };
  });
}

function stringsOf(labels: unknown): Record<string, string> {
  if (typeof labels !== "object" || labels === null) return {};
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
