import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "../json-schema.ts";
import { ruleProblem } from "./cel-types.ts";

const SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string" },
    count: { type: "integer" },
    ratio: { type: "number" },
    when: { type: "string", format: "date-time" },
    port: { "x-kubernetes-int-or-string": true },
    "a-b": { type: "boolean" },
    labels: { type: "object", additionalProperties: { type: "string" } },
    items: { type: "array", items: { type: "object", properties: { id: { type: "string" } } } },
    open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

const problem = (rule: string) => ruleProblem(rule, SCHEMA, "bool")?.split("\n")[0];

test("fields that the schema does not have and operands that do not fit are told, with their place", () => {
  const failed = "compilation failed: ERROR: <input>:1:";
  assert.equal(problem("self.nope == 3"), `${failed}5: undefined field 'nope'`);
  assert.equal(problem("self.name.x == 3"), `${failed}10: type 'string' does not support field selection`);
  assert.equal(
    problem("self.name > 3"),
    `${failed}11: found no matching overload for '_>_' applied to '(string, int)'`,
  );
  assert.equal(problem("self.items.all(i, i.nope == 'x')"), `${failed}20: undefined field 'nope'`);
  assert.equal(problem("slef.name == ''"), `${failed}1: undeclared reference to 'slef' (in container '')`);
  assert.equal(problem("self.count + 1"), "cel expression must evaluate to a bool");
  assert.equal(ruleProblem("self.count", SCHEMA, "string"), "messageExpression must evaluate to a string");
});

test("what may be right is taken", () => {
  for (const rule of [
    "self.count < self.ratio",
    "self.port == 3 || self.port == 'http'",
    "self.a__dash__b && self.open.anything.at.all",
    "self.items.all(i, i.id != '') && self.labels.all(k, self.labels[k].size() < 3)",
    "has(self.labels.x) && self.labels.x == oldSelf.labels.x",
    "self.when < timestamp('2024-01-01T00:00:00Z')",
    "self.items.map(i, i.id).exists(x, x.startsWith('a'))",
    "self.metadata.name == self.name",
    "(self.count > 1 ? self.name : 'x') == 'y'",
    "self.name == null || self.?labels.x.orValue('') == ''",
  ])
    assert.equal(problem(rule), undefined, rule);
});
