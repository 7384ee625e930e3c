/** One rule: what it is, and how its last evaluation went. */
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { type Expression, type ParserOptions, parseExpression, printExpression } from "../promql/mod.ts";
import { AlertState } from "./alert-state.ts";
import type { RuleSample } from "./query-vector.ts";
import type { RuleConfig } from "./rule-file.ts";

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
  /** Undefined where a rule was loaded with parts of PromQL that are off now. */
  readonly parsed: Expression | undefined;
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

  /** @param restores whether the state of an earlier process is to be looked up before `ALERTS` are written */
  constructor(
    config: RuleConfig,
    groupLabels: Record<string, string> | undefined,
    parser: ParserOptions | undefined,
    restores: boolean,
  ) {
    this.config = config;
    this.labels = { ...groupLabels, ...config.labels };
    this.parsed = parsed(config.expr, parser);
    this.expression = this.parsed === undefined ? config.expr : printExpression(this.parsed);
    this.alerts = config.alert === "" ? undefined : new AlertState(config, this.labels, restores);
  }

  get name(): string {
    return this.config.alert || this.config.record;
  }

  /** Rules with the same go on where the other one was when the configuration changes. */
  get identity(): string {
    return `${this.name}${Labels.of(this.labels)}`;
  }

  /** Two rules with the same do the same. */
  get definition(): string {
    const { record, alert, for: hold, keep_firing_for: keep, annotations } = this.config;
    const sorted = (map: Record<string, string> | undefined) => String(Labels.of(map ?? {}));
    return JSON.stringify([
      record,
      alert,
      this.expression,
      hold,
      keep,
      sorted(this.labels),
      sorted(annotations),
    ]);
  }

  fail(error: unknown): void {
    Object.assign(this.status, { health: "err", lastError: (error as Error).message });
  }

  succeed(): void {
    Object.assign(this.status, { health: "ok", lastError: "" });
  }
}

function parsed(text: string, parser: ParserOptions | undefined): Expression | undefined {
  try {
    return parseExpression(text, parser);
  } catch {
    return undefined;
  }
}

/**
 * The series of a recording rule.
 *
 * @throws Error where two are the same, or there are more than `limit` (0: as many as there are)
 */
export function recorded(rule: Rule, result: RuleSample[], limit: number): RuleSample[] {
  const seen = new Set<string>();
  const samples = result.map(({ labels, value, histogram }) => {
    const named = Labels.of([...labels, [METRIC_NAME, rule.config.record], ...Object.entries(rule.labels)]);
    if (seen.has(named.key))
      throw new Error("vector contains metrics with the same labelset after applying rule labels");
    seen.add(named.key);
    return { labels: named, value, histogram };
  });
  if (limit > 0 && samples.length > limit)
    throw new Error(`exceeded limit of ${limit} with ${samples.length} series`);
  return samples;
}
