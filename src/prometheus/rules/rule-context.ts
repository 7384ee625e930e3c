/** What rules need of the rest of the server. */
import type { Clock } from "../../base/clock.ts";
import type { Engine, ParserOptions } from "../promql/mod.ts";
import type { Storage } from "../storage.ts";
import type { ActiveAlert, AlertContext } from "./alert-state.ts";
import type { Rule } from "./rule.ts";
import type { RuleConcurrency } from "./rule-concurrency.ts";

export interface RuleContext extends AlertContext {
  /** The engine for one group, where it is to be known which one asked. @default `engine` */
  engineOf?: (group: { file: string; name: string }) => Pick<Engine, "instant">;
  /** The parts of PromQL that are on. */
  parser?: ParserOptions;
  storage: Pick<Storage, "appender" | "select">;
  clock: Clock;
  /** undefined: the rules of a group are evaluated one after the other. */
  concurrency?: RuleConcurrency;
  /** How long before an evaluation the data is taken from, of groups that don't say. */
  queryOffsetMs: () => number;
  /** Alerts whose state is told to Alertmanagers. */
  notify: (alerts: ActiveAlert[], rule: Rule) => void;
  outageToleranceMs: number;
  forGracePeriodMs: number;
  resendDelayMs: number;
}
