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
  checkName: NameCheck = checkContainerResource,
): StatusCause[] {
  const { limits = {}, requests = {} } = resources;
  const causes = [...validateList(limits, `${path}.limits`, checkName)];
  for (const [name, request] of Object.entries(requests)) {
    causes.push(...validateList({ [name]: request }, `${path}.requests`, checkName));
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

/** What is wrong with a resource's name at a place. */
type NameCheck = (field: string, name: string) => StatusCause[];

const checkContainerResource: NameCheck = (field, name) =>
  resourceNameProblems(name).map((problem) => invalidValue(field, name, problem));

function validateList(quantities: Quantities, path: string, checkName: NameCheck): StatusCause[] {
  return Object.entries(quantities).flatMap(([name, quantity]) => {
    const at = `${path}[${name}]`;
    const causes = checkName(at, name);
    return [...causes, ...notBelowZero(at, quantity), ...checkWhole(at, name, quantity)];
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

/** What others than Kubernetes provide comes in whole pieces. */
export function checkWhole(field: string, name: string, quantity: string): StatusCause[] {
  const isExtended = name.includes("/") && !/(^|[./])kubernetes\.io\//.test(name);
  return isExtended && !Number.isInteger(parseQuantity(quantity))
    ? [invalidValue(field, quantity, "must be an integer")]
    : [];
}

export function notBelowZero(field: string, quantity: string): StatusCause[] {
  return parseQuantity(quantity) >= 0
    ? []
    : [invalidValue(field, quantity, "must be greater than or equal to 0")];
}
