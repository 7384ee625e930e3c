/** What the HTTP side of the server knows of the rest. */
import type { Clock } from "../base/clock.ts";
import type { Disk } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";
import type { PrometheusConfig } from "./config/prometheus-config.ts";
import type { Flags } from "./flags.ts";
import type { Gauge, Instrument } from "./metrics/instruments.ts";
import type { Notifications } from "./notifications.ts";
import type { Notifier } from "./notifier/notifier.ts";
import type { QueryLog } from "./query-log.ts";
import type { IngestMetrics } from "./remote/ingest-metrics.ts";
import type { RemoteWriters } from "./remote/remote-writer.ts";
import type { RuleManager } from "./rules/rule-manager.ts";
import type { ScrapeManager } from "./scrape/scrape-manager.ts";
import type { Tsdb, TsdbAppender } from "./tsdb/mod.ts";

export interface PrometheusStatus {
  startMs: number;
  workingDirectory: string;
  hostname: string;
  reloadSucceeded: boolean;
  /** Milliseconds since the epoch of the last reload that succeeded. */
  lastReloadMs: number;
}

export interface PrometheusServer {
  readonly clock: Clock;
  readonly log: Logger;
  readonly flags: Flags;
  readonly tsdb: Tsdb;
  /** Where samples come in: what is stored goes to the remotes too. */
  readonly appendable: { appender(): TsdbAppender };
  readonly remotes: RemoteWriters;
  readonly scrape: ScrapeManager;
  readonly rules: RuleManager;
  readonly notifier: Notifier;
  readonly notifications: Notifications;
  readonly queryLog: QueryLog;
  /** What parts of the server count of themselves. */
  readonly instruments: readonly Instrument[];
  /** What comes into the store. */
  readonly ingest: IngestMetrics;
  /** Requests of remote read that are answered now. */
  readonly remoteReads: Gauge;
  readonly status: PrometheusStatus;
  /** Replaced by a reload. */
  readonly config: PrometheusConfig;
  /** How long and how much is kept; 0: without limit. */
  readonly retention: { timeMs: number; bytes: number; text: string };
  readonly disk: Disk;
  /** Under which clients reach the server. */
  readonly externalUrl: string;
  /** Of the first listener. */
  readonly port: number;
  /** @throws ConfigError: the old configuration stays. */
  reload(): Promise<void>;
}
