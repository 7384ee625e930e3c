/** Runs the discoverers of each job and hands on all groups of a job when some changed (`discovery/manager.go`). */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../base/log.ts";
import type { DiscoveryConfigs } from "../config/discovery-config.ts";
import type { DiscoveryPurpose } from "./discovery-metrics.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

interface Job {
  configs: DiscoveryConfigs;
  abort: AbortController;
  /** By discoverer and source. */
  groups: Map<string, TargetGroup>;
  /** A mechanism of it could not be set up. */
  hasFailed: boolean;
}

/** Groups of one job; a cluster with more is not what this is for. */
export const MAX_GROUPS_PER_JOB = 100_000;

export class DiscoveryManager {
  readonly #jobs = new Map<string, Job>();
  readonly #system: DiscoverySystem;
  readonly #log: Logger;
  readonly #onGroups: (job: string, groups: TargetGroup[]) => void;

  readonly #purpose: DiscoveryPurpose;

  constructor(
    purpose: DiscoveryPurpose,
    system: DiscoverySystem,
    log: Logger,
    onGroups: (job: string, groups: TargetGroup[]) => void,
  ) {
    this.#purpose = purpose;
    this.#system = system;
    this.#log = log.with({ component: `discovery manager ${purpose}` });
    this.#onGroups = onGroups;
  }

  /** Takes a new configuration; jobs whose discovery is the same are not disturbed, but told their groups again. */
  reload(jobs: ReadonlyMap<string, DiscoveryConfigs>): void {
    for (const [name, job] of this.#jobs) {
      const configs = jobs.get(name);
      if (configs !== undefined && isDeepStrictEqual(job.configs, discoveryOf(configs))) {
        this.#tell(name, job);
        continue;
      }
      this.#system.metrics.removeConfig(name, this.#purpose);
      job.abort.abort(new Error("configuration changed"));
      this.#jobs.delete(name);
    }
    for (const [name, configs] of jobs) if (!this.#jobs.has(name)) this.#start(name, discoveryOf(configs));
    this.#countFailed();
  }

  stop(): void {
    for (const job of this.#jobs.values()) job.abort.abort(new Error("shutting down"));
    this.#jobs.clear();
  }

  #start(name: string, configs: DiscoveryConfigs): void {
    const job: Job = { configs, abort: new AbortController(), groups: new Map(), hasFailed: false };
    this.#jobs.set(name, job);
    const receive = (id: string) => (groups: TargetGroup[]) => {
      if (this.#jobs.get(name) !== job) return;
      this.#system.metrics.receivedUpdates.add(1, this.#purpose);
      for (const group of groups) {
        const key = `${id}/${group.source}`;
        if (group.targets.length === 0) job.groups.delete(key);
        else if (job.groups.size < MAX_GROUPS_PER_JOB || job.groups.has(key)) job.groups.set(key, group);
        else this.#log.error("too many target groups", { job: name, limit: MAX_GROUPS_PER_JOB });
      }
      this.#tell(name, job);
    };
    receive("static")(
      (configs.static_configs ?? []).map((group, index) => ({
        source: String(index),
        targets: group!.targets.map((address) => ({ __address__: address })),
        labels: group!.labels ?? {},
      })),
    );
    this.#discoverers(name, configs)
      .then(async (discoverers) => {
        await Promise.all(
          discoverers.map(([id, discoverer]) => discoverer.run(receive(id), job.abort.signal)),
        );
      })
      .catch((error) => {
        if (job.abort.signal.aborted) return;
        job.hasFailed = true;
        this.#countFailed();
        this.#log.error("Cannot create service discovery", { job: name, err: error });
      });
  }

  #tell(name: string, job: Job): void {
    const { metrics, clock } = this.#system;
    const groups = [...job.groups.values()];
    const targets = groups.reduce((sum, group) => sum + group.targets.length, 0);
    metrics.discoveredTargets.set(targets, name, this.#purpose);
    metrics.updates.add(1, this.#purpose);
    metrics.lastUpdate.set(clock.now() / 1000, name, this.#purpose);
    this.#onGroups(name, groups);
  }

  #countFailed(): void {
    const failed = [...this.#jobs.values()].filter((job) => job.hasFailed).length;
    this.#system.metrics.failedConfigs.set(failed, this.#purpose);
  }

  /** Each mechanism is loaded when a configuration has it. */
  async #discoverers(job: string, configs: DiscoveryConfigs): Promise<[id: string, Discoverer][]> {
    const system = this.#system;
    const logOf = (discovery: string) => this.#log.with({ discovery, config: job });
    const found: [string, Discoverer][] = [];
    for (const [i, config] of (configs.file_sd_configs ?? []).entries()) {
      const { createFileDiscovery } = await import("./file-discovery.ts");
      found.push([`file${i}`, createFileDiscovery(config!, system, logOf("file"), job)]);
    }
    for (const [i, config] of (configs.http_sd_configs ?? []).entries()) {
      const { createHttpDiscovery } = await import("./http-discovery.ts");
      found.push([`http${i}`, createHttpDiscovery(config!, system, logOf("http"), job)]);
    }
    for (const [i, config] of (configs.dns_sd_configs ?? []).entries()) {
      const { createDnsDiscovery } = await import("./dns-discovery.ts");
      found.push([`dns${i}`, createDnsDiscovery(config!, system, logOf("dns"), job)]);
    }
    for (const [i, config] of (configs.kubernetes_sd_configs ?? []).entries()) {
      const { createKubernetesDiscovery } = await import("./kubernetes-discovery.ts");
      found.push([`kubernetes${i}`, await createKubernetesDiscovery(config!, system, logOf("kubernetes"))]);
    }
    return found;
  }
}

function discoveryOf(configs: DiscoveryConfigs): DiscoveryConfigs {
  const { static_configs, file_sd_configs, http_sd_configs, dns_sd_configs, kubernetes_sd_configs } = configs;
  return { static_configs, file_sd_configs, http_sd_configs, dns_sd_configs, kubernetes_sd_configs };
}
