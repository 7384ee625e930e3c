/** What is counted of rules (`NewGroupMetrics` in `rules/group.go`, `template/template.go`). */
import type { Clock } from "../../base/clock.ts";
import { Counter, Gauge, Histogram, type Instrument, Summary } from "../metrics/instruments.ts";

/** Bounds of upstream's duration histograms, in seconds. */
const DURATION_BOUNDS = [0.01, 0.1, 1, 10];
const labels = ["rule_group"];

export class RuleMetrics {
  readonly evaluationDuration: Summary;
  readonly evaluationHistogram = new Histogram(
    {
      name: "prometheus_rule_evaluation_duration_histogram_seconds",
      help: "The duration for a rule to execute.",
    },
    DURATION_BOUNDS,
  );
  readonly groupDuration: Summary;
  readonly groupHistogram = new Histogram(
    {
      name: "prometheus_rule_group_duration_histogram_seconds",
      help: "The duration of rule group evaluations.",
    },
    DURATION_BOUNDS,
  );
  readonly iterationsMissed = new Counter({
    name: "prometheus_rule_group_iterations_missed",
    help: "The total number of rule group evaluations missed due to slow rule group evaluation.",
    labels,
  });
  readonly iterations = new Counter({
    name: "prometheus_rule_group_iterations",
    help: "The total number of scheduled rule group evaluations, whether executed or missed.",
    labels,
  });
  readonly evaluations = new Counter({
    name: "prometheus_rule_evaluations",
    help: "The total number of rule evaluations.",
    labels,
  });
  readonly evaluationFailures = new Counter({
    name: "prometheus_rule_evaluation_failures",
    help: "The total number of rule evaluation failures.",
    labels,
  });
  readonly interval = new Gauge({
    name: "prometheus_rule_group_interval_seconds",
    help: "The interval of a rule group.",
    labels,
  });
  readonly lastEvaluation = new Gauge({
    name: "prometheus_rule_group_last_evaluation_timestamp_seconds",
    help: "The timestamp of the last rule group evaluation in seconds.",
    labels,
  });
  readonly lastDuration = new Gauge({
    name: "prometheus_rule_group_last_duration_seconds",
    help: "The duration of the last rule group evaluation.",
    labels,
  });
  readonly lastRuleDurationSum = new Gauge({
    name: "prometheus_rule_group_last_rule_duration_sum_seconds",
    help: "The sum of time in seconds it took to evaluate each rule in the group regardless of concurrency. This should be higher than the group duration if rules are evaluated concurrently.",
    labels,
  });
  readonly lastRestoreDuration = new Gauge({
    name: "prometheus_rule_group_last_restore_duration_seconds",
    help: "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` series.",
    labels,
  });
  readonly rules = new Gauge({
    name: "prometheus_rule_group_rules",
    help: "The number of rules.",
    labels,
  });
  readonly lastSamples = new Gauge({
    name: "prometheus_rule_group_last_evaluation_samples",
    help: "The number of samples returned during the last rule group evaluation.",
    labels,
  });
  readonly expansions = new Counter({
    name: "prometheus_template_text_expansions",
    help: "The total number of template text expansions.",
  });
  readonly expansionFailures = new Counter({
    name: "prometheus_template_text_expansion_failures",
    help: "The total number of template text expansion failures.",
  });

  constructor(clock: Pick<Clock, "monotonic">) {
    this.evaluationDuration = new Summary(
      { name: "prometheus_rule_evaluation_duration_seconds", help: "The duration for a rule to execute." },
      [0.5, 0.9, 0.99],
      clock,
    );
    this.groupDuration = new Summary(
      { name: "prometheus_rule_group_duration_seconds", help: "The duration of rule group evaluations." },
      [0.01, 0.05, 0.5, 0.9, 0.99],
      clock,
    );
  }

  /** A group is known from now on. */
  addGroup(key: string, rules: number, intervalMs: number): void {
    for (const each of this.#ofGroup()) if (each !== this.lastRestoreDuration) each.touch(key);
    this.rules.set(rules, key);
    this.interval.set(intervalMs / 1000, key);
  }

  removeGroup(key: string): void {
    for (const each of this.#ofGroup()) each.delete(key);
  }

  /** One rule was evaluated. */
  observeRule(seconds: number): void {
    this.evaluationDuration.observe(seconds);
    this.evaluationHistogram.observe(seconds);
  }

  /** All rules of a group were. */
  observeGroup(seconds: number): void {
    this.groupDuration.observe(seconds);
    this.groupHistogram.observe(seconds);
  }

  get instruments(): Instrument[] {
    return [
      ...this.#ofGroup(),
      this.evaluationDuration,
      this.evaluationHistogram,
      this.groupDuration,
      this.groupHistogram,
      this.expansions,
      this.expansionFailures,
    ];
  }

  #ofGroup(): (Counter | Gauge)[] {
    return [
      this.iterationsMissed,
      this.iterations,
      this.evaluations,
      this.evaluationFailures,
      this.interval,
      this.lastEvaluation,
      this.lastDuration,
      this.lastRuleDurationSum,
      this.lastRestoreDuration,
      this.rules,
      this.lastSamples,
    ];
  }
}
