/** Puts the server together: store, discovery, scraping, engine and web, from flags and a configuration. */
import { hostname } from "node:os";
import type { HttpServer } from "../base/network.ts";
import type { System } from "../base/system.ts";
import { startAutoReload } from "./auto-reload.ts";
import { configChecksum } from "./config/config-checksum.ts";
import { loadConfigFile, scrapeConfigsOf } from "./config/load-config.ts";
import type { PrometheusConfig } from "./config/prometheus-config.ts";
import type { RemoteWriteConfig } from "./config/remote-config.ts";
import { ConfigError } from "./config/strict-yaml.ts";
import { formatBytes, formatDuration } from "./config/units.ts";
import { DiscoveryManager } from "./discovery/discovery-manager.ts";
import { checkFeatures } from "./feature-flags.ts";
import {
  DEFAULT_MAX_EXEMPLARS,
  type Flags,
  flagDefaults,
  languageOf,
  scrapeFeatures,
  walCompressionOf,
  walSegmentBytesOf,
} from "./flags.ts";
import { inertFlags, inertOptions } from "./inert-options.ts";
import { JsonLogFiles } from "./json-log-file.ts";
import { CONFIGURATION_UNSUCCESSFUL, Notifications, SHUTTING_DOWN, STARTING_UP } from "./notifications.ts";
import { Notifier } from "./notifier/notifier.ts";
import { EngineQueue } from "./promql/engine-queue.ts";
import { Engine } from "./promql/mod.ts";
import { loggedEngine, QueryLog } from "./query-log.ts";
import { ForwardingAppender } from "./remote/forwarding-appender.ts";
import { RemoteWriters } from "./remote/remote-writer.ts";
import { SeriesMetadata } from "./remote/series-metadata.ts";
import { RuleConcurrency } from "./rules/rule-concurrency.ts";
import { RuleManager } from "./rules/rule-manager.ts";
import { notificationsOf } from "./rules/rule-notifications.ts";
import { REPORT_METADATA } from "./scrape/report-metadata.ts";
import { ScrapeManager } from "./scrape/scrape-manager.ts";
import { ServerMetrics } from "./server-metrics.ts";
import type { PrometheusServer } from "./server-state.ts";
import { checkRuleFiles, configError } from "./startup-checks.ts";
import { StartupError } from "./startup-error.ts";
import { openTsdb, type Tsdb } from "./tsdb/mod.ts";
import { HttpMetrics } from "./web/http-metrics.ts";
import { createWebHandler } from "./web/http-server.ts";
import type { WebSecurity } from "./web/web-security.ts";

export interface RunningServer {
  addresses: { host: string; port: number }[];
  reload(): Promise<void>;
  /** Takes no more requests, ends scrapes, and makes everything acknowledged durable. */
  stop(): Promise<void>;
}

/** Requests under way when the server is asked to end get this long. */
const STOP_GRACE_MS = 3_000;

/** @throws StartupError, ConfigError, or an error of the store or the network */
export async function startServer(flags: Flags, system: System, quit: () => void): Promise<RunningServer> {
  const { clock, disk, env, log } = system;
  checkFeatures(flags.list("enable-feature"), log);
  for (const flag of inertFlags(flags)) log.warn(`${flag} has no effect`);
  const path = flags.text("config.file");
  const load = () => loadConfigFile(path, { disk, env, log, flagDefaults: flagDefaults(flags) });
  let config: PrometheusConfig;
  try {
    config = await load();
    await scrapeConfigsOf(config, disk);
  } catch (error) {
    throw configError(path, error);
  }
  await checkRuleFiles(config, flags, disk);
  const security = await webSecurityOf(flags, system);
  const metrics = new ServerMetrics(clock, flags);
  const httpMetrics = new HttpMetrics();
  const state = { config, tsdb: undefined as Tsdb | undefined };
  // Listening before the log is replayed: whoever asks meanwhile is told to wait instead of refused.
  let handle: ReturnType<typeof createWebHandler> | undefined;
  const listeners = await listen(flags, system, security, async (request) =>
    handle === undefined
      ? { status: 503, headers: { "content-type": "text/plain; charset=utf-8" }, body: "Service Unavailable" }
      : handle(request),
  );
  const startMs = clock.now();
  const notifications = new Notifications(clock, flags.number("web.max-notifications-subscribers"));
  notifications.add(STARTING_UP);
  let retention = retentionOf(flags, config);
  const tsdb = await openTsdb({
    directory: flags.text("storage.tsdb.path").replace(/\/$/, ""),
    disk,
    clock,
    random: system.random,
    log: log.with({ component: "tsdb" }),
    threads: system.threads,
    retentionMs: retention.timeMs,
    retentionBytes: retention.bytes,
    minBlockDurationMs: flags.duration("storage.tsdb.min-block-duration"),
    maxBlockDurationMs: flags.duration("storage.tsdb.max-block-duration") || undefined,
    observe: (work, seconds) => metrics.tsdb.observe(work, seconds),
    lockFile: !flags.boolean("storage.tsdb.no-lockfile"),
    walSegmentBytes: walSegmentBytesOf(flags),
    walCompression: walCompressionOf(flags),
    ...storeSettings(flags, config),
  }).catch(async (error) => {
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  });
  state.tsdb = tsdb;
  const directory = flags.text("storage.tsdb.path").replace(/\/$/, "");
  const remotes = new RemoteWriters({
    network: system.network,
    disk,
    clock,
    log,
    directory: `${directory}/remote-write`,
    metadata: () => scrape.metadata(),
    seriesMetadata: new SeriesMetadata(clock, () => [
      ...scrape.metadata(),
      ...REPORT_METADATA,
      ...[...tsdb.metadata()].map(([metric, entry]) => ({ metric, ...entry })),
    ]),
    metrics: metrics.remote,
  });
  const appendable = { appender: () => new ForwardingAppender(tsdb, remotes, metrics.ingest) };
  const scrape = new ScrapeManager({
    storage: appendable,
    network: system.network,
    disk,
    clock,
    log,
    metrics: metrics.scrape,
    features: scrapeFeatures(flags),
  });
  const timeoutMs = flags.duration("query.timeout");
  const evaluator = new Engine({
    queryable: tsdb,
    clock,
    lookbackMs: flags.duration("query.lookback-delta"),
    maxSamples: flags.number("query.max-samples"),
    timeoutMs,
    subqueryStepMs: () => state.config.global.evaluation_interval,
    parser: languageOf(flags),
    startTimestamps: flags.hasFeature("use-start-timestamps"),
    delayedNameRemoval: flags.hasFeature("promql-delayed-name-removal"),
    typeAndUnitLabels: flags.hasFeature("type-and-unit-labels"),
    stepStatistics: flags.hasFeature("promql-per-step-stats"),
  });
  const engine = new EngineQueue(evaluator, {
    clock,
    metrics: metrics.engine,
    maxConcurrent: flags.number("query.max-concurrency"),
    timeoutMs,
  });
  const externalUrl =
    flags.text("web.external-url").replace(/\/$/, "") || `http://${hostname()}:${listeners[0].port}`;
  const notifier = new Notifier({
    network: system.network,
    disk,
    clock,
    log: log.with({ component: "notifier" }),
    metrics: metrics.notifier,
    capacity: flags.number("alertmanager.notification-queue-capacity"),
    batchSize: flags.number("alertmanager.notification-batch-size"),
    drains: flags.boolean("alertmanager.drain-notification-queue-on-shutdown"),
  });
  const queryLog = new QueryLog();
  const queryLogs = new JsonLogFiles(disk, clock);
  const rules = new RuleManager(
    {
      engine,
      engineOf: (ruleGroup) => loggedEngine(engine, queryLog, clock, { ruleGroup }),
      parser: languageOf(flags),
      storage: { appender: appendable.appender, select: (...args) => tsdb.select(...args) },
      clock,
      log: log.with({ component: "rule manager" }),
      metrics: metrics.rules,
      concurrency: flags.hasFeature("concurrent-rule-eval")
        ? new RuleConcurrency(flags.number("rules.max-concurrent-evals"))
        : undefined,
      queryOffsetMs: () => state.config.global.rule_query_offset,
      externalUrl,
      notify: (alerts, rule) => notifier.send(notificationsOf(alerts, rule, externalUrl)),
      outageToleranceMs: flags.duration("rules.alert.for-outage-tolerance"),
      forGracePeriodMs: flags.duration("rules.alert.for-grace-period"),
      resendDelayMs: flags.duration("rules.alert.resend-delay"),
    },
    disk,
  );
  const discovering = { ...system, metrics: metrics.discovery };
  const notifyDiscovery = new DiscoveryManager("notify", discovering, log, (name, groups) =>
    notifier.update(name, groups),
  );
  const discovery = new DiscoveryManager("scrape", discovering, log, (job, groups) =>
    scrape.update(job, groups),
  );
  const server: PrometheusServer = {
    clock,
    log,
    flags,
    tsdb,
    appendable,
    remotes,
    scrape,
    rules,
    notifier,
    notifications,
    queryLog,
    instruments: metrics.instruments,
    ingest: metrics.ingest,
    remoteReads: metrics.remoteReads,
    externalUrl,
    port: listeners[0].port,
    status: {
      startMs,
      workingDirectory: process.cwd(),
      hostname: hostname(),
      reloadSucceeded: true,
      lastReloadMs: clock.now(),
    },
    get config() {
      return state.config;
    },
    get retention() {
      return retention;
    },
    disk,
    async reload() {
      log.info("Loading configuration file", { filename: path });
      try {
        await apply(await load());
        Object.assign(server.status, { reloadSucceeded: true, lastReloadMs: clock.now() });
        notifications.delete(CONFIGURATION_UNSUCCESSFUL);
        log.info("Completed loading of configuration file", { filename: path });
      } catch (error) {
        server.status.reloadSucceeded = false;
        notifications.add(CONFIGURATION_UNSUCCESSFUL);
        log.error("Error reloading config", { err: error });
        throw new ConfigError(
          `couldn't load configuration (--config.file=${JSON.stringify(path)}): ${(error as Error).message}`,
        );
      }
    },
  };

  async function apply(next: PrometheusConfig): Promise<void> {
    for (const section of ["remote_read", "tracing"] as const)
      if (hasContent(next[section])) log.warn(`${section} is not supported and has no effect`);
    for (const option of inertOptions(next)) log.warn(`${option} has no effect`);
    const configs = await scrapeConfigsOf(next, disk);
    const loadedRules = await rules.load(next);
    await remotes.reload((next.remote_write ?? []) as RemoteWriteConfig[], next.global.external_labels ?? {});
    await scrape.reload(configs);
    notifyDiscovery.reload(notifier.reload(next));
    await rules.apply(loadedRules);
    discovery.reload(new Map(configs.map((each) => [each.job_name, each])));
    await queryLogs.use([next.global.query_log_file]);
    queryLog.file = queryLogs.get(next.global.query_log_file);
    const kept = retentionOf(flags, next);
    if (kept.text !== retention.text) log.info("TSDB retention updated", { retention: kept.text });
    retention = kept;
    tsdb.reconfigure({
      ...storeSettings(flags, next),
      retentionMs: kept.timeMs,
      retentionBytes: kept.bytes,
    });
    state.config = next;
  }

  await apply(config);
  const autoReload = flags.boolean("config.auto-reload") || flags.hasFeature("auto-reload-config");
  const watching = autoReload
    ? await startAutoReload({
        clock,
        log,
        intervalMs: flags.duration("config.auto-reload-interval"),
        checksum: () => configChecksum(path, disk),
        reload: () => server.reload(),
      })
    : undefined;
  const hashSeed = new DataView(system.random.bytes(4).buffer).getInt32(0);
  handle = createWebHandler({
    server,
    engine,
    metrics: httpMetrics,
    quit,
    hashSeed,
    monotonic: () => clock.monotonic(),
  });
  notifications.delete(STARTING_UP);
  log.info("Server is ready to receive web requests.");
  return {
    addresses: listeners.map(({ host, port }) => ({ host, port })),
    reload: () => server.reload(),
    async stop() {
      watching?.cancel();
      notifications.add(SHUTTING_DOWN);
      notifications.close();
      discovery.stop();
      notifyDiscovery.stop();
      await Promise.all(listeners.map((listener) => listener.close(STOP_GRACE_MS)));
      await Promise.all([scrape.stop(), rules.stop()]);
      await notifier.stop();
      await remotes.stop();
      queryLog.file = undefined;
      await queryLogs.use([]);
      await tsdb.close();
    },
  };
}

function hasContent(section: unknown): boolean {
  return Array.isArray(section) ? section.length > 0 : section !== undefined;
}

function storeSettings(flags: Flags, config: PrometheusConfig) {
  return {
    outOfOrderTimeWindowMs: config.storage.tsdb?.out_of_order_time_window ?? 0,
    maxExemplars: flags.hasFeature("exemplar-storage")
      ? (config.storage.exemplars?.max_exemplars ?? DEFAULT_MAX_EXEMPLARS)
      : 0,
  };
}

/** The configuration's retention before the flags', and fifteen days when neither says anything. */
function retentionOf(
  flags: Flags,
  config: PrometheusConfig,
): { timeMs: number; bytes: number; text: string } {
  const configured = config.storage.tsdb?.retention;
  const { time: timeMs = 0, size: bytes = 0 } = configured ?? flags.retention;
  const parts = [...(timeMs > 0 ? [formatDuration(timeMs)] : []), ...(bytes > 0 ? [formatBytes(bytes)] : [])];
  return { timeMs, bytes, text: parts.join(" or ") };
}

/** @throws ConfigError */
async function webSecurityOf(flags: Flags, system: System): Promise<WebSecurity | undefined> {
  const path = flags.text("web.config.file");
  if (path === "") return undefined;
  const { openWebSecurity } = await import("./web/web-security.ts");
  try {
    return await openWebSecurity(path, system);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`Unable to validate web configuration file: ${error.message}`);
  }
}

function notListening(problem: string): StartupError {
  return new StartupError(1, "Unable to start web listener", { err: problem });
}

async function listen(
  flags: Flags,
  system: System,
  security: WebSecurity | undefined,
  handler: Parameters<System["network"]["serve"]>[1],
): Promise<HttpServer[]> {
  const listeners: HttpServer[] = [];
  for (const address of flags.list("web.listen-address")) {
    const match = /^(.*):(\d+)$/.exec(address);
    if (match === null || Number(match[2]) > 65_535) {
      const port = address.slice(address.lastIndexOf(":") + 1);
      throw notListening(
        match === null
          ? `listen tcp: address ${address}: missing port in address`
          : `listen tcp: address ${port}: invalid port`,
      );
    }
    const host = match[1].replace(/^\[(.*)\]$/, "$1") || "0.0.0.0";
    const options = { host, port: Number(match[2]), ...security?.serveOptions };
    const listener = await system.network
      .serve(options, security?.protect(handler) ?? handler)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EADDRINUSE") throw error;
        throw notListening(`listen tcp ${host}:${match[2]}: bind: address already in use`);
      });
    const about = { component: "web", address: `${listener.host}:${listener.port}` };
    system.log.info("Listening on", about);
    const isSecured = security?.hasTls ?? false;
    system.log.info(isSecured ? "TLS is enabled." : "TLS is disabled.", {
      ...about,
      http2: isSecured && security!.hasHttp2,
    });
    listeners.push(listener);
  }
  return listeners;
}
