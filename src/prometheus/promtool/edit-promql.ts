/** `promtool promql format|label-matchers set|delete`: expressions laid out and edited (`cmd/promtool/main.go`). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import type { MatchOperator } from "../matcher.ts";
import { parseExpression } from "../promql/mod.ts";
import { type Expression, type VectorSelector, walk } from "../promql/parser/ast.ts";
import { prettyExpression } from "../promql/parser/prettier.ts";
import { parseToolArguments, type ToolArguments, UsageProblem } from "./arguments.ts";
import { parserOf } from "./check-rules.ts";

const OPERATORS = ["=", "!=", "=~", "!~"];

/** @throws ConfigError without `--experimental`, ParseError */
function parsed(given: ToolArguments): Expression {
  if (!given.has("experimental"))
    throw new ConfigError("This command is experimental and requires the --experimental flag to be set.");
  return parseExpression(given.rest[0], parserOf(given));
}

function printed(expression: Expression, machine: Machine): number {
  machine.print(`${prettyExpression(expression)}\n`);
  return 0;
}

function editSelectors(expression: Expression, edit: (selector: VectorSelector) => void): void {
  walk(expression, (node) => {
    if (node.kind === "vector-selector") edit(node);
  });
}

export const formatPromql: CliCommand = async (args, machine) =>
  printed(parsed(parseToolArguments(args, { required: ["query"] })), machine);

/** Gives every selector the matcher, in place of those that it has for that label. */
export const setLabelMatcher: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { values: ["type"], required: ["query", "name", "value"] });
  const operator = given.text("type", "=");
  if (!OPERATORS.includes(operator))
    throw new UsageProblem(`enum value must be one of ${OPERATORS.join(",")}, got '${operator}'`);
  const expression = parsed(given);
  const [, name, value] = given.rest;
  // Only to be printed: a pattern that is none is not refused, nor does upstream.
  const matcher = { name, operator: operator as MatchOperator, value, matches: () => false };
  editSelectors(expression, (selector) => {
    const { matchers } = selector;
    if (!matchers.some((each) => each.name === name)) matchers.push(matcher);
    else selector.matchers = matchers.map((each) => (each.name === name ? matcher : each));
  });
  return printed(expression, machine);
};

export const deleteLabelMatcher: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { required: ["query", "name"] });
  const expression = parsed(given);
  editSelectors(expression, (selector) => {
    selector.matchers = selector.matchers.filter((each) => each.name !== given.rest[1]);
  });
  return printed(expression, machine);
};
