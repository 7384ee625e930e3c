/**
 * Whether the rules of a schema might cost more than upstream spends on one: on each by itself, and on all of a schema
 * (`apiextensions-apiserver/pkg/apis/apiextensions/validation`).
 */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField } from "../field-error.ts";
import { celCost, maxCardinality } from "./cel/cel-cost.ts";
import { CelSyntaxError, parseCel } from "./cel/cel-syntax.ts";
import { Mismatch, typeOfSchema } from "./cel/cel-types.ts";
import type { JsonSchema } from "./json-schema.ts";

export const MAX_RULE_COST = 10_000_000;
export const MAX_SCHEMA_COST = 100_000_000;
/** An expression that costs a part of the schema's that is as large is named. */
const NAMED_EXPRESSIONS = 4;

interface Expense {
  at: string;
  cost: number;
}

export function ruleCostProblems(schema: JsonSchema, path: string): StatusCause[] {
  const expenses = [...expensesOf(schema, path, 1)];
  const causes = expenses
    .filter(({ cost }) => cost > MAX_RULE_COST)
    .map(({ at, cost }) => forbiddenField(at, costProblem("estimated rule cost", cost, MAX_RULE_COST)));
  const total = expenses.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= MAX_SCHEMA_COST) return causes;
  const dearest = expenses.sort((a, b) => b.cost - a.cost).slice(0, NAMED_EXPRESSIONS);
  for (const { at, cost } of dearest) if (cost > MAX_RULE_COST) causes.push(forbiddenField(at, CONTRIBUTED));
  const what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
  return [...causes, forbiddenField(path, costProblem(what, total, MAX_SCHEMA_COST))];
}

const CONTRIBUTED =
  "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";

function costProblem(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown =
    factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return (
    `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and ` +
    "maxLength where arrays, maps, and strings are declared)"
  );
}

/** @param cardinality how many values of the schema there may be; absent where that is not bounded */
function* expensesOf(schema: JsonSchema, path: string, cardinality: number | undefined): Iterable<Expense> {
  const times = cardinality ?? maxCardinality(schema);
  for (const [index, { rule }] of (schema["x-kubernetes-validations"] ?? []).entries()) {
    const cost = costOf(rule, schema);
    if (cost !== undefined)
      yield { at: `${path}.x-kubernetes-validations[${index}].rule`, cost: cost * times };
  }
  const product = (most: number | undefined) =>
    cardinality === undefined || most === undefined ? undefined : cardinality * most;
  const { properties, items, additionalProperties } = schema;
  for (const [name, property] of Object.entries(properties ?? {}))
    yield* expensesOf(property, `${path}.properties[${name}]`, cardinality);
  if (items !== undefined) yield* expensesOf(items, `${path}.items`, product(schema.maxItems));
  if (typeof additionalProperties === "object")
    yield* expensesOf(additionalProperties, `${path}.additionalProperties`, product(schema.maxProperties));
}

/** Undefined for what is no rule at all, which is told elsewhere. */
function costOf(rule: string, schema: JsonSchema): number | undefined {
  const self = typeOfSchema(schema);
  try {
    return celCost(parseCel(rule), { self, oldSelf: self }, rule);
  } catch (error) {
    if (error instanceof CelSyntaxError || error instanceof Mismatch) return undefined;
    throw error;
  }
}
