/** Tells Alertmanagers of alerts, by their API v2 (`notifier/manager.go`). */
import type { AlertmanagerConfig } from "../config/alerting-config.ts";
import type { PrometheusConfig } from "../config/prometheus-config.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import type { RelabelConfig } from "../relabel/relabel.ts";
import { type Notification, relabelled } from "./alert.ts";
import { AlertmanagerSet, type AlertmanagerSetOptions } from "./alertmanager-set.ts";

export class Notifier {
  readonly #options: AlertmanagerSetOptions;
  #sets = new Map<string, AlertmanagerSet>();
  #config: PrometheusConfig | undefined;
  #isStopped = false;

  constructor(options: AlertmanagerSetOptions) {
    this.#options = options;
  }

  /**
   * Takes a new configuration. A section that is as it was keeps its queues, wherever it stands now.
   *
   * @returns the sections by the name that discovery is to know them under
   */
  reload(config: PrometheusConfig): Map<string, AlertmanagerConfig> {
    const sections = new Map<string, AlertmanagerConfig>();
    const sets = new Map<string, AlertmanagerSet>();
    const left = new Set(this.#sets.values());
    for (const [index, section] of (config.alerting.alertmanagers ?? []).entries()) {
      const name = `config-${index}`;
      const old = [...left].find((set) => set.isFor(section!));
      if (old !== undefined) left.delete(old);
      sections.set(name, section!);
      sets.set(name, old ?? new AlertmanagerSet(section!, this.#options));
    }
    for (const set of left) void set.stop();
    this.#sets = sets;
    this.#config = config;
    this.#count();
    return sections;
  }

  update(name: string, groups: readonly TargetGroup[]): void {
    this.#sets.get(name)?.sync(groups);
    this.#count();
  }

  get alertmanagers(): { active: string[]; dropped: string[] } {
    const sets = [...this.#sets.values()];
    return { active: sets.flatMap((set) => set.urls), dropped: sets.flatMap((set) => set.dropped) };
  }

  /** Queues alerts; never waits for an Alertmanager. */
  send(alerts: readonly Notification[]): void {
    if (this.#isStopped || this.#config === undefined) return;
    const rules = (this.#config.alerting.alert_relabel_configs ?? []) as RelabelConfig[];
    const shown = relabelled(alerts, rules, this.#config.global.external_labels ?? {});
    if (shown.length > 0) for (const set of this.#sets.values()) set.send(shown);
  }

  /** Waits until what is queued was sent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#sets.values()].map((set) => set.stop()));
  }

  #count(): void {
    this.#options.metrics.discovered.set(this.alertmanagers.active.length);
  }
}
