import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "./json-schema.ts";
import { ruleCostProblems } from "./rule-costs.ts";

const withRules = (schema: JsonSchema, ...rules: string[]): JsonSchema => ({
  ...schema,
  "x-kubernetes-validations": rules.map((rule) => ({ rule })),
});
const numbers = (maxItems?: number): JsonSchema => ({ type: "array", items: { type: "integer" }, maxItems });
const SQUARE = "self.all(a, self.all(b, a != b || a == b))";

/** The places with what is said of them: a factor, `+` for a part of what is too much, in the order of the answer. */
const told = (schema: JsonSchema) =>
  ruleCostProblems(schema, "s").map(({ field, message = "" }) => {
    const factor = /factor of ((?:more than )?[\d.]+x)/.exec(message)?.[1];
    return `${field} ${factor ?? "+"}`;
  });

test("rules that may cost too much are refused, each and together, as upstream counts", () => {
  const rule = (index = 0, at = "s") => `${at}.x-kubernetes-validations[${index}].rule`;
  const cases: [schema: JsonSchema, problems: string[]][] = [
    [withRules(numbers(100), SQUARE), []],
    [withRules(numbers(), "self.all(a, a > 1)"), []],
    [withRules(numbers(5000), SQUARE), [`${rule()} 17.5x`, `${rule()} +`, "s 1.8x"]],
    [withRules(numbers(), SQUARE), [`${rule()} more than 100x`, `${rule()} +`, "s more than 100x"]],
    [
      { type: "array", items: withRules(numbers(10), "self.all(s, s > 1)", "self.exists(s, s > 1)") },
      [
        `${rule(0, "s.items")} 5.5x`,
        `${rule(1, "s.items")} 6.5x`,
        `${rule(1, "s.items")} +`,
        `${rule(0, "s.items")} +`,
        "s 1.195377x",
      ],
    ],
    [
      {
        type: "array",
        items: withRules({ type: "array", items: { type: "string" } }, "self.all(s, s == 'x')"),
      },
      [`${rule(0, "s.items")} more than 100x`, `${rule(0, "s.items")} +`, "s more than 100x"],
    ],
    [{ type: "array", maxItems: 10, items: withRules(numbers(1000), "self.all(s, s > 1)") }, []],
  ];
  for (const [schema, problems] of cases) assert.deepEqual(told(schema), problems);
});
