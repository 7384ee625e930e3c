/** Checks of when a Job has failed or succeeded before all of its pods did (`pkg/apis/batch/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import {
  duplicate,
  invalidValue,
  notNegative,
  notSupported,
  required,
  tooLong,
  tooMany,
} from "../field-error.ts";
import { checkQualifiedName } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** Of a failure policy, and of a success policy. */
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
/** The longest list of indexes, as text. */
const MAX_INDEXES_LENGTH = 64 * 1024;

const ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS = ["In", "NotIn"];
const CONDITION_STATUSES = ["False", "True", "Unknown"];

const validValues = (values: readonly string[]) =>
  `valid values: [${values.map((value) => JSON.stringify(value)).join(" ")}]`;

/** What has to be one of a few values, where upstream lists them if it is not there. */
function checkChoice(field: string, value: string | undefined, supported: readonly string[]): StatusCause[] {
  if (!value) return [required(field, validValues(supported))];
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

export function validateFailurePolicy(spec: Anything, path: string): StatusCause[] {
  const { rules = [] } = spec.podFailurePolicy;
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set<string>([...containers, ...initContainers].map(({ name }: Anything) => name ?? ""));
  const causes: StatusCause[] = [];
  if (rules.length > MAX_RULES) causes.push(tooMany(`${path}.rules`, rules.length, MAX_RULES));
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.rules[${index}]`;
    causes.push(...validateAction(rule.action, spec, `${at}.action`));
    causes.push(...validateFailureRule(rule, at, names));
  }
  return causes;
}

function validateAction(action: string | undefined, spec: Anything, field: string): StatusCause[] {
  if (action !== "FailIndex") return checkChoice(field, action, ACTIONS);
  if (spec.backoffLimitPerIndex !== undefined) return [];
  return [invalidValue(field, action, "requires the backoffLimitPerIndex to be set")];
}

function validateFailureRule(
  { onExitCodes, onPodConditions = [] }: Anything,
  path: string,
  names: Set<string>,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (onExitCodes !== undefined) causes.push(...validateExitCodes(onExitCodes, `${path}.onExitCodes`, names));
  const at = `${path}.onPodConditions`;
  if (onPodConditions.length > MAX_CONDITIONS)
    causes.push(tooMany(at, onPodConditions.length, MAX_CONDITIONS));
  for (const [index, { type, status }] of onPodConditions.entries()) {
    causes.push(...checkQualifiedName(`${at}[${index}].type`, type));
    causes.push(...checkChoice(`${at}[${index}].status`, status, CONDITION_STATUSES));
  }
  const isBoth = onExitCodes !== undefined && onPodConditions.length > 0;
  const isNone = onExitCodes === undefined && onPodConditions.length === 0;
  const which = isBoth ? "both" : "one of";
  const problem = `specifying ${which} OnExitCodes and OnPodConditions is ${isBoth ? "not supported" : "required"}`;
  if (isBoth || isNone)
    causes.push({ reason: "FieldValueInvalid", message: `Invalid value: ${problem}`, field: path });
  return causes;
}

function validateExitCodes(
  { operator, containerName, values = [] }: Anything,
  path: string,
  names: Set<string>,
): StatusCause[] {
  const causes = checkChoice(`${path}.operator`, operator, OPERATORS);
  if (containerName !== undefined && !names.has(containerName)) {
    const problem = "must be one of the container or initContainer names in the pod template";
    causes.push(invalidValue(`${path}.containerName`, containerName, problem));
  }
  const at = `${path}.values`;
  if (values.length === 0) causes.push(invalidValue(at, values, "at least one value is required"));
  else if (values.length > MAX_EXIT_CODES) causes.push(tooMany(at, values.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (operator === "In" && value === 0)
      causes.push(invalidValue(`${at}[${index}]`, value, "must not be 0 for the In operator"));
    if (seen.has(value)) causes.push(duplicate(`${at}[${index}]`, value));
    seen.add(value);
  }
  if (values.some((value: number, index: number) => index > 0 && values[index - 1] > value))
    causes.push(invalidValue(at, values, "must be ordered"));
  return causes;
}

export function validateSuccessPolicy(spec: Anything, path: string): StatusCause[] {
  const { rules = [] } = spec.successPolicy;
  const at = `${path}.rules`;
  const causes: StatusCause[] = [];
  if (rules.length === 0)
    causes.push(required(at, "at least one rules must be specified when the successPolicy is specified"));
  if (rules.length > MAX_RULES) causes.push(tooMany(at, rules.length, MAX_RULES));
  for (const [index, rule] of rules.entries())
    causes.push(...validateSuccessRule(rule, spec.completions ?? 0, `${at}[${index}]`));
  return causes;
}

function validateSuccessRule(
  { succeededIndexes, succeededCount }: Anything,
  completions: number,
  path: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (succeededIndexes === undefined && succeededCount === undefined)
    causes.push(required(path, "at least one of succeededCount or succeededIndexes must be specified"));
  let total = 0;
  if (succeededIndexes !== undefined) {
    const field = `${path}.succeededIndexes`;
    if (succeededIndexes.length > MAX_INDEXES_LENGTH) causes.push(tooLong(field, MAX_INDEXES_LENGTH));
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === "number") total = counted;
    else causes.push(invalidValue(field, succeededIndexes, `error parsing succeededIndexes: ${counted}`));
  }
  if (succeededCount === undefined) return causes;
  const field = `${path}.succeededCount`;
  causes.push(...notNegative(field, succeededCount));
  const refuse = (limit: number, what: string) =>
    causes.push(
      invalidValue(field, succeededCount, `must be less than or equal to ${limit} (the number of ${what})`),
    );
  if (succeededCount > completions) refuse(completions, "specified completions");
  if (succeededIndexes !== undefined && succeededCount > total)
    refuse(total, "indexes in the specified succeededIndexes field");
  return causes;
}

/** How many indexes `0,2-4` names, or what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  if (text === "") return 0;
  let total = 0;
  let last: number | undefined;
  for (const part of text.split(",")) {
    const ends = part.split("-");
    if (ends.length > 2)
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    for (const end of ends) {
      if (!/^[+]?\d+$/.test(end)) return `cannot convert string to integer for index: ${JSON.stringify(end)}`;
      if (Number(end) >= completions) return `too large index: ${JSON.stringify(end)}`;
    }
    const [from, to = from] = ends.map(Number);
    if (ends.length === 2 && from >= to) return `non-increasing order, previous: ${from}, current: ${to}`;
    if (last !== undefined && last >= from)
      return `non-increasing order, previous: ${last}, current: ${from}`;
    total += to - from + 1;
    last = to;
  }
  return total;
}
