/** Checks of objects before they are stored, with the texts of apimachinery `field.Error`. */
import type { KubernetesObject, OwnerReference } from "../../model/kubernetes-object.ts";
import type { StatusCause } from "../../model/kubernetes-status.ts";
import { dns1035LabelProblems, dnsLabelProblems, dnsSubdomainProblems } from "../../model/label-selector.ts";
import type { JsonSchema } from "./custom/json-schema.ts";
import { validateSchema } from "./custom/schema-validation.ts";
import { hasRules, NO_PAST, validateRules } from "./custom/validation-rules.ts";
import { invalidValue, required } from "./field-error.ts";
import { invalid } from "./invalid-object.ts";
import { validateChangedEvent, validateNewEvent } from "./kinds/event-validation.ts";
import {
  checkAnnotations,
  checkLabels,
  checkQualifiedName,
  checkText,
  pathSegmentProblem,
  strictAddressProblem,
} from "./kinds/field-rules.ts";
import { strategyOf } from "./kinds/strategies.ts";
import type { ResourceInfo } from "./resource-info.ts";

/** All annotations of an object together. */
export const MAX_ANNOTATION_BYTES = 256 * 1024;

/**
 * @param isStatus only the status is written: what was there is not looked at again
 * @param warn takes what is wrong and was so before
 * @throws KubernetesError 422 naming every field that is wrong.
 */
export function validateObject(
  info: ResourceInfo,
  object: KubernetesObject,
  previous?: KubernetesObject,
  isStatus = false,
  warn: (text: string) => void = () => {},
): void {
  const causes = isStatus ? [] : validateMetadata(info, object, previous);
  if (info.schema !== undefined) causes.push(...customProblems(info.schema, object, previous, warn));
  if (!isStatus) causes.push(...(strategyOf(info).validate?.(object, previous) ?? []));
  if (info.group === "events.k8s.io")
    causes.push(
      ...(previous === undefined ? validateNewEvent(object) : validateChangedEvent(object, previous)),
    );
  if (causes.length > 0) throw invalid(info, object.metadata.name, causes);
}

/** Problems after which a value can't be looked at more closely. */
const BLOCKING = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

function customProblems(
  schema: JsonSchema,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
  warn: (text: string) => void,
): StatusCause[] {
  let causes = validateSchema(schema, object, "", previous);
  // Lists that had something twice may have it twice.
  const isRepeated = ({ reason }: StatusCause) => reason === "FieldValueDuplicate";
  if (
    previous !== undefined &&
    causes.some(isRepeated) &&
    validateSchema(schema, previous, "").some(isRepeated)
  )
    causes = causes.filter((cause) => !isRepeated(cause));
  if (!hasRules(schema)) return causes;
  if (!causes.some(({ reason }) => BLOCKING.has(reason ?? ""))) {
    const past = previous === undefined ? NO_PAST : { oldSelf: previous, former: previous, isSame: false };
    return [...causes, ...validateRules(schema, object, past, "", warn)];
  }
  const problem =
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete " +
    "validation";
  return [...causes, invalidValue("<nil>", null, problem)];
}

/** Kinds whose names are no DNS subdomains. Services and new StatefulSets have theirs checked with the rest. */
const NAME_PROBLEMS: Record<string, (name: string) => string | readonly string[] | undefined> = {
  "/events": pathSegmentProblem,
  "/namespaces": dnsLabelProblems,
  "/services": () => undefined,
  "networking.k8s.io/ipaddresses": strictAddressProblem,
  "apiregistration.k8s.io/apiservices": pathSegmentProblem,
  "apps/statefulsets": () => undefined,
  "policy/poddisruptionbudgets": pathSegmentProblem,
  "rbac.authorization.k8s.io/clusterrolebindings": pathSegmentProblem,
  "rbac.authorization.k8s.io/clusterroles": pathSegmentProblem,
  "rbac.authorization.k8s.io/rolebindings": pathSegmentProblem,
  "rbac.authorization.k8s.io/roles": pathSegmentProblem,
};

function validateMetadata(
  info: ResourceInfo,
  { metadata }: KubernetesObject,
  previous: KubernetesObject | undefined,
): StatusCause[] {
  const rule = info.group === "events.k8s.io" ? undefined : NAME_PROBLEMS[info.collection];
  const nameProblem = previous !== undefined && info.collection === "apps/statefulsets" ? undefined : rule;
  const causes = validatePrefix(info, metadata.generateName);
  causes.push(
    ...(metadata.name === ""
      ? [required("metadata.name", "name or generateName is required")]
      : checkText("metadata.name", metadata.name, nameProblem ?? dnsSubdomainProblems)),
  );
  causes.push(...checkLabels("metadata.labels", metadata.labels));
  causes.push(...checkAnnotations("metadata.annotations", metadata.annotations));
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) size += key.length + value.length;
  if (size > MAX_ANNOTATION_BYTES) {
    const message = `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`;
    causes.push({ reason: "FieldValueTooLong", field: "metadata.annotations", message });
  }
  return [
    ...causes,
    ...validateOwners(metadata.ownerReferences ?? []),
    ...validateFinalizers(info, metadata),
  ];
}

/** A name's beginning may end in a dash: the two last characters are not looked at then. */
function validatePrefix(info: ResourceInfo, prefix: string | undefined): StatusCause[] {
  if (!prefix || UNCHECKED_PREFIXES.has(info.collection)) return [];
  const rule = info.collection === "/services" ? dns1035LabelProblems : NAME_PROBLEMS[info.collection];
  const whole = /.-$/.test(prefix) ? `${prefix.slice(0, -2)}a` : prefix;
  return checkText("metadata.generateName", whole, rule ?? dnsSubdomainProblems).map((cause) => ({
    ...cause,
    message: (cause.message ?? "").replace(JSON.stringify(whole), JSON.stringify(prefix)),
  }));
}

/** Of these only the whole name is looked at. */
const UNCHECKED_PREFIXES = new Set(["/replicationcontrollers"]);

function validateOwners(owners: OwnerReference[]): StatusCause[] {
  const at = "metadata.ownerReferences";
  const causes = owners.flatMap((owner) =>
    (["apiVersion", "kind", "name", "uid"] as const).flatMap((field) =>
      owner[field] ? [] : [invalidValue(`${at}.${field}`, "", OWNER_PROBLEMS[field] ?? "must not be empty")],
    ),
  );
  const controllers = owners.filter(({ controller }) => controller);
  if (controllers.length > 1) {
    const [a, b] = controllers.map(({ kind, name }) => `${kind}/${name}`);
    const problem = `Only one reference can have Controller set to true. Found "true" in references for ${a} and ${b}`;
    causes.push(invalidValue(at, owners, problem));
  }
  return causes;
}

const OWNER_PROBLEMS: Record<string, string> = { apiVersion: "version must not be empty" };

/** Kinds of the servers beside the core one, which take any finalizer. */
function isExtension({ isCustom, group }: ResourceInfo): boolean {
  return isCustom || group === "apiextensions.k8s.io" || group === "apiregistration.k8s.io";
}

/** Finalizers without a domain are the system's. */
const STANDARD_FINALIZERS = ["kubernetes", "orphan", "foregroundDeletion"];

function validateFinalizers(
  info: ResourceInfo,
  { finalizers = [] }: KubernetesObject["metadata"],
): StatusCause[] {
  const causes = finalizers.flatMap((name) => checkQualifiedName("metadata.finalizers", name));
  if (isExtension(info)) return causes;
  for (const [index, name] of finalizers.entries()) {
    if (name.includes("/") || STANDARD_FINALIZERS.includes(name)) continue;
    const problem = "name is neither a standard finalizer name nor is it fully qualified";
    causes.push(invalidValue(`metadata.finalizers[${index}]`, name, problem));
  }
  return causes;
}
