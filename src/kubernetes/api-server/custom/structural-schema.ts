/**
 * Whether a schema is one that a custom resource may have: structural, and whole (`apiextensions-apiserver`
 * `pkg/apiserver/schema/validation.go`, `pkg/apis/apiextensions/validation`).
 */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { ruleProblem } from "./cel/cel-types.ts";
import type { JsonSchema, ValidationRule } from "./json-schema.ts";
import { pruneDefault } from "./prune.ts";
import { ruleCostProblems } from "./rule-costs.ts";
import { validateSchema } from "./schema-validation.ts";

type Level = "root" | "item" | "field";
/** Members of a schema that say what form a value has, and so have no place in `allOf` and its like. */
type Nested = JsonSchema & Record<string, unknown>;

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
const INT_OR_STRING: JsonSchema[] = [{ type: "integer" }, { type: "string" }];
const WHERE: Record<Level, string> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

export function checkStructural(schema: JsonSchema, path: string): StatusCause[] {
  const causes = check(schema, path, "root").sort((a, b) => {
    const [left, right] = [a, b].map(({ field, message }) => `${field}: ${message}`);
    return left < right ? -1 : left > right ? 1 : 0;
  });
  return [...causes, ...ruleCostProblems(schema, path)];
}

function check(schema: JsonSchema, path: string, level: Level): StatusCause[] {
  return [
    ...checkForm(schema, path, level),
    ...checkList(schema, path),
    ...checkDefault(schema, path),
    ...checkConditions(schema, path),
    ...checkCombinations(schema, path),
    ...checkInner(schema, path, level),
  ];
}

function checkForm(schema: JsonSchema & { $ref?: string }, path: string, level: Level): StatusCause[] {
  const { type, properties, additionalProperties } = schema;
  const causes: StatusCause[] = [];
  if (schema.$ref !== undefined) return [forbiddenField(`${path}.$ref`, "$ref is not supported")];
  const isFree = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (schema["x-kubernetes-embedded-resource"] && type !== "object") {
    const problem = "must be object if x-kubernetes-embedded-resource is true";
    causes.push(type ? invalidValue(`${path}.type`, type, problem) : required(`${path}.type`, problem));
  } else if (!type && !isFree) causes.push(required(`${path}.type`, WHERE[level]));
  if (type && !TYPES.includes(type)) causes.push(notSupported(`${path}.type`, type, TYPES));
  else if (level === "root" && type && type !== "object")
    causes.push(invalidValue(`${path}.type`, type, "must be object at the root"));
  if (additionalProperties !== undefined) {
    const at = `${path}.additionalProperties`;
    if (level === "root") causes.push(forbiddenField(at, "must not be used at the root"));
    if (properties !== undefined && Object.keys(properties).length > 0)
      causes.push(forbiddenField(at, "additionalProperties and properties are mutual exclusive"));
  }
  if (
    schema["x-kubernetes-embedded-resource"] &&
    !schema["x-kubernetes-preserve-unknown-fields"] &&
    Object.keys(properties ?? {}).length === 0
  )
    causes.push(
      required(
        `${path}.properties`,
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
  return causes;
}

function checkList(schema: JsonSchema, path: string): StatusCause[] {
  const { type, items, uniqueItems } = schema;
  const causes: StatusCause[] = [];
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (type === "array" && items === undefined) causes.push(required(`${path}.items`, "must be specified"));
  if (uniqueItems)
    causes.push(
      forbiddenField(
        `${path}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  const typeAt = `${path}.x-kubernetes-list-type`;
  if (listType !== undefined && !["atomic", "set", "map"].includes(listType))
    causes.push(notSupported(typeAt, listType, ["atomic", "map", "set"]));
  if (listType !== undefined && type !== "array") {
    const problem = "must be array if x-kubernetes-list-type is specified";
    causes.push(type ? invalidValue(`${path}.type`, type, problem) : required(`${path}.type`, problem));
  }
  const keysAt = `${path}.x-kubernetes-list-map-keys`;
  if (listType === "map" && keys.length === 0)
    causes.push(required(keysAt, "must not be empty if x-kubernetes-list-type is map"));
  if (listType !== "map" && keys.length > 0)
    causes.push(
      listType === undefined
        ? required(typeAt, "must be map if x-kubernetes-list-map-keys is non-empty")
        : invalidValue(typeAt, listType, "must be map if x-kubernetes-list-map-keys is non-empty"),
    );
  if (listType === "map" && items !== undefined) causes.push(...checkKeys(items, keys, path));
  return causes;
}

function checkKeys(items: JsonSchema, keys: string[], path: string): StatusCause[] {
  return keys.flatMap((key, index) => {
    const property = items.properties?.[key];
    if (property === undefined) {
      const problem = `entries must all be names of item properties`;
      return [invalidValue(`${path}.x-kubernetes-list-map-keys[${index}]`, key, problem)];
    }
    if (property.default !== undefined || items.required?.includes(key)) return [];
    const problem =
      "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
    return [required(`${path}.items.properties[${key}].default`, problem)];
  });
}

/** A default is a value of the schema like any other. */
function checkDefault(schema: JsonSchema, path: string): StatusCause[] {
  if (schema.default === undefined) return [];
  const at = `${path}.default`;
  const { default: value, ...rest } = schema;
  if (pruneDefault(value, rest)) return [invalidValue(at, value, "must not have unknown fields")];
  return validateSchema(rest, value, "").map((cause) => ({
    ...cause,
    field: cause.field === "" || cause.field === "<nil>" ? at : `${at}.${cause.field}`,
  }));
}

function checkConditions(schema: JsonSchema, path: string): StatusCause[] {
  const causes = (schema["x-kubernetes-validations"] ?? []).flatMap((rule, index) =>
    checkRule(rule, schema, `${path}.x-kubernetes-validations[${index}]`),
  );
  if (schema.pattern === undefined || isPattern(schema.pattern)) return causes;
  const problem = `must be a valid regular expression, but isn't: error parsing regexp: ${regexpProblem(schema.pattern)}`;
  return [...causes, invalidValue(`${path}.pattern`, schema.pattern, problem)];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    // Escapes that only the stricter flavour refuses are right in RE2.
    try {
      new RegExp(text);
      return true;
    } catch {
      return false;
    }
  }
}

function regexpProblem(text: string): string {
  try {
    new RegExp(text);
    return "";
  } catch (error) {
    const problem = (error as Error).message;
    if (/Unterminated group/.test(problem)) return `missing closing ): \`${text}\``;
    if (/Unterminated character class/.test(problem)) return `missing closing ]: \`${text}\``;
    if (/Unmatched/.test(problem)) return `unexpected ): \`${text}\``;
    return `${problem}`;
  }
}

function checkRule(rule: ValidationRule, schema: JsonSchema, path: string): StatusCause[] {
  if (!rule.rule?.trim()) return [required(`${path}.rule`, "rule is not specified")];
  const { messageExpression, optionalOldSelf } = rule;
  const causes: StatusCause[] = [];
  const check = (field: string, text: string, wanted: "bool" | "string") => {
    const problem = ruleProblem(text, schema, wanted, optionalOldSelf);
    if (problem !== undefined) causes.push(invalidValue(`${path}.${field}`, goRule(rule), problem));
  };
  check("rule", rule.rule, "bool");
  if (messageExpression !== undefined) check("messageExpression", messageExpression, "string");
  return causes;
}

/** As upstream's messages show a rule. */
function goRule({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule) {
  return {
    Rule: rule,
    Message: message ?? "",
    MessageExpression: messageExpression ?? "",
    Reason: reason ?? null,
    FieldPath: fieldPath ?? "",
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}

/** `anyOf` of a whole number and a text is how integers-or-strings were said once. */
function checkCombinations(schema: JsonSchema, path: string): StatusCause[] {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const isIntOrString = schema["x-kubernetes-int-or-string"] && deepEqual(anyOf, INT_OR_STRING);
  const nested: [JsonSchema, string][] = [
    ...(isIntOrString ? [] : anyOf.map((each, index): [JsonSchema, string] => [each, `anyOf[${index}]`])),
    ...allOf
      .filter((each) => !(schema["x-kubernetes-int-or-string"] && deepEqual(each.anyOf, INT_OR_STRING)))
      .map((each, index): [JsonSchema, string] => [each, `allOf[${index}]`]),
    ...oneOf.map((each, index): [JsonSchema, string] => [each, `oneOf[${index}]`]),
    ...(not === undefined ? [] : [[not, "not"] as [JsonSchema, string]]),
  ];
  return nested.flatMap(([each, where]) => checkNested(each as Nested, `${path}.${where}`));
}

const FORBIDDEN: [field: string, problem: string][] = [
  ["type", "must be empty to be structural"],
  ["additionalProperties", "must be undefined to be structural"],
  ["default", "must be undefined to be structural"],
  ["title", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-validations", "must be empty to be structural"],
];

function checkNested(schema: Nested, path: string): StatusCause[] {
  const isSet = (value: unknown) => value !== undefined && value !== "" && value !== false;
  return [
    ...FORBIDDEN.filter(([field]) => isSet(schema[field])).map(([field, problem]) =>
      forbiddenField(`${path}.${field}`, problem),
    ),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      checkNested(inner as Nested, `${path}.properties[${name}]`),
    ),
    ...(schema.items === undefined ? [] : checkNested(schema.items as Nested, `${path}.items`)),
    ...checkCombinations(schema, path),
  ];
}

function checkInner(schema: JsonSchema, path: string, level: Level): StatusCause[] {
  const { items, properties = {}, additionalProperties } = schema;
  const causes = items === undefined ? [] : check(items, `${path}.items`, "item");
  for (const [name, property] of Object.entries(properties)) {
    const at = `${path}.properties[${name}]`;
    if (level === "root" && name === "metadata") causes.push(...checkMetadata(property, at));
    else causes.push(...check(property, at, "field"));
  }
  if (typeof additionalProperties === "object")
    causes.push(...check(additionalProperties, `${path}.additionalProperties`, "field"));
  return causes;
}

/** Of the metadata only names may be bounded. */
function checkMetadata(schema: JsonSchema, path: string): StatusCause[] {
  const causes =
    schema.type === "object" ? [] : [invalidValue(`${path}.type`, schema.type ?? "", "must be object")];
  const { type: _, default: __, properties = {}, description: ___, ...rest } = schema;
  const isBound = Object.keys(properties).every((name) => name === "name" || name === "generateName");
  if (isBound && Object.keys(rest).length === 0) return causes;
  const problem =
    "must not specify anything other than name and generateName, but metadata is implicitly specified";
  return [...causes, forbiddenField(path, problem)];
}
