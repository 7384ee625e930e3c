/** Checks of requests and limits (`ValidateContainerResourceRequirements` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { qualifiedNameProblem } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { invalidValue, required } from "../field-error.ts";

type Quantities = Record<string, string>;

const CONTAINER_RESOURCES = ["cpu", "memory", "ephemeral-storage"];

const isStandard = (name: string) => CONTAINER_RESOURCES.includes(name) || name.startsWith("hugepages-");
/** Only whole ones can be given away. */
const isOvercommitable = (name: string) => !name.includes("/") && !name.startsWith("hugepages-");

export function validateResources(
  resources: { limits?: Quantities; requests?: Quantities },
  path: string,
): StatusCause[] {
  const { limits = {}, requests = {} } = resources;
  const causes = [...validateList(limits, `${path}.limits`)];
  for (const [name, request] of Object.entries(requests)) {
    causes.push(...validateList({ [name]: request }, `${path}.requests`));
    const limit = limits[name];
    if (limit === undefined) {
      if (isOvercommitable(name)) continue;
      causes.push(required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    } else if (isOvercommitable(name)) {
      if (parseQuantity(request) > parseQuantity(limit))
        causes.push(tooMuch(path, request, `less than or equal to ${name} limit of ${limit}`));
    } else if (parseQuantity(request) !== parseQuantity(limit)) {
      causes.push(tooMuch(path, request, `equal to ${name} limit of ${limit}`));
    }
  }
  return causes;
}

function tooMuch(path: string, request: string, limit: string): StatusCause {
  return invalidValue(`${path}.requests`, request, `must be ${limit}`);
}

function validateList(quantities: Quantities, path: string): StatusCause[] {
  return Object.entries(quantities).flatMap(([name, quantity]) => {
    const at = `${path}[${name}]`;
    const causes = resourceNameProblems(name).map((problem) => invalidValue(at, name, problem));
    return [...causes, ...notBelowZero(at, quantity)];
  });
}

/** What is wrong with the name of a container's resource. */
export function resourceNameProblems(name: string): string[] {
  const problem = qualifiedNameProblem(name);
  if (problem !== undefined)
    return name.includes("/") ? [problem] : [problem, "must be a standard resource for containers"];
  if (name.includes("/") || isStandard(name)) return [];
  return [
    "must be a standard resource type or fully qualified",
    "must be a standard resource for containers",
  ];
}

export function notBelowZero(field: string, quantity: string): StatusCause[] {
  return parseQuantity(quantity) >= 0
    ? []
    : [invalidValue(field, quantity, "must be greater than or equal to 0")];
}
