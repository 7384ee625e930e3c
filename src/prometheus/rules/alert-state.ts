/** The alerts of one alerting rule, from pending to resolved (`rules/alerting.go`). */
import type { Logger } from "../../base/log.ts";
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import type { Engine } from "../promql/mod.ts";
import { queryVector, type RuleSample } from "./query-vector.ts";
import type { RuleConfig } from "./rule-file.ts";
import type { RuleMetrics } from "./rule-metrics.ts";
import { expandTemplate } from "./template/expand.ts";
import type { TemplateData } from "./template/template-data.ts";

export type AlertStateName = "inactive" | "pending" | "firing";

export interface ActiveAlert {
  state: AlertStateName;
  labels: Labels;
  annotations: Record<string, string>;
  value: number;
  /** Milliseconds since the epoch, as all times here; 0: never. */
  activeAtMs: number;
  firedAtMs: number;
  resolvedAtMs: number;
  keepFiringSinceMs: number;
  lastSentAtMs: number;
  validUntilMs: number;
}

/** What the templates of an alert's labels and annotations may use. */
export interface AlertContext {
  engine: Pick<Engine, "instant">;
  log: Logger;
  metrics: RuleMetrics;
  externalLabels: Record<string, string>;
  externalUrl: string;
}

/** A resolved alert is told to Alertmanager for so long, in case it missed it. */
const RESOLVED_RETENTION_MS = 15 * 60_000;

export class AlertState {
  readonly #config: RuleConfig;
  readonly #labels: Record<string, string>;
  #active = new Map<string, ActiveAlert>();
  /** No `ALERTS` are written before the state of an earlier process was looked up. */
  isRestored: boolean;

  constructor(config: RuleConfig, labels: Record<string, string>, restores: boolean) {
    this.#config = config;
    this.#labels = labels;
    this.isRestored = !restores;
  }

  /** Goes on with the alerts of the rule that this one replaces. */
  inherit(old: AlertState): void {
    this.#active = new Map(old.#active);
  }

  /** How long an alert waits before it fires; milliseconds. */
  get holdMs(): number {
    return this.#config.for;
  }

  /** All that are known, resolved ones too. Theirs is the state: what is changed in them holds. */
  get known(): Iterable<ActiveAlert> {
    return this.#active.values();
  }

  get state(): AlertStateName {
    const states = new Set([...this.#active.values()].map((alert) => alert.state));
    return states.has("firing") ? "firing" : states.has("pending") ? "pending" : "inactive";
  }

  /** Pending and firing ones. */
  get active(): ActiveAlert[] {
    return [...this.#active.values()].filter((alert) => alert.state !== "inactive");
  }

  /**
   * Takes the result of the rule's expression and answers the samples to be written.
   *
   * @throws Error where two alerts have the same labels, or there are more than `limit` (0: as many as there are)
   */
  async update(
    atMs: number,
    result: RuleSample[],
    context: AlertContext,
    limit: number,
  ): Promise<RuleSample[]> {
    const found = new Map<string, ActiveAlert>();
    for (const sample of result) {
      const alert = await this.#alertOf(sample, atMs, context);
      if (found.has(alert.labels.key))
        throw new Error("vector contains metrics with the same labelset after applying alert labels");
      found.set(alert.labels.key, alert);
    }
    for (const [key, alert] of found) {
      const known = this.#active.get(key);
      if (known === undefined || known.state === "inactive") this.#active.set(key, alert);
      else Object.assign(known, { value: alert.value, annotations: alert.annotations });
    }
    const samples: RuleSample[] = [];
    let count = 0;
    for (const [key, alert] of this.#active) {
      if (!this.#advance(key, alert, found.has(key), atMs)) continue;
      count++;
      if (this.isRestored) samples.push(...this.#samplesOf(alert));
    }
    if (limit > 0 && count > limit) {
      this.#active.clear();
      throw new Error(`exceeded limit of ${limit} with ${count} alerts`);
    }
    return samples;
  }

  /** One step of an alert's life; answers whether it is pending or firing after it. */
  #advance(key: string, alert: ActiveAlert, isFound: boolean, atMs: number): boolean {
    const { for: holdMs, keep_firing_for: keepMs } = this.#config;
    if (isFound) alert.keepFiringSinceMs = 0;
    else {
      if (alert.state === "firing" && keepMs > 0) alert.keepFiringSinceMs ||= atMs;
      const keeps = alert.state === "firing" && keepMs > 0 && atMs - alert.keepFiringSinceMs < keepMs;
      const isOld = alert.resolvedAtMs !== 0 && atMs - alert.resolvedAtMs > RESOLVED_RETENTION_MS;
      if (alert.state === "pending" || isOld) this.#active.delete(key);
      if (alert.state !== "inactive" && !keeps) {
        alert.state = "inactive";
        alert.resolvedAtMs = atMs;
      }
      if (!keeps) return false;
    }
    if (alert.state === "pending" && atMs - alert.activeAtMs >= holdMs) {
      alert.state = "firing";
      alert.firedAtMs = atMs;
    }
    // The rule may have got a longer `for` since.
    if (alert.state === "firing" && atMs - alert.activeAtMs < holdMs)
      Object.assign(alert, { state: "pending", firedAtMs: 0, lastSentAtMs: 0, keepFiringSinceMs: 0 });
    return true;
  }

  async #alertOf(sample: RuleSample, atMs: number, context: AlertContext): Promise<ActiveAlert> {
    const data: TemplateData = {
      labels: sample.labels.toObject(),
      externalLabels: context.externalLabels,
      externalUrl: context.externalUrl,
      value: sample.histogram ?? sample.value,
      timestampMs: atMs,
      query: (expression) => queryVector(context.engine, expression, atMs),
    };
    const name = `__alert_${this.#config.alert}`;
    const expand = async (text: string) => {
      context.metrics.expansions.add(1);
      try {
        return await expandTemplate(text, data, name);
      } catch (error) {
        context.metrics.expansionFailures.add(1);
        context.log.warn("Expanding alert template failed", { alert: this.#config.alert, err: error });
        return `<error expanding template: ${(error as Error).message}>`;
      }
    };
    const labels = new Map<string, string>(sample.labels);
    labels.delete(METRIC_NAME);
    for (const [name, text] of Object.entries(this.#labels)) labels.set(name, await expand(text));
    labels.set("alertname", this.#config.alert);
    const annotations: Record<string, string> = {};
    for (const [name, text] of Object.entries(this.#config.annotations ?? {}))
      annotations[name] = await expand(text);
    return {
      state: "pending",
      labels: Labels.of(labels),
      annotations,
      value: sample.value,
      activeAtMs: atMs,
      firedAtMs: 0,
      resolvedAtMs: 0,
      keepFiringSinceMs: 0,
      lastSentAtMs: 0,
      validUntilMs: 0,
    };
  }

  /** A label that its template left empty stands as the rule has it, template and all: so it does upstream. */
  #samplesOf(alert: ActiveAlert): RuleSample[] {
    const named = (name: string, extra: [string, string][]) =>
      Labels.of([
        ...Object.entries(this.#labels),
        ...alert.labels,
        [METRIC_NAME, name],
        ["alertname", this.#config.alert],
        ...extra,
      ]);
    return [
      { labels: named("ALERTS", [["alertstate", alert.state]]), value: 1 },
      { labels: named("ALERTS_FOR_STATE", []), value: Math.floor(alert.activeAtMs / 1000) },
    ];
  }

  /** Those that Alertmanager has to hear of now, with how long they hold if it hears no more. */
  toSend(atMs: number, resendDelayMs: number, intervalMs: number): ActiveAlert[] {
    const due: ActiveAlert[] = [];
    for (const alert of this.#active.values()) {
      if (alert.state === "pending") continue;
      const isNewlyResolved = alert.resolvedAtMs > alert.lastSentAtMs;
      if (!isNewlyResolved && alert.lastSentAtMs + resendDelayMs >= atMs) continue;
      alert.lastSentAtMs = atMs;
      alert.validUntilMs = atMs + 4 * Math.max(intervalMs, resendDelayMs);
      due.push({ ...alert });
    }
    return due;
  }
}
