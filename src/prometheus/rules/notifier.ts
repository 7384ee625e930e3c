/** Tells Alertmanagers of alerts, by their API v2 (`notifier/`). */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import type { AlertmanagerConfig, PrometheusConfig } from "../config/prometheus-config.ts";
import { createHttpClient, type HttpClient } from "../discovery/http-client.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";
import type { ActiveAlert } from "./alert-state.ts";
import { alertmanagersOf } from "./alertmanager-target.ts";

interface Alert {
  labels: Labels;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

interface AlertmanagerSet {
  config: AlertmanagerConfig;
  client: HttpClient;
  urls: string[];
  dropped: string[];
}

export interface NotifierOptions {
  network: Network;
  disk: Disk;
  clock: Clock;
  log: Logger;
  externalUrl: string;
  /** Alerts that wait; the oldest go first when there are more. */
  capacity: number;
  batchSize: number;
}

/** An Alertmanager's answer is not read further. */
const MAX_RESPONSE_BYTES = 64 * 1024;

export class Notifier {
  readonly #options: NotifierOptions;
  #sets = new Map<string, AlertmanagerSet>();
  #config: PrometheusConfig | undefined;
  #queue: Alert[] = [];
  #sending: Promise<void> | undefined;
  dropped = 0;
  sent = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Alertmanager sections by the name that discovery knows them under. */
  reload(config: PrometheusConfig): Map<string, AlertmanagerConfig> {
    const sections = new Map<string, AlertmanagerConfig>();
    const sets = new Map<string, AlertmanagerSet>();
    for (const [index, section] of (config.alerting.alertmanagers ?? []).entries()) {
      const name = `config-${index}`;
      sections.set(name, section!);
      const old = this.#sets.get(name);
      const keeps = old !== undefined && isDeepStrictEqual(old.config, section);
      sets.set(
        name,
        keeps
          ? old
          : { config: section!, client: createHttpClient(section!, this.#options), urls: [], dropped: [] },
      );
    }
    this.#sets = sets;
    this.#config = config;
    return sections;
  }

  update(name: string, groups: TargetGroup[]): void {
    const set = this.#sets.get(name);
    if (set === undefined) return;
    const urls: string[] = [];
    const dropped: string[] = [];
    for (const group of groups) {
      try {
        for (const { url, isKept } of alertmanagersOf(group, set.config)) (isKept ? urls : dropped).push(url);
      } catch (error) {
        this.#options.log.error("Creating target failed", { group: group.source, err: error });
      }
    }
    set.urls = [...new Set(urls)];
    set.dropped = dropped;
  }

  get alertmanagers(): { active: string[]; dropped: string[] } {
    const sets = [...this.#sets.values()];
    return { active: sets.flatMap((set) => set.urls), dropped: sets.flatMap((set) => set.dropped) };
  }

  /** Queues alerts; never waits for an Alertmanager. */
  send(alerts: ActiveAlert[], expression: string): void {
    const external = this.#config?.global.external_labels ?? {};
    const rules = (this.#config?.alerting.alert_relabel_configs ?? []) as RelabelConfig[];
    for (const alert of alerts) {
      const merged = Labels.of([...Object.entries(external), ...alert.labels]);
      const labels = relabel(merged, rules);
      if (labels === undefined || labels.size === 0) continue;
      this.#queue.push({
        labels,
        annotations: alert.annotations,
        startsAt: new Date(alert.firedAtMs).toISOString(),
        endsAt: new Date(alert.resolvedAtMs || alert.validUntilMs).toISOString(),
        generatorURL: `${this.#options.externalUrl}/graph?g0.expr=${encodeURIComponent(expression)}&g0.tab=1`,
      });
    }
    const excess = this.#queue.length - this.#options.capacity;
    if (excess > 0) {
      this.#queue.splice(0, excess);
      this.dropped += excess;
      this.#options.log.warn("Alert notification queue full, dropping alerts", { num_dropped: excess });
    }
    if (this.#queue.length > 0) this.#sending ??= this.#drain().finally(() => (this.#sending = undefined));
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.batchSize);
      const sends = [...this.#sets.values()].flatMap((set) => {
        const body = this.#bodyFor(set, batch);
        return body === undefined ? [] : set.urls.map((url) => this.#post(set, url, body, batch.length));
      });
      await Promise.all(sends);
    }
  }

  #bodyFor(set: AlertmanagerSet, batch: Alert[]): string | undefined {
    const rules = (set.config.alert_relabel_configs ?? []) as RelabelConfig[];
    const shown = batch.flatMap((alert) => {
      const labels = relabel(alert.labels, rules);
      return labels === undefined ? [] : [{ ...alert, labels: labels.toObject() }];
    });
    return shown.length === 0 ? undefined : JSON.stringify(shown);
  }

  async #post(set: AlertmanagerSet, url: string, body: string, count: number): Promise<void> {
    try {
      const response = await set.client.request(url, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": USER_AGENT },
        body,
        timeoutMs: set.config.timeout,
      });
      await response.bytes(MAX_RESPONSE_BYTES);
      if (response.status >= 300) throw new Error(`bad response status ${response.status}`);
      this.sent += count;
    } catch (error) {
      this.dropped += count;
      this.#options.log.error("Error sending alerts", { alertmanager: url, count, err: error });
    }
  }

  /** Waits until what is queued was sent. */
  async stop(): Promise<void> {
    await this.#sending;
  }
}
