/** What the parts of a server count of themselves, all of it. */
import type { Clock } from "../base/clock.ts";
import { DiscoveryMetrics } from "./discovery/discovery-metrics.ts";
import type { Flags } from "./flags.ts";
import { Gauge, type Instrument } from "./metrics/instruments.ts";
import { NotifierMetrics } from "./notifier/notifier-metrics.ts";
import { EngineMetrics } from "./promql/engine-metrics.ts";
import { IngestMetrics } from "./remote/ingest-metrics.ts";
import { RemoteMetrics } from "./remote/remote-metrics.ts";
import { RuleMetrics } from "./rules/rule-metrics.ts";
import { ScrapeMetrics } from "./scrape/scrape-metrics.ts";
import { TsdbMetrics } from "./tsdb/mod.ts";

export class ServerMetrics {
  readonly tsdb: TsdbMetrics;
  readonly engine: EngineMetrics;
  readonly scrape: ScrapeMetrics;
  readonly discovery: DiscoveryMetrics;
  readonly rules: RuleMetrics;
  readonly notifier: NotifierMetrics;
  readonly remote = new RemoteMetrics();
  readonly ingest: IngestMetrics;
  readonly remoteReads = new Gauge({
    name: "prometheus_remote_read_handler_queries",
    help: "The current number of remote read queries that are either in execution or queued on the handler.",
  });

  constructor(clock: Pick<Clock, "monotonic">, flags: Flags) {
    this.tsdb = new TsdbMetrics(clock);
    this.engine = new EngineMetrics(clock, flags.number("query.max-concurrency"));
    this.scrape = new ScrapeMetrics(clock);
    this.ingest = new IngestMetrics({
      remoteWrite: flags.boolean("web.enable-remote-write-receiver"),
      otlp: flags.boolean("web.enable-otlp-receiver"),
    });
    this.discovery = new DiscoveryMetrics(clock);
    this.rules = new RuleMetrics(clock);
    this.notifier = new NotifierMetrics(clock, flags.number("alertmanager.notification-queue-capacity"));
  }

  get instruments(): Instrument[] {
    const { tsdb, engine, scrape, discovery, rules, notifier, remote, ingest } = this;
    return [
      ...[tsdb, engine, scrape, discovery, rules, notifier, remote, ingest].flatMap(
        (each) => each.instruments,
      ),
      this.remoteReads,
    ];
  }
}
