/** Whether the alerts that fire are those that a test expects. */
import { compareLabels, Labels } from "../../../model/labels.ts";
import { formatDuration } from "../../config/units.ts";
import type { RuleGroup } from "../../rules/rule-group.ts";
import type { TestGroup } from "./test-file.ts";

interface ShownAlert {
  labels: Labels;
  annotations: Labels;
}

/** The difference as upstream words it, if there is one. */
export function checkAlerts(
  test: TestGroup["alert_rule_test"][number],
  groups: readonly RuleGroup[],
  testName: string,
): string[] {
  const got = groups
    .flatMap((group) => group.rules)
    .filter((rule) => rule.config.alert === test.alertname)
    .flatMap((rule) => rule.alerts?.active ?? [])
    .filter((alert) => alert.state === "firing")
    .map(({ labels, annotations }) => ({ labels, annotations: Labels.of(annotations) }));
  const expected = (test.exp_alerts ?? []).map(({ exp_labels: labels, exp_annotations: annotations }) => ({
    labels: Labels.of({ ...labels, alertname: test.alertname }),
    annotations: Labels.of(annotations ?? {}),
  }));
  const [expectedText, gotText] = [describe(expected), describe(got)];
  if (expectedText === gotText) return [];
  const prefix = testName === "" ? "" : `    name: ${testName},\n`;
  const time = formatDuration(test.eval_time);
  return [
    `${prefix}    alertname: ${test.alertname}, time: ${time}, \n        exp:${expectedText}, \n        got:${gotText}`,
  ];
}

/** `[]`, or each with its number, indented. */
function describe(alerts: ShownAlert[]): string {
  if (alerts.length === 0) return "[]";
  const sorted = [...alerts].sort(
    (a, b) => compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations),
  );
  const indent = " ".repeat(12);
  const entries = sorted.map(
    ({ labels, annotations }, i) =>
      `\n${indent}${i}:\n${indent}  Labels:${labels}\n${indent}  Annotations:${annotations}`,
  );
  return `[${entries.join(",")}\n${indent}]`;
}
