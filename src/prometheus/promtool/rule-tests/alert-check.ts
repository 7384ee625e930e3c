/** Whether the alerts that fire are those that a test expects. */
import { compareLabels, Labels } from "../../../model/labels.ts";
import { formatDuration } from "../../config/units.ts";
import type { RuleGroup } from "../../rules/rule-group.ts";
import { type DiffValue, jsonDiff } from "./json-diff.ts";
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
  isDiff: boolean,
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
  const difference = isDiff
    ? `diff: ${indented(jsonDiff(jsonOf(expected), jsonOf(got)))}`
    : `exp:${expectedText}, \n        got:${gotText}`;
  return [`${prefix}    alertname: ${test.alertname}, time: ${time}, \n        ${difference}`];
}

/** None is shown as one without labels, as upstream does. */
function jsonOf(alerts: ShownAlert[]): DiffValue {
  const object = (labels: Labels) => Object.fromEntries(labels);
  const shown = sorted(alerts).map(({ labels, annotations }) => ({
    Labels: object(labels),
    Annotations: object(annotations),
  }));
  return shown.length === 0 ? [{ Labels: {}, Annotations: {} }] : shown;
}

function indented(text: string): string {
  return text.replaceAll("\n", `\n${" ".repeat(12)}`);
}

function sorted(alerts: ShownAlert[]): ShownAlert[] {
  return [...alerts].sort(
    (a, b) => compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations),
  );
}

/** `[]`, or each with its number, indented. */
function describe(alerts: ShownAlert[]): string {
  if (alerts.length === 0) return "[]";
  const indent = " ".repeat(12);
  const entries = sorted(alerts).map(
    ({ labels, annotations }, i) =>
      `\n${indent}${i}:\n${indent}  Labels:${labels}\n${indent}  Annotations:${annotations}`,
  );
  return `[${entries.join(",")}\n${indent}]`;
}
