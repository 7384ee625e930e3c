/** One group of rules: evaluated at the same time, one after the other where one uses the other (`rules/group.go`). */
import type { Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Labels } from "../../model/labels.ts";
import { QueryError } from "../promql/mod.ts";
import { restoreAlerts } from "./alert-restore.ts";
import { slotBefore, slotOffsetMs } from "./evaluation-slot.ts";
import { queryVector, type RuleSample } from "./query-vector.ts";
import { Rule, recorded } from "./rule.ts";
import { concurrentBatches } from "./rule-concurrency.ts";
import type { RuleContext } from "./rule-context.ts";
import type { RuleGroupConfig } from "./rule-file.ts";
import { appendResult, markStale, type WrittenSeries } from "./rule-results.ts";

export interface RuleGroupOptions {
  config: RuleGroupConfig;
  file: string;
  /** Of groups that say none; milliseconds. */
  intervalMs: number;
  /** Whether the process has just begun: the ages of alerts are then those of the process before. */
  restores: boolean;
  context: RuleContext;
}

export class RuleGroup {
  readonly config: RuleGroupConfig;
  readonly file: string;
  readonly rules: Rule[];
  readonly intervalMs: number;
  lastEvaluationMs = 0;
  evaluationSeconds = 0;
  readonly #context: RuleContext;
  readonly #log: Logger;
  /** By rule: what the evaluation before wrote, so that what is gone can be marked. */
  readonly #written: WrittenSeries[];
  /** What rules wrote that are gone: marked by the next evaluation. */
  #orphans: Labels[] = [];
  #restores: boolean;
  #isStopped = false;
  /** Ends the wait for the next evaluation. */
  #wake: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor({ config, file, intervalMs, restores, context }: RuleGroupOptions) {
    this.config = config;
    this.file = file;
    this.intervalMs = config.interval || intervalMs;
    this.rules = config.rules.map((each) => new Rule(each, config.labels, context.parser, restores));
    this.#written = this.rules.map(() => new Map());
    this.#restores = restores;
    const engine = context.engineOf?.({ file, name: config.name }) ?? context.engine;
    this.#context = { ...context, engine };
    this.#log = context.log.with({ file, group: config.name });
    context.metrics.addGroup(this.key, this.rules.length, this.intervalMs);
  }

  get key(): string {
    return `${this.file};${this.config.name}`;
  }

  get queryOffsetMs(): number {
    return this.config.query_offset ?? this.#context.queryOffsetMs();
  }

  /** Whether the two do the same: one can go on in place of the other. */
  equals(other: RuleGroup): boolean {
    const shape = ({ intervalMs, config, rules }: RuleGroup) =>
      JSON.stringify([intervalMs, config.limit, config.query_offset, rules.map((rule) => rule.definition)]);
    return this.key === other.key && shape(this) === shape(other);
  }

  /**
   * Goes on where a group that it replaces was: alerts stay active, series are not lost sight of. Rules are the same
   * that have name and labels in common, the first of several with the first.
   */
  inherit(old: RuleGroup): void {
    this.evaluationSeconds = old.evaluationSeconds;
    this.lastEvaluationMs = old.lastEvaluationMs;
    const left = new Set(old.rules.keys());
    for (const [index, rule] of this.rules.entries()) {
      const before = [...left].find((each) => old.rules[each].identity === rule.identity);
      if (before === undefined) continue;
      left.delete(before);
      this.#written[index] = old.#written[before];
      if (rule.alerts !== undefined && old.rules[before].alerts !== undefined)
        rule.alerts.inherit(old.rules[before].alerts);
    }
    this.#orphans = [...old.#orphans, ...[...left].flatMap((index) => [...old.#written[index].values()])];
  }

  /** Evaluates at a place of the interval that is the group's own, until it is stopped. */
  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    await this.#running;
  }

  /**
   * For a group that was stopped because the configuration has it no more: marks everything that it wrote as ended,
   * after two intervals, since a group of another name may go on with it.
   */
  endLater(): Timer {
    const { clock } = this.#context;
    const atMs = clock.now();
    this.#orphans.push(...this.#written.flatMap((written) => [...written.values()]));
    return clock.after(2 * this.intervalMs, () => void this.#markOrphans(atMs));
  }

  /** The place of the interval at or before a time, the same for the same name and file everywhere. */
  slotBefore(timeMs: number): number {
    const { config, file, intervalMs } = this;
    const offsetMs = Math.floor(slotOffsetMs({ name: config.name, file, intervalMs }));
    return slotBefore(offsetMs, intervalMs, timeMs);
  }

  async #run(): Promise<void> {
    const { clock, metrics } = this.#context;
    const { intervalMs } = this;
    let slotMs = this.slotBefore(clock.now()) + intervalMs;
    let tickMs = slotMs;
    let evaluations = 0;
    while (await this.#waitUntil(tickMs)) {
      const nowMs = clock.now();
      if (evaluations > 0) {
        // Evaluations that took too long are left out, not made up for.
        const missed = Math.max(0, Math.floor((nowMs - slotMs) / intervalMs) - 1);
        metrics.iterationsMissed.add(missed, this.key);
        metrics.iterations.add(missed, this.key);
        slotMs += (missed + 1) * intervalMs;
      }
      do tickMs += intervalMs;
      while (tickMs <= nowMs);
      metrics.iterations.add(1, this.key);
      await this.evaluate(slotMs);
      // Not after the first one: alerts may depend on what other rules have not recorded yet.
      if (++evaluations === 2 && this.#restores && !this.#isStopped) await this.#restore();
    }
  }

  /** Whether the group still runs when it is time. */
  async #waitUntil(timeMs: number): Promise<boolean> {
    const { clock } = this.#context;
    // Timers may fire a little before their time.
    for (
      let delayMs = timeMs - clock.now();
      delayMs > 0 && !this.#isStopped;
      delayMs = timeMs - clock.now()
    ) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(delayMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return !this.#isStopped;
  }

  async #restore(): Promise<void> {
    const { clock, metrics } = this.#context;
    const started = clock.monotonic();
    const atMs = clock.now();
    for (const rule of this.rules) await restoreAlerts(rule, atMs, this.#context);
    this.#restores = false;
    metrics.lastRestoreDuration.set((clock.monotonic() - started) / 1000, this.key);
  }

  /** Evaluates all rules once, as of `atMs`. */
  async evaluate(atMs: number): Promise<void> {
    const { clock, metrics } = this.#context;
    const started = clock.monotonic();
    const startedMs = clock.now();
    const samples = await this.#evaluateRules(atMs);
    if (samples !== undefined) {
      metrics.lastSamples.set(samples, this.key);
      await this.#markOrphans(atMs);
    }
    const seconds = (clock.monotonic() - started) / 1000;
    metrics.observeGroup(seconds);
    metrics.lastRuleDurationSum.set(
      this.rules.reduce((sum, rule) => sum + rule.status.evaluationSeconds, 0),
      this.key,
    );
    this.evaluationSeconds = seconds;
    metrics.lastDuration.set(seconds, this.key);
    this.lastEvaluationMs = startedMs;
    metrics.lastEvaluation.set(startedMs / 1000, this.key);
  }

  /** How many samples came of it; undefined where the group was stopped before all were evaluated. */
  async #evaluateRules(atMs: number): Promise<number | undefined> {
    const { concurrency } = this.#context;
    const batches =
      concurrency === undefined ? this.rules.map((_, index) => [index]) : concurrentBatches(this.rules);
    let samples = 0;
    const evaluate = async (index: number) => {
      samples += await this.#evaluateRule(index, atMs);
    };
    for (const batch of batches) {
      const running: Promise<void>[] = [];
      for (const index of batch) {
        if (this.#isStopped) break;
        if (batch.length > 1 && concurrency?.tryAcquire())
          running.push(evaluate(index).finally(() => concurrency.release()));
        else await evaluate(index);
      }
      await Promise.all(running);
      if (this.#isStopped) return undefined;
    }
    return samples;
  }

  /** How many samples it had. Whatever fails is the rule's state and no exception. */
  async #evaluateRule(index: number, atMs: number): Promise<number> {
    const { clock, metrics } = this.#context;
    const rule = this.rules[index];
    const started = clock.monotonic();
    const startedMs = clock.now();
    metrics.evaluations.add(1, this.key);
    try {
      return await this.#resultOf(index, atMs);
    } catch (error) {
      rule.fail(error);
      metrics.evaluationFailures.add(1, this.key);
      if (!(error instanceof QueryError && error.kind === "canceled"))
        this.#log.warn("Evaluating rule failed", { name: rule.name, index, err: error });
      return 0;
    } finally {
      const seconds = (clock.monotonic() - started) / 1000;
      metrics.observeRule(seconds);
      rule.status.evaluationSeconds = seconds;
      rule.status.lastEvaluationMs = startedMs;
    }
  }

  async #resultOf(index: number, atMs: number): Promise<number> {
    const { engine, storage, resendDelayMs } = this.#context;
    const rule = this.rules[index];
    const { limit } = this.config;
    const queryMs = atMs - this.queryOffsetMs;
    const result = await queryVector(engine, rule.config.expr, queryMs);
    const samples: RuleSample[] =
      rule.alerts === undefined
        ? recorded(rule, result, limit)
        : await rule.alerts.update(atMs, result, this.#context, limit);
    rule.succeed();
    if (rule.alerts !== undefined)
      this.#context.notify(rule.alerts.toSend(atMs, resendDelayMs, this.intervalMs), rule);
    const log = this.#log.with({ name: rule.name, index });
    const appender = storage.appender();
    const { written, error } = appendResult(appender, samples, queryMs, log);
    if (error !== undefined) rule.fail(error);
    const gone = [...this.#written[index]].filter(([key]) => !written.has(key));
    markStale(
      appender,
      gone.map(([, labels]) => labels),
      queryMs,
      log,
    );
    await appender.commit();
    this.#written[index] = written;
    return samples.length;
  }

  async #markOrphans(atMs: number): Promise<void> {
    if (this.#orphans.length === 0) return;
    const appender = this.#context.storage.appender();
    markStale(appender, this.#orphans, atMs - this.queryOffsetMs, this.#log);
    try {
      await appender.commit();
      this.#orphans = [];
    } catch (error) {
      this.#log.warn("Stale sample appending for previous configuration failed", { err: error });
    }
  }
}
