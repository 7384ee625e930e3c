/** Since when alerts were active before the process began (`Group.RestoreForState` in `rules/group.go`). */
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { createMatcher } from "../matcher.ts";
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import type { Rule } from "./rule.ts";
import type { RuleContext } from "./rule-context.ts";

type RestoreContext = Pick<RuleContext, "storage" | "log" | "outageToleranceMs" | "forGracePeriodMs">;

/** Takes over the ages of a rule's alerts from `ALERTS_FOR_STATE`. A rule without `for` has none to take over. */
export async function restoreAlerts(rule: Rule, atMs: number, context: RestoreContext): Promise<void> {
  const { alerts } = rule;
  if (alerts === undefined) return;
  alerts.isRestored = true;
  const { outageToleranceMs, forGracePeriodMs } = context;
  if (alerts.holdMs < forGracePeriodMs) return;
  let found: SeriesSamples[];
  try {
    const range = { minMs: atMs - outageToleranceMs, maxMs: atMs };
    found = await context.storage.select(stateMatchers(rule), range);
  } catch (error) {
    context.log.error("Failed to restore 'for' state", { alertname: rule.name, stage: "Select", err: error });
    return;
  }
  const byLabels = new Map(found.map((each) => [each.labels.with(METRIC_NAME, "").key, each]));
  for (const alert of alerts.known) {
    const series = byLabels.get(alert.labels.key);
    const last = series === undefined ? undefined : lastFloat(series);
    if (last === undefined) continue;
    const wasActiveAtMs = Math.trunc(last.value) * 1000;
    alert.activeAtMs = resumedAt(wasActiveAtMs, last.timestampMs, atMs, alerts.holdMs, forGracePeriodMs);
  }
}

/** Labels that are templates have other values in each series. */
function stateMatchers(rule: Rule) {
  const labels = Labels.of({ ...rule.labels, [METRIC_NAME]: "ALERTS_FOR_STATE", alertname: rule.name });
  return Array.from(labels)
    .filter(([, value]) => !value.includes("{{"))
    .map(([name, value]) => createMatcher(name, "=", value));
}

/** The newest sample, unless it says that the alert had ended. */
function lastFloat({
  timestamps,
  values,
}: SeriesSamples): { timestampMs: number; value: number } | undefined {
  const last = timestamps.length - 1;
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  if (last < 0 || isStaleMarker(words, last)) return undefined;
  return { timestampMs: timestamps[last], value: values[last] };
}

/** The time that the process was down does not count, and an alert near its end waits a grace period at least. */
function resumedAt(
  wasActiveAtMs: number,
  downAtMs: number,
  atMs: number,
  holdMs: number,
  graceMs: number,
): number {
  const remainingMs = holdMs - (downAtMs - wasActiveAtMs);
  // It fired: it will again.
  if (remainingMs <= 0) return wasActiveAtMs;
  return remainingMs < graceMs ? atMs + graceMs - holdMs : wasActiveAtMs + (atMs - downAtMs);
}
