/** All scrape pools: one per scrape configuration, with a loop per target (`scrape/manager.go`). */
import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { createHttpClient, type HttpClient } from "../discovery/http-client.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type JsonLogFile, JsonLogFiles } from "../json-log-file.ts";
import type { MetricMetadata, Storage } from "../storage.ts";
import { NO_FEATURES, type ScrapeFeatures } from "./append-scrape.ts";
import { ScrapeLoop } from "./scrape-loop.ts";
import type { ScrapeMetrics } from "./scrape-metrics.ts";
import { type DroppedTarget, targetsOf } from "./target.ts";

export interface ScrapeManagerOptions {
  storage: Pick<Storage, "appender">;
  network: Network;
  disk: Disk;
  clock: Clock;
  log: Logger;
  metrics: ScrapeMetrics;
  /** @default none */
  features?: ScrapeFeatures;
}

export interface ScrapePool {
  readonly config: ScrapeConfig;
  readonly loops: ReadonlyMap<string, ScrapeLoop>;
  /** As many as the configuration keeps. */
  readonly dropped: readonly DroppedTarget[];
  /** All of them, kept or not. */
  readonly droppedCount: number;
  readonly groups: readonly TargetGroup[];
}

class Pool implements ScrapePool {
  readonly config: ScrapeConfig;
  readonly loops = new Map<string, ScrapeLoop>();
  dropped: DroppedTarget[] = [];
  droppedCount = 0;
  groups: TargetGroup[] = [];
  /** Stopped loops of the pool that this one replaces, until it is known which targets go on. */
  #predecessors: ScrapeLoop[] = [];
  readonly #client: HttpClient;
  readonly #options: ScrapeManagerOptions;
  readonly #log: Logger;

  readonly #failureLog: JsonLogFile | undefined;

  constructor(config: ScrapeConfig, options: ScrapeManagerOptions, failureLog: JsonLogFile | undefined) {
    this.config = config;
    this.#failureLog = failureLog;
    this.#options = options;
    this.#client = createHttpClient(config, options);
    this.#log = options.log.with({ component: "scrape manager", scrape_pool: config.job_name });
  }

  sync(groups: TargetGroup[]): void {
    const { clock, metrics } = this.#options;
    const started = clock.monotonic();
    const failures = this.#sync(groups);
    metrics.observeSync(this.config.job_name, (clock.monotonic() - started) / 1000, failures);
  }

  /** How many targets could not be made. */
  #sync(groups: TargetGroup[]): number {
    this.groups = groups;
    const { active, dropped, failures } = targetsOf(this.config, groups);
    for (const failure of failures) this.#log.error("Creating target failed", { err: failure });
    const keep = this.config.keep_dropped_targets;
    this.dropped = keep > 0 ? dropped.slice(0, keep) : dropped;
    this.droppedCount = dropped.length;
    const wanted = new Set<string>();
    for (const target of active) {
      const key = `${target.all.key}\n${target.url}`;
      wanted.add(key);
      const known = this.loops.get(key);
      if (known !== undefined) {
        // It is the same target, found with other words.
        known.target.discovered = target.discovered;
        continue;
      }
      const { storage, clock, network, metrics, features = NO_FEATURES } = this.#options;
      const loop = new ScrapeLoop({
        target,
        config: this.config,
        client: this.#client,
        network,
        storage,
        clock,
        log: this.#log,
        metrics,
        features,
        failureLog: this.#failureLog,
      });
      this.loops.set(key, loop);
      loop.start();
    }
    const continued = new Set(active.map((target) => target.labels.key));
    for (const [key, loop] of this.loops) {
      if (wanted.has(key)) continue;
      this.loops.delete(key);
      if (continued.has(loop.target.labels.key)) void loop.stop();
      else this.#end(loop);
    }
    this.#limitTargets(active.length);
    for (const loop of this.#predecessors) if (!continued.has(loop.target.labels.key)) this.#end(loop);
    this.#predecessors = [];
    return failures.length;
  }

  /** Where there are more targets than allowed, each of them counts as down. */
  #limitTargets(count: number): void {
    const { target_limit: limit } = this.config;
    const error =
      limit > 0 && count > limit
        ? new Error(`target_limit exceeded (number of targets: ${count}, limit: ${limit})`)
        : undefined;
    if (error !== undefined) this.#options.metrics.targetLimitExceeded.add(1);
    for (const loop of this.loops.values()) loop.forcedError = error;
  }

  #end(loop: ScrapeLoop): void {
    loop
      .stop()
      .then(() => loop.endSeries())
      .catch((error) => this.#log.error("Stopping a scrape loop failed", { err: error }));
  }

  /** Takes the place of a pool that was stopped. */
  replace(old: Pool): void {
    this.#predecessors = [...old.#predecessors, ...old.loops.values()];
  }

  async stop(): Promise<void> {
    await Promise.all([...this.loops.values()].map((loop) => loop.stop()));
  }

  /** The job is gone. To be called after `stop`. */
  async endSeries(): Promise<void> {
    await Promise.all([...this.loops.values(), ...this.#predecessors].map((loop) => loop.endSeries()));
  }
}

/** Changes of discovery within this time are taken together. */
const SYNC_DELAY_MS = 50;

export class ScrapeManager {
  readonly #pools = new Map<string, Pool>();
  readonly #options: ScrapeManagerOptions;
  readonly #pending = new Map<string, TargetGroup[]>();
  readonly #failureLogs: JsonLogFiles;
  #timer: Timer | undefined;

  constructor(options: ScrapeManagerOptions) {
    this.#options = options;
    this.#failureLogs = new JsonLogFiles(options.disk, options.clock);
  }

  get pools(): ReadonlyMap<string, ScrapePool> {
    return this.#pools;
  }

  /** What targets say of their metrics: the first one's word for each. */
  metadata(): (MetricMetadata & { metric: string })[] {
    const all = new Map<string, MetricMetadata>();
    for (const pool of this.#pools.values())
      for (const loop of pool.loops.values())
        for (const [metric, entry] of loop.metadata) if (!all.has(metric)) all.set(metric, entry);
    return [...all].map(([metric, entry]) => ({ metric, ...entry }));
  }

  /**
   * Takes a new configuration: pools whose configuration is the same go on undisturbed.
   *
   * @throws ConfigError when a client can't be made; nothing has changed then.
   */
  async reload(configs: readonly ScrapeConfig[]): Promise<void> {
    const fresh = new Map<string, Pool>();
    const logged = [...this.#pools.values()].map(({ config }) => config);
    await this.#failureLogs.use([...logged, ...configs].map((config) => config.scrape_failure_log_file));
    for (const config of configs) {
      const old = this.#pools.get(config.job_name);
      const same = old !== undefined && isDeepStrictEqual(old.config, config);
      const log = this.#failureLogs.get(config.scrape_failure_log_file);
      fresh.set(config.job_name, same ? old : this.#createPool(config, log, old !== undefined));
    }
    for (const [job, old] of this.#pools) {
      if (fresh.get(job) === old) continue;
      this.#pools.delete(job);
      const { clock, metrics } = this.#options;
      const started = clock.monotonic();
      await old.stop();
      const successor = fresh.get(job);
      if (successor === undefined) {
        metrics.removePool(job);
        await old.endSeries();
        continue;
      }
      successor.replace(old);
      const interval = formatGoDuration(successor.config.scrape_interval);
      metrics.observeReload(interval, (clock.monotonic() - started) / 1000);
    }
    for (const [job, pool] of fresh) this.#pools.set(job, pool);
    await this.#failureLogs.use(configs.map((config) => config.scrape_failure_log_file));
  }

  #createPool(config: ScrapeConfig, log: JsonLogFile | undefined, isReload: boolean): Pool {
    const { metrics } = this.#options;
    (isReload ? metrics.poolReloads : metrics.pools).add(1);
    try {
      return new Pool(config, this.#options, log);
    } catch (error) {
      (isReload ? metrics.poolReloadsFailed : metrics.poolsFailed).add(1);
      throw error;
    }
  }

  /** Takes all target groups of a job. */
  update(job: string, groups: TargetGroup[]): void {
    this.#pending.set(job, groups);
    this.#timer ??= this.#options.clock.after(SYNC_DELAY_MS, () => {
      this.#timer = undefined;
      for (const [name, latest] of this.#pending) this.#pools.get(name)?.sync(latest);
      this.#pending.clear();
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
    await this.#failureLogs.use([]);
  }
}
