/** Targets from DNS records (`discovery/dns`). */
import type { Logger } from "../../base/log.ts";
import { systemResolver } from "../../base/resolver.ts";
import type { DnsDiscoveryConfig } from "../config/discovery-config.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import { createRefreshDiscovery } from "./refresh-discovery.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

export function createDnsDiscovery(
  config: DnsDiscoveryConfig,
  system: DiscoverySystem,
  log: Logger,
  job: string,
): Discoverer {
  const { metrics } = system;
  const resolver = system.resolver ?? systemResolver;
  const type = config.type.toUpperCase();
  const target = (host: string, port: number) =>
    host.includes(":") ? `[${host}]:${port}` : `${host.replace(/\.$/, "")}:${port}`;
  const lookup = async (name: string): Promise<TargetGroup> => {
    const base = { __meta_dns_name: name };
    if (type === "SRV") {
      const records = await resolver.resolveSrv(name);
      const targets = records.map((record) => ({
        ...base,
        __address__: target(record.name, record.port),
        __meta_dns_srv_record_target: `${record.name}.`,
        __meta_dns_srv_record_port: String(record.port),
      }));
      return { source: name, targets, labels: {} };
    }
    const hosts = await resolver.resolve(name, type as "A" | "AAAA" | "MX" | "NS");
    const label =
      type === "MX"
        ? "__meta_dns_mx_record_target"
        : type === "NS"
          ? "__meta_dns_ns_record_target"
          : undefined;
    const targets = hosts.map((host) => ({
      ...base,
      __address__: target(host, config.port),
      ...(label === undefined ? {} : { [label]: `${host}.` }),
    }));
    return { source: name, targets, labels: {} };
  };
  /** A name that can't be asked for now stands for what it stood for before. */
  const lastGood = new Map<string, TargetGroup>();
  const options = { mechanism: "dns", config: job, intervalMs: config.refresh_interval };
  return createRefreshDiscovery(system, log, options, async () => {
    metrics.dnsLookups.add(config.names.length);
    const results = await Promise.allSettled(config.names.map(lookup));
    return results.flatMap((result, index) => {
      const name = config.names[index];
      const found = result.status === "fulfilled" ? result.value : noSuchName(name, result.reason);
      if (found !== undefined) lastGood.set(name, found);
      else if (result.status === "rejected") {
        metrics.dnsLookupFailures.add(1);
        log.error("Error refreshing DNS targets", { name, err: result.reason });
      }
      return lastGood.get(name) ?? [];
    });
  });
}

/** That there is no such name, or nothing of the kind, is an answer: undefined for other failures. */
function noSuchName(name: string, error: unknown): TargetGroup | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTFOUND" || code === "ENODATA" ? { source: name, targets: [], labels: {} } : undefined;
}
