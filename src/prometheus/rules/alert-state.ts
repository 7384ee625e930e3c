/** The alerts of one alerting rule, from pending to resolved (`rules/alerting.go`). */
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { createMatcher } from "../matcher.ts";
import { isStaleMarker } from "../storage.ts";
import type { RuleConfig } from "./rule-file.ts";
import { type RuleContext, type RuleSample, templateQuery } from "./rule-group.ts";
import { expandTemplate, type TemplateData } from "./template.ts";

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

/** A resolved alert is told to Alertmanager for so long, in case it missed it. */
const RESOLVED_RETENTION_MS = 15 * 60_000;

export class AlertState {
  readonly #config: RuleConfig;
  readonly #labels: Record<string, string>;
  #active = new Map<string, ActiveAlert>();
  /** No `ALERTS` are written before the state of an earlier process was looked up. */
  #isRestored: boolean;

  constructor(config: RuleConfig, labels: Record<string, string>) {
    this.#config = config;
    this.#labels = labels;
    this.#isRestored = config.for === 0;
  }

  inherit(old: AlertState): void {
    this.#active = old.#active;
    this.#isRestored ||= old.#isRestored;
  }

  /** There was no process before: nothing is to be looked up. */
  startAnew(): void {
    this.#isRestored = true;
  }

  get state(): AlertStateName {
    const states = new Set([...this.#active.values()].map((alert) => alert.state));
    return states.has("firing") ? "firing" : states.has("pending") ? "pending" : "inactive";
  }

  /** Pending and firing ones. */
  get active(): ActiveAlert[] {
    return [...this.#active.values()].filter((alert) => alert.state !== "inactive");
  }

  /** Takes the result of the rule's expression and answers the samples to be written. */
  async update(
    atMs: number,
    queryMs: number,
    result: RuleSample[],
    context: RuleContext,
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
      if (this.#isRestored) samples.push(...this.#samplesOf(alert, queryMs));
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

  async #alertOf(sample: RuleSample, atMs: number, context: RuleContext): Promise<ActiveAlert> {
    const data: TemplateData = {
      labels: sample.labels.toObject(),
      externalLabels: context.externalLabels,
      externalUrl: context.externalUrl,
      value: sample.value,
      timestampMs: atMs,
      query: (expression) => templateQuery(context.engine, expression, atMs),
    };
    const expand = async (text: string) => {
      try {
        return await expandTemplate(text, data);
      } catch (error) {
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

  #samplesOf(alert: ActiveAlert, _queryMs: number): RuleSample[] {
    const named = (name: string, extra: [string, string][]) =>
      Labels.of([...alert.labels, [METRIC_NAME, name], ["alertname", this.#config.alert], ...extra]);
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

  /** Since when alerts were active before the process ended (`Group.RestoreForState`). */
  async restore(atMs: number, context: RuleContext, intervalMs: number): Promise<void> {
    if (this.#isRestored) return;
    this.#isRestored = true;
    const { outageToleranceMs, forGracePeriodMs, storage } = context;
    if (this.#config.for < forGracePeriodMs || this.#active.size === 0) return;
    const matchers = [
      createMatcher(METRIC_NAME, "=", "ALERTS_FOR_STATE"),
      createMatcher("alertname", "=", this.#config.alert),
    ];
    const range = { minMs: atMs - outageToleranceMs, maxMs: atMs };
    const series = await storage.select(matchers, range);
    for (const alert of this.#active.values()) {
      const labels = alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE");
      const found = series.find((each) => each.labels.equals(labels));
      if (found === undefined) continue;
      const last = lastReal(found.timestamps, found.values);
      if (last === undefined) continue;
      this.#resume(alert, last.value * 1000, last.timestampMs, atMs, forGracePeriodMs, intervalMs);
    }
  }

  /** The time that the process was down does not count, and an alert near its end waits a grace period at least. */
  #resume(
    alert: ActiveAlert,
    wasActiveAtMs: number,
    downAtMs: number,
    atMs: number,
    graceMs: number,
    _intervalMs: number,
  ): void {
    const holdMs = this.#config.for;
    const spentMs = downAtMs - wasActiveAtMs;
    const remainingMs = holdMs - spentMs;
    let activeAtMs = wasActiveAtMs;
    if (remainingMs <= 0) activeAtMs = wasActiveAtMs;
    else if (remainingMs < graceMs) activeAtMs = atMs + graceMs - holdMs;
    else activeAtMs = wasActiveAtMs + (atMs - downAtMs);
    alert.activeAtMs = activeAtMs;
  }
}

function lastReal(
  timestamps: Float64Array,
  values: Float64Array,
): { timestampMs: number; value: number } | undefined {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  for (let i = timestamps.length - 1; i >= 0; i--)
    if (!isStaleMarker(words, i)) return { timestampMs: timestamps[i], value: values[i] };
  return undefined;
}
