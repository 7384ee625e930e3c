/** Requests and limits of a pod as a whole (`validatePodResources` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { compareQuantities } from "../../../model/quantity.ts";
import { forbiddenField, invalidValue, notSupported } from "../field-error.ts";
import { containerRequests } from "./pod-defaults.ts";
import { resourceNameProblems, validateResources } from "./resource-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const SUPPORTED = ["cpu", "hugepages-", "memory"];

export function validateWholeResources(spec: Anything, path: string): StatusCause[] {
  const { resources } = spec;
  if (spec.os?.name === "windows") return [forbiddenField(path, "may not be set for a windows pod")];
  const causes: StatusCause[] = [];
  if (resources.claims !== undefined)
    causes.push(forbiddenField(`${path}.claims`, "claims may not be set for Resources at pod-level"));
  causes.push(...validateResources(resources, path, checkName));
  return [...causes, ...validateAgainstContainers(spec, path)];
}

function checkName(field: string, name: string): StatusCause[] {
  const problems = resourceNameProblems(name).filter((problem) => !problem.includes("for containers"));
  if (problems.length > 0 && name !== "storage")
    return problems.map((problem) => invalidValue(field, name, problem));
  const isSupported = SUPPORTED.some(
    (each) => name === each || (each.endsWith("-") && name.startsWith(each)),
  );
  return isSupported ? [] : [notSupported(field, name, SUPPORTED)];
}

/** The whole is at least what its parts ask for, and no part may have more than it. */
function validateAgainstContainers(spec: Anything, path: string): StatusCause[] {
  const { requests = {}, limits = {} } = spec.resources;
  const causes: StatusCause[] = [];
  for (const list of ["requests", "limits"] as const)
    for (const [name, sum] of Object.entries(containerRequests(spec, list))) {
      const whole = (list === "requests" ? requests : limits)[name];
      if (whole === undefined || (list === "limits" && !name.startsWith("hugepages-"))) continue;
      if (compareQuantities(sum, whole) > 0)
        causes.push(
          invalidValue(
            `${path}.${list}[${name}]`,
            whole,
            `must be greater than or equal to aggregate container ${list} of ${sum}`,
          ),
        );
    }
  for (const [index, container] of (spec.containers ?? []).entries())
    for (const [name, limit] of Object.entries<string>(container.resources?.limits ?? {}))
      if (limits[name] !== undefined && compareQuantities(limit, limits[name]) > 0)
        causes.push(
          invalidValue(
            `${path}.containers[${index}][${name}].limits`,
            limit,
            `must be less than or equal to pod limits of ${limits[name]}`,
          ),
        );
  return causes;
}
