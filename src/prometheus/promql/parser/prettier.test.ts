import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExpression } from "./expression-parser.ts";
import { prettyExpression } from "./prettier.ts";
import { printExpression } from "./printer.ts";

const LONG = "a_metric_with_a_rather_long_name_that_takes_much_of_a_line";

/** Expressions and the lines that they are put on. */
const PRETTY: [query: string, lines: string[]][] = [
  ["sum(  a )", ["sum(a)"]],
  [
    `sum by (job) (rate(${LONG}{tenant="one",zone="two"}[5m]) + 1)`,
    ["sum by (job) (", `  rate(${LONG}{tenant="one",zone="two"}[5m]) + 1`, ")"],
  ],
  [`topk(3, ${LONG} + ${LONG})`, ["topk(", "  3,", `    ${LONG}`, "  +", `    ${LONG}`, ")"]],
  [`${LONG} + on (a) group_left (b) ${LONG}`, [`  ${LONG}`, "+ on (a) group_left (b)", `  ${LONG}`]],
  [`-(${LONG} == bool ${LONG})`, ["-(", `    ${LONG}`, "  == bool", `    ${LONG}`, ")"]],
  [
    `label_replace(${LONG}, "destination", "$1", "source", "some (.*) pattern")`,
    [
      "label_replace(",
      `  ${LONG},`,
      '  "destination",',
      '  "$1",',
      '  "source",',
      '  "some (.*) pattern"',
      ")",
    ],
  ],
  [
    `max_over_time((${LONG} - ${LONG})[1h:5m] offset 1d)`,
    ["max_over_time(", "  (", `      ${LONG}`, "    -", `      ${LONG}`, "  )[1h:5m] offset 1d", ")"],
  ],
];

for (const [query, lines] of PRETTY) {
  test(`prettyExpression() of ${query.slice(0, 40)} takes ${lines.length} lines`, () => {
    const expression = parseExpression(query);
    const text = prettyExpression(expression);
    assert.deepEqual(text.split("\n"), lines);
    assert.equal(printExpression(parseExpression(text)), printExpression(expression), "means the same");
  });
}

test("prettyExpression() splits what takes more than 100 bytes", () => {
  const fits = `sum(${"a".repeat(95)})`;
  assert.equal(prettyExpression(parseExpression(fits)), fits);
  assert.equal(prettyExpression(parseExpression(`sum(${"a".repeat(96)})`)), `sum(\n  ${"a".repeat(96)}\n)`);
});
