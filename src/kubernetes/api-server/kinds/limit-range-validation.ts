/** Checks of LimitRanges (`ValidateLimitRange` of `pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-error.ts";
import { checkQualifiedName } from "./field-rules.ts";
import { resourceNameProblems } from "./resource-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validateLimitRange({ spec = {} }: KubernetesObject): StatusCause[] {
  const types = new Set<string>();
  return (spec.limits ?? []).flatMap((limit: Anything, index: number) => {
    const at = `spec.limits[${index}]`;
    const causes = limitTypeProblems(limit.type, `${at}.type`);
    if (types.has(limit.type)) causes.push(duplicate(`${at}.type`, limit.type));
    types.add(limit.type);
    const names = new Set(
      ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"].flatMap((part) =>
        Object.keys(limit[part] ?? {}),
      ),
    );
    causes.push(...validateNames(limit, at));
    return [...causes, ...[...names].flatMap((name) => validateBounds(limit, name, at))];
  });
}

const LIMIT_TYPES = ["Pod", "Container", "PersistentVolumeClaim"];

function limitTypeProblems(type: string, field: string): StatusCause[] {
  const causes = checkQualifiedName(field, type);
  if (causes.length > 0 || type.includes("/") || LIMIT_TYPES.includes(type)) return causes;
  return [invalidValue(field, type, "must be a standard limit type or fully qualified")];
}

/** Which resources may be limited, by what is limited. */
function validateNames(limit: Anything, at: string): StatusCause[] {
  const { type } = limit;
  const isPod = type === "Pod";
  const parts = ["max", "min", ...(isPod ? [] : ["default", "defaultRequest"])];
  const causes: StatusCause[] = [];
  const check = (part: string) => {
    for (const name of Object.keys(limit[part] ?? {}))
      for (const problem of limitedNameProblems(type, name))
        causes.push(invalidValue(`${at}.${part}[${name}]`, name, problem));
  };
  for (const part of parts) check(part);
  for (const part of ["default", "defaultRequest"])
    if (isPod && Object.keys(limit[part] ?? {}).length > 0)
      causes.push(forbiddenField(`${at}.${part}`, "may not be specified when `type` is 'Pod'"));
  if (type === "PersistentVolumeClaim" && !limit.min?.storage && !limit.max?.storage) {
    const problem = "either minimum or maximum storage value is required, but neither was provided";
    causes.push(required(`${at}.limits`, problem));
  }
  check("maxLimitRequestRatio");
  return causes;
}

function limitedNameProblems(type: string, name: string): string[] {
  if (type === "Pod" || type === "Container") return resourceNameProblems(name);
  if (name === "storage") return [];
  return resourceNameProblems(name).filter((problem) => !problem.endsWith("for containers"));
}

/** Each bound lies within those around it. */
function validateBounds(
  { min, max, default: limit, defaultRequest: request, maxLimitRequestRatio: ratios }: Anything,
  name: string,
  at: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  const check = (
    field: string,
    what: string,
    low: string | undefined,
    other: string,
    high: string | undefined,
    shown = low,
  ) => {
    if (low === undefined || high === undefined || parseQuantity(low) <= parseQuantity(high)) return;
    causes.push(
      invalidValue(
        `${at}.${field}[${name}]`,
        shown,
        `${what} value ${low} is greater than ${other} value ${high}`,
      ),
    );
  };
  check("min", "min", min?.[name], "max", max?.[name]);
  check("defaultRequest", "min", min?.[name], "default request", request?.[name], request?.[name]);
  check("defaultRequest", "default request", request?.[name], "max", max?.[name]);
  check("defaultRequest", "default request", request?.[name], "default limit", limit?.[name]);
  check("default", "min", min?.[name], "default", limit?.[name]);
  check("default", "default", limit?.[name], "max", max?.[name], max?.[name]);
  const ratio = ratios?.[name];
  if (ratio === undefined) return causes;
  const field = `${at}.maxLimitRequestRatio[${name}]`;
  if (parseQuantity(ratio) < 1) causes.push(invalidValue(field, ratio, `ratio ${ratio} is less than 1`));
  if (min?.[name] === undefined || max?.[name] === undefined) return causes;
  const most = parseQuantity(max[name]) / parseQuantity(min[name]);
  if (parseQuantity(ratio) > most) {
    const shown = Number.isFinite(most) ? most.toFixed(6) : "+Inf";
    causes.push(invalidValue(field, ratio, `ratio ${ratio} is greater than max/min = ${shown}`));
  }
  return causes;
}
