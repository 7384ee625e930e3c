/** `x-kubernetes-validations`: rules of a custom resource's schema (`apiextensions-apiserver/pkg/apiserver/schema/cel`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { evaluateCel } from "./cel/cel-evaluate.ts";
import { type CelNode, CelSyntaxError, namesVariable, parseCel } from "./cel/cel-syntax.ts";
import { CelError, CelOptional, type CelValue, celValueOf } from "./cel/cel-value.ts";
import type { JsonSchema, ValidationRule } from "./json-schema.ts";
import { formerItems } from "./schema-validation.ts";

interface CompiledRule extends ValidationRule {
  tree: CelNode | CelSyntaxError;
  messageTree: CelNode | undefined;
  /** Looks at what was there before: holds only where something was. */
  isTransition: boolean;
}

const compiled = new WeakMap<ValidationRule, CompiledRule>();
const withRules = new WeakMap<JsonSchema, boolean>();

/** Whether there is a rule anywhere in a schema. */
export function hasRules(schema: JsonSchema): boolean {
  let found = withRules.get(schema);
  if (found === undefined) {
    found = (schema["x-kubernetes-validations"] ?? []).length > 0 || innerSchemas(schema).some(hasRules);
    withRules.set(schema, found);
  }
  return found;
}

function innerSchemas({ properties, items, additionalProperties }: JsonSchema): JsonSchema[] {
  return [
    ...Object.values(properties ?? {}),
    ...(items === undefined ? [] : [items]),
    ...(typeof additionalProperties === "object" ? [additionalProperties] : []),
  ];
}

/** What was in the place of a value. */
export interface Past {
  /** What rules see as `oldSelf`, where that can be told. */
  oldSelf: unknown;
  /** What the value is compared with: what did not change is not refused (CRDValidationRatcheting). */
  former: unknown;
  /** It lies within what did not change. */
  isSame: boolean;
}

export const NO_PAST: Past = { oldSelf: undefined, former: undefined, isSame: false };

/**
 * What the rules say of a value.
 *
 * @param warn takes what is wrong with a value that did not change
 */
export function validateRules(
  schema: JsonSchema,
  value: unknown,
  past: Past,
  path: string,
  warn: (text: string) => void = () => {},
): StatusCause[] {
  if (value === undefined || value === null || !hasRules(schema)) return [];
  const isSame = past.isSame || (past.former !== undefined && deepEqual(value, past.former));
  const causes = (schema["x-kubernetes-validations"] ?? []).flatMap((rule) => {
    const compiled = compile(rule);
    const found = checkRule(compiled, schema, value, past.oldSelf, path);
    if (!isSame || compiled.isTransition) return found;
    for (const { field, message } of found) warn(`${field}: ${message}`);
    return [];
  });
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return causes;
    const [oldItem, formerItem] = [past.oldSelf, past.former].map((list) => formerItems(schema, list));
    for (const [index, item] of value.entries()) {
      const of = { oldSelf: oldItem(item), former: formerItem(item), isSame };
      causes.push(...validateRules(items, item, of, `${path}[${index}]`, warn));
    }
  } else if (isJsonObject(value)) {
    const isWhole = schema["x-kubernetes-map-type"] === "atomic";
    const memberOf = (object: unknown, name: string) => (isJsonObject(object) ? object[name] : undefined);
    for (const [name, member] of Object.entries(value)) {
      const { additionalProperties } = schema;
      const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : undefined;
      const inner = property ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
      const at = property !== undefined ? (path === "" ? name : `${path}.${name}`) : `${path}[${name}]`;
      const oldSelf = isWhole ? undefined : memberOf(past.oldSelf, name);
      const of = { oldSelf, former: memberOf(past.former, name), isSame };
      if (inner !== undefined) causes.push(...validateRules(inner, member, of, at, warn));
    }
  }
  return causes;
}

function compile(rule: ValidationRule): CompiledRule {
  let found = compiled.get(rule);
  if (found === undefined) {
    const tree = parse(rule.rule);
    const message = rule.messageExpression === undefined ? undefined : parse(rule.messageExpression);
    found = {
      ...rule,
      tree,
      messageTree: message instanceof CelSyntaxError ? undefined : message,
      isTransition: !(tree instanceof CelSyntaxError) && namesVariable(tree, "oldSelf"),
    };
    compiled.set(rule, found);
  }
  return found;
}

function parse(text: string): CelNode | CelSyntaxError {
  try {
    return parseCel(text);
  } catch (error) {
    if (error instanceof CelSyntaxError) return error;
    throw error;
  }
}

function checkRule(
  rule: CompiledRule,
  schema: JsonSchema,
  value: unknown,
  previous: unknown,
  path: string,
): StatusCause[] {
  const at = `${path}${rule.fieldPath ?? ""}`.replace(/^\./, "") || "<nil>";
  const shown = rule.fieldPath === undefined ? shownValue(value) : "";
  const text = rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
  if (rule.tree instanceof CelSyntaxError)
    return [cause("FieldValueInvalid", at, shown, `rule compile error: ${rule.tree.message}`)];
  const hadValue = previous !== undefined && previous !== null;
  if (rule.isTransition && !hadValue && !rule.optionalOldSelf) return [];
  const variables: Record<string, CelValue> = { self: celValueOf(value, schema) };
  if (rule.isTransition) {
    const before = hadValue ? celValueOf(previous, schema) : undefined;
    variables.oldSelf = rule.optionalOldSelf ? new CelOptional(before) : before!;
  }
  try {
    if (evaluateCel(rule.tree, variables) === true) return [];
    return [cause(rule.reason, at, shown, messageOf(rule, variables) ?? text)];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return [cause("FieldValueInvalid", at, shown, failureText(error.message, text, rule.rule))];
  }
}

function failureText(problem: string, text: string, rule: string): string {
  if (problem.startsWith("no such overload"))
    return `'${problem}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
  if (problem.startsWith("operation cancelled"))
    return `'${problem}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;
  return `${problem} evaluating rule: ${text.replace(/^failed rule: /, "")}`;
}

function messageOf({ messageTree }: CompiledRule, variables: Record<string, CelValue>): string | undefined {
  if (messageTree === undefined) return undefined;
  try {
    const message = evaluateCel(messageTree, variables);
    const isUsable = typeof message === "string" && message.trim() !== "" && !/[\r\n]/.test(message);
    return isUsable ? message : undefined;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return undefined;
  }
}

/** Lists and objects are not shown. */
function shownValue(value: unknown): string {
  return typeof value === "object" ? "" : JSON.stringify(value);
}

const WORDS: Record<string, string> = {
  FieldValueForbidden: "Forbidden",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
};

function cause(reason = "FieldValueInvalid", field: string, shown: string, text: string): StatusCause {
  const word = WORDS[reason] ?? "Invalid value";
  const hasValue = shown !== "" && reason !== "FieldValueForbidden" && reason !== "FieldValueRequired";
  return { reason, field, message: `${word}: ${hasValue ? `${shown}: ` : ""}${text}` };
}
