/** One group of rules: evaluated one after the other, at the same time (`rules/group.go`, `alerting.go`, `recording.go`). */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { type Engine, type ParserOptions, parseExpression, printExpression } from "../promql/mod.ts";
import { AppendError, type Appender, type Storage } from "../storage.ts";
import { type ActiveAlert, AlertState } from "./alert-state.ts";
import type { RuleConfig, RuleGroupConfig } from "./rule-file.ts";
import type { QuerySample } from "./template.ts";

export interface RuleSample {
  labels: Labels;
  value: number;
  histogram?: FloatHistogram;
}

export interface RuleContext {
  engine: Pick<Engine, "instant">;
  /** The engine for one group, where it is to be known which one asked. @default `engine` */
  engineOf?: (group: { file: string; name: string }) => Pick<Engine, "instant">;
  /** The parts of PromQL that are on. */
  parser?: ParserOptions;
  storage: Pick<Storage, "appender" | "select">;
  clock: Clock;
  log: Logger;
  externalLabels: Record<string, string>;
  externalUrl: string;
  /** Alerts whose state is told to Alertmanagers. */
  notify: (alerts: ActiveAlert[], rule: Rule) => void;
  outageToleranceMs: number;
  forGracePeriodMs: number;
  resendDelayMs: number;
}

export interface RuleStatus {
  health: "unknown" | "ok" | "err";
  lastError: string;
  evaluationSeconds: number;
  /** Milliseconds since the epoch; 0: never. */
  lastEvaluationMs: number;
}

export class Rule {
  readonly config: RuleConfig;
  readonly labels: Record<string, string>;
  /** The expression in the spelling of the language's printer, as all that is told of a rule has it. */
  readonly expression: string;
  readonly status: RuleStatus = {
    health: "unknown",
    lastError: "",
    evaluationSeconds: 0,
    lastEvaluationMs: 0,
  };
  /** undefined: a recording rule. */
  readonly alerts: AlertState | undefined;

  constructor(config: RuleConfig, groupLabels: Record<string, string> | undefined, parser?: ParserOptions) {
    this.config = config;
    this.labels = { ...groupLabels, ...config.labels };
    this.expression = printed(config.expr, parser);
    this.alerts = config.alert === "" ? undefined : new AlertState(config, this.labels);
  }

  get name(): string {
    return this.config.alert || this.config.record;
  }
}

/** A rule that was loaded can be parsed; without its parts of PromQL its text stands as it is. */
function printed(text: string, parser: ParserOptions | undefined): string {
  try {
    return printExpression(parseExpression(text, parser));
  } catch {
    return text;
  }
}

export class RuleGroup {
  readonly config: RuleGroupConfig;
  readonly file: string;
  readonly rules: Rule[];
  readonly intervalMs: number;
  readonly queryOffsetMs: number;
  lastEvaluationMs = 0;
  evaluationSeconds = 0;
  readonly #context: RuleContext;
  /** By rule: what the evaluation before wrote, so that what is gone can be marked. */
  #written: Map<string, Labels>[];
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #isRestored = false;

  constructor(
    config: RuleGroupConfig,
    file: string,
    intervalMs: number,
    queryOffsetMs: number,
    context: RuleContext,
  ) {
    this.config = config;
    this.file = file;
    this.intervalMs = config.interval || intervalMs;
    this.queryOffsetMs = config.query_offset ?? queryOffsetMs;
    this.rules = config.rules.map((each) => new Rule(each, config.labels, context.parser));
    this.#written = this.rules.map(() => new Map());
    const engine = context.engineOf?.({ file, name: config.name }) ?? context.engine;
    this.#context = { ...context, engine };
  }

  get key(): string {
    return `${this.file};${this.config.name}`;
  }

  /** Goes on where a group that it replaces was: alerts stay active, series are not lost sight of. */
  inherit(old: RuleGroup): void {
    for (const [index, rule] of this.rules.entries()) {
      const before = old.rules.findIndex(
        (each) => each.name === rule.name && JSON.stringify(each.labels) === JSON.stringify(rule.labels),
      );
      if (before < 0) continue;
      this.#written[index] = old.#written[before];
      old.#written[before] = new Map();
      if (rule.alerts !== undefined && old.rules[before].alerts !== undefined)
        rule.alerts.inherit(old.rules[before].alerts);
    }
    this.#isRestored = old.#isRestored;
  }

  /** Evaluates at a place of the interval that is the group's own, the first time at the next such moment. */
  start(): void {
    const { clock } = this.#context;
    const offsetMs = hash(this.key) % this.intervalMs;
    const sinceMs = clock.now() % this.intervalMs;
    let dueMs = clock.now() + ((offsetMs - sinceMs + this.intervalMs) % this.intervalMs);
    const tick = () => {
      if (this.#isStopped) return;
      const atMs = dueMs;
      // Evaluations that took too long are left out, not made up for.
      while (dueMs <= clock.now()) dueMs += this.intervalMs;
      this.#timer = clock.after(dueMs - clock.now(), tick);
      this.#running = this.#running.then(() => (this.#isStopped ? undefined : this.evaluate(atMs)));
    };
    this.#timer = clock.after(dueMs - clock.now(), tick);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Marks everything that it wrote as ended: the group is gone from the configuration. */
  async end(): Promise<void> {
    const appender = this.#context.storage.appender();
    const atMs = this.#context.clock.now();
    for (const written of this.#written)
      for (const labels of written.values()) markStale(appender, labels, atMs);
    await appender.commit();
  }

  async evaluate(atMs: number): Promise<void> {
    const { clock } = this.#context;
    const started = clock.monotonic();
    for (const [index, rule] of this.rules.entries()) {
      const ruleStarted = clock.monotonic();
      try {
        await this.#evaluateRule(rule, index, atMs);
        Object.assign(rule.status, { health: "ok", lastError: "" });
      } catch (error) {
        Object.assign(rule.status, { health: "err", lastError: (error as Error).message });
        this.#context.log.warn("Evaluating rule failed", {
          group: this.config.name,
          rule: rule.name,
          err: error,
        });
      }
      rule.status.evaluationSeconds = (clock.monotonic() - ruleStarted) / 1000;
      rule.status.lastEvaluationMs = atMs;
    }
    this.lastEvaluationMs = atMs;
    this.evaluationSeconds = (clock.monotonic() - started) / 1000;
    if (!this.#isRestored) {
      this.#isRestored = true;
      for (const rule of this.rules) await rule.alerts?.restore(atMs, this.#context, this.intervalMs);
    }
  }

  async #evaluateRule(rule: Rule, index: number, atMs: number): Promise<void> {
    const { storage, resendDelayMs } = this.#context;
    const queryMs = atMs - this.queryOffsetMs;
    const result = await queryVector(this.#context.engine, rule.config.expr, queryMs);
    const samples =
      rule.alerts === undefined
        ? recorded(rule, result)
        : await rule.alerts.update(atMs, queryMs, result, this.#context, this.config.limit);
    if (rule.alerts === undefined && this.config.limit > 0 && samples.length > this.config.limit)
      throw new Error(`exceeded limit of ${this.config.limit} with ${samples.length} series`);
    const written = new Map<string, Labels>();
    const appender = storage.appender();
    for (const { labels, value, histogram } of samples) {
      try {
        if (histogram === undefined) appender.append(0, labels, queryMs, value);
        else appender.appendHistogram(0, labels, queryMs, histogram);
        written.set(labels.key, labels);
      } catch (error) {
        if (!(error instanceof AppendError)) throw error;
        this.#context.log.warn("Rule evaluation result discarded", {
          rule: rule.name,
          err: error,
          sample: String(labels),
        });
      }
    }
    for (const [key, labels] of this.#written[index])
      if (!written.has(key)) markStale(appender, labels, queryMs);
    await appender.commit();
    this.#written[index] = written;
    if (rule.alerts !== undefined)
      this.#context.notify(rule.alerts.toSend(atMs, resendDelayMs, this.intervalMs), rule);
  }
}

function recorded(rule: Rule, result: RuleSample[]): RuleSample[] {
  const seen = new Set<string>();
  return result.map(({ labels, value, histogram }) => {
    const named = Labels.of([...labels, [METRIC_NAME, rule.config.record], ...Object.entries(rule.labels)]);
    if (seen.has(named.key))
      throw new Error("vector contains metrics with the same labelset after applying rule labels");
    seen.add(named.key);
    return { labels: named, value, histogram };
  });
}

function markStale(appender: Appender, labels: Labels, atMs: number): void {
  try {
    appender.appendStale(0, labels, atMs);
  } catch (error) {
    if (!(error instanceof AppendError)) throw error;
  }
}

/** The result as a vector: a scalar is one without labels. */
export async function queryVector(
  engine: Pick<Engine, "instant">,
  expression: string,
  timeMs: number,
): Promise<RuleSample[]> {
  const result = await engine.instant(expression, timeMs);
  if (result.kind === "vector") return result.samples;
  if (result.kind === "scalar") return [{ labels: Labels.empty, value: result.value }];
  throw new Error("rule result is not a vector or scalar");
}

/** For templates. */
export async function templateQuery(
  engine: Pick<Engine, "instant">,
  expression: string,
  timeMs: number,
): Promise<QuerySample[]> {
  return (await queryVector(engine, expression, timeMs)).map(({ labels, value }) => ({ labels, value }));
}

function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}
