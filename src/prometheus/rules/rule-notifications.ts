/** What Alertmanagers are told of a rule's alerts (`SendAlerts` in `rules/manager.go`). */
import type { Notification } from "../notifier/alert.ts";
import type { ActiveAlert } from "./alert-state.ts";
import type { Rule } from "./rule.ts";
import { tableLink } from "./template/text.ts";

/** An alert that fires ends when it would be told again; if it is not, Alertmanager takes it as resolved. */
export function notificationsOf(alerts: ActiveAlert[], rule: Rule, externalUrl: string): Notification[] {
  return alerts.map((alert) => ({
    labels: alert.labels,
    annotations: alert.annotations,
    startsAtMs: alert.firedAtMs,
    endsAtMs: alert.resolvedAtMs || alert.validUntilMs,
    generatorUrl: externalUrl + tableLink(rule.expression),
  }));
}
