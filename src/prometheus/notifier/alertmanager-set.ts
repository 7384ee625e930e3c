/** The Alertmanagers of one section of the configuration (`notifier/alertmanagerset.go`). */
import { isDeepStrictEqual } from "node:util";
import type { AlertmanagerConfig } from "../config/alerting-config.ts";
import { createHttpClient, type HttpClientParts } from "../discovery/http-client.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import type { RelabelConfig } from "../relabel/relabel.ts";
import { type Notification, relabelled } from "./alert.ts";
import { alertmanagersOf } from "./alertmanager-target.ts";
import { SendLoop, type SendLoopOptions } from "./send-loop.ts";

export type AlertmanagerSetOptions = SendLoopOptions & HttpClientParts;

export class AlertmanagerSet {
  readonly config: AlertmanagerConfig;
  readonly #client: ReturnType<typeof createHttpClient>;
  readonly #options: AlertmanagerSetOptions;
  #loops = new Map<string, SendLoop>();
  dropped: string[] = [];

  constructor(config: AlertmanagerConfig, options: AlertmanagerSetOptions) {
    this.config = config;
    this.#client = createHttpClient(config, options);
    this.#options = options;
  }

  get urls(): string[] {
    return [...this.#loops.keys()];
  }

  isFor(config: AlertmanagerConfig): boolean {
    return isDeepStrictEqual(this.config, config);
  }

  /** Takes what discovery knows now: queues of Alertmanagers that stay are not disturbed. */
  sync(groups: readonly TargetGroup[]): void {
    const found = groups.flatMap((group) => {
      try {
        return alertmanagersOf(group, this.config);
      } catch (error) {
        this.#options.log.error("Creating discovered Alertmanagers failed", { err: error });
        return [];
      }
    });
    this.dropped = found.filter(({ isKept }) => !isKept).map(({ url }) => url);
    const previous = this.#loops;
    this.#loops = new Map();
    for (const { url } of found.filter(({ isKept }) => isKept)) {
      if (this.#loops.has(url)) continue;
      const loop = previous.get(url) ?? new SendLoop(url, this.#client, this.config.timeout, this.#options);
      this.#loops.set(url, loop);
    }
    for (const [url, loop] of previous) if (!this.#loops.has(url)) void loop.stop();
  }

  send(alerts: readonly Notification[]): void {
    const rules = (this.config.alert_relabel_configs ?? []) as RelabelConfig[];
    const shown = rules.length === 0 ? alerts : relabelled(alerts, rules);
    if (shown.length > 0) for (const loop of this.#loops.values()) loop.add(shown);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
  }
}
