import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesFields, parseFieldSelector } from "./field-selector.ts";
import {
  dns1035LabelProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  formatSelector,
  labelValueProblem,
  labelValueProblems,
  MAX_SELECTOR_LENGTH,
  matchesSelector,
  parseSelector,
  qualifiedNameProblem,
  qualifiedNameProblems,
  selectorOf,
} from "./label-selector.ts";

test("parseSelector() selects as kubectl -l does", () => {
  const labels = { app: "web", tier: "db", empty: "", count: "7" };
  const cases: [string, boolean][] = [
    ["", true],
    ["app=web", true],
    ["app==web", true],
    ["app = web , tier!=cache", true],
    ["app=api", false],
    ["app!=web", false],
    ["missing!=x", true],
    ["missing=x", false],
    ["app in (web, api)", true],
    ["app in (api)", false],
    ["app notin (api)", true],
    ["missing notin (a)", true],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["empty=", true],
    ["empty", true],
    ["missing in ()", false],
    ["count>5,count<8", true],
    ["count>7", false],
    ["kubernetes.io/metadata.name=x", false],
  ];
  for (const [text, expected] of cases)
    assert.equal(matchesSelector(parseSelector(text), labels), expected, text);
});

test("parseSelector() says what it cannot read", () => {
  const cases: [string, RegExp][] = [
    ["app=web=x", /found '=', expected/],
    ["app in web", /expected: '\('/],
    ["app in (web", /expected: ',' or '\)'/],
    ["=x", /^Error: found '=', expected: !, identifier, or 'end of string'$/],
    ["!!x", /^Error: unable to parse requirement: found '!', expected: identifier$/],
    ["app,,web", /^Error: found ',', expected: identifier after ','$/],
    ["app=web,", /identifier after ','/],
    ["-bad=x", /name part must consist of alphanumeric/],
    ["app=-x", /a valid label must be an empty string/],
    ["a/b/c=x", /a valid label key must consist/],
    ["count>x", /the value must be an integer/],
    ["a".repeat(MAX_SELECTOR_LENGTH + 1), /longer than/],
  ];
  for (const [text, problem] of cases) assert.throws(() => parseSelector(text), problem, text);
});

test("selectorOf() reads the object form, and formatSelector() writes the text", () => {
  const selector = selectorOf({
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["b", "a"] },
      { key: "canary", operator: "DoesNotExist" },
    ],
  })!;
  assert.equal(formatSelector(selector), "app=web,tier in (a,b),!canary");
  assert.equal(matchesSelector(selector, { app: "web", tier: "a" }), true);
  assert.equal(matchesSelector(selector, { app: "web", tier: "a", canary: "" }), false);
  assert.equal(selectorOf(undefined), undefined);
  assert.deepEqual(selectorOf({}), []);
  assert.throws(
    () => selectorOf({ matchExpressions: [{ key: "a", operator: "Gt" }] }),
    /not a valid label selector operator/,
  );
});

test("qualifiedNameProblem() and labelValueProblem() follow upstream's limits", () => {
  assert.equal(qualifiedNameProblem("app.kubernetes.io/name"), undefined);
  assert.equal(qualifiedNameProblem("a".repeat(63)), undefined);
  assert.match(qualifiedNameProblem("a".repeat(64))!, /no more than 63/);
  assert.match(qualifiedNameProblem("Up/x")!, /prefix part a lowercase RFC 1123 subdomain/);
  assert.match(qualifiedNameProblem("__proto__")!, /must start and end with an alphanumeric/);
  assert.equal(labelValueProblem("a".repeat(63)), undefined);
  assert.match(labelValueProblem("a".repeat(64))!, /no more than 63/);
});

test("parseFieldSelector() reads both operators and escapes", () => {
  const selector = parseFieldSelector("metadata.name=a\\,b,status.phase!=Running,x==1");
  assert.deepEqual(selector, [
    { field: "metadata.name", equal: true, value: "a,b" },
    { field: "status.phase", equal: false, value: "Running" },
    { field: "x", equal: true, value: "1" },
  ]);
  const fields: Record<string, string> = { "metadata.name": "a,b", "status.phase": "Pending", x: "1" };
  assert.equal(
    matchesFields(selector, (field) => fields[field]),
    true,
  );
  assert.throws(() => parseFieldSelector("nonsense"), /can't understand 'nonsense'/);
});

test("parseSelector() tells all that is wrong with values, and where they stand in order", () => {
  const value = "a valid label must be an empty string";
  for (const [text, problem] of [
    ["a in (b, -x)", 'values[0][a]: Invalid value: "-x": '],
    ["a notin (,-x)", 'values[1][a]: Invalid value: "-x": '],
    [
      "a>-x",
      "[values[0]: Invalid value: \"-x\": for 'Gt', 'Lt' operators, the value must be an integer, values[0][a]: ",
    ],
  ])
    assert.throws(
      () => parseSelector(text),
      (error: Error) =>
        error.message.startsWith(`unable to parse requirement: ${problem}`) && error.message.includes(value),
      text,
    );
  assert.throws(() => parseSelector("a in (=)"), /found '=', expected: ',', '\)' or identifier$/);
});

test("the rules of names tell all that a text does not keep to", () => {
  const long = "A".repeat(64);
  assert.equal(qualifiedNameProblems("x.y/a").length, 0);
  assert.deepEqual(
    qualifiedNameProblems("a/").map((text) => text.slice(0, 30)),
    ["name part must be non-empty", "name part must consist of alph"],
  );
  assert.equal(qualifiedNameProblems(`A/${long}!`).length, 3);
  assert.equal(labelValueProblems(`${long}!`).length, 2);
  assert.equal(dnsLabelProblems(long).length, 2);
  assert.deepEqual(dnsLabelProblems("a.b"), ["must not contain dots"]);
  assert.equal(dns1035LabelProblems(`1${long}`).length, 2);
  assert.equal(dnsSubdomainProblems("A".repeat(254)).length, 2);
});
