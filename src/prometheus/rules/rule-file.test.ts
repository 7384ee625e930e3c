import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRuleFile, RuleFileError } from "./rule-file.ts";

test("parseRuleFile() says what is wrong, in upstream's words", () => {
  const rule = (text: string) => `groups: [{name: g, rules: [${text}]}]`;
  const cases: [yaml: string, problem: string][] = [
    ["groups: [{rules: []}]", "Groupname must not be empty"],
    ["groups: [{name: a}, {name: a}]", 'groupname: "a" is repeated in the same file'],
    [rule("{expr: up}"), `group "g", rule 1, "": one of 'record' or 'alert' must be set`],
    [rule("{record: a, alert: b, expr: up}"), "only one of 'record' and 'alert' must be set"],
    [rule("{record: a}"), "field 'expr' must be set in rule"],
    [rule("{record: a, expr: 'up{'}"), "could not parse expression: 1:4: parse error"],
    [rule("{record: a, expr: up, for: 1m}"), "invalid field 'for' in recording rule"],
    [rule("{record: a, expr: up, keep_firing_for: 1m}"), "invalid field 'keep_firing_for' in recording rule"],
    [rule("{record: a, expr: up, annotations: {b: c}}"), "invalid field 'annotations' in recording rule"],
    [rule("{record: 'a{b=1}', expr: up}"), "braces present in the recording rule name"],
    [rule("{alert: a, expr: up, labels: {__name__: c}}"), "invalid label name: __name__"],
    [rule("{alert: a, expr: up, annotations: {b: '{{ if }}'}}"), 'annotation "b": template: __alert_a:1: '],
    [rule("{alert: a, expr: up, annotation: {b: c}}"), "field annotation not found in type rulefmt.Rule"],
    [rule("{record: a, expr: up, expr: b}"), 'line 1: mapping key "expr" already defined at line 1'],
  ];
  for (const [yaml, problem] of cases) {
    assert.throws(
      () => parseRuleFile(yaml),
      (error: Error) => {
        assert.ok(
          error instanceof RuleFileError && error.message.includes(problem),
          `${yaml}\n${error.message}`,
        );
        return true;
      },
    );
  }
});

test("parseRuleFile() reads groups", () => {
  const [group] = parseRuleFile(
    "groups: [{name: g, interval: 1m, labels: {a: b}, rules: [{record: r, expr: 1}]}]",
  );
  assert.deepEqual(
    [group.name, group.interval, group.labels?.a, group.rules[0].expr],
    ["g", 60_000, "b", "1"],
  );
  assert.deepEqual(parseRuleFile(""), []);
});

test("parseRuleFile() tells the place of what is missing, has an anchor, or comes from another rule", () => {
  const text = [
    "groups:",
    "- name: g",
    "  rules:",
    "  - record: ",
    "    expr: up",
    "  - &r",
    "    alert: a",
    "    expr: &e |",
    "      [",
    "  - <<: *r",
    "    labels: {b: c}",
  ];
  const places = (): string[] => {
    try {
      parseRuleFile(`${text.join("\n")}\n`);
      return [];
    } catch (error) {
      return (error as RuleFileError).problems.map((each) => each.split(" group ")[0]);
    }
  };
  assert.deepEqual(places(), ["4:12: 0:0:", "8:11:", "8:11:"]);
});
