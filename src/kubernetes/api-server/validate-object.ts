/** Checks of objects before they are stored, with the texts of apimachinery `field.Error`. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type KubernetesError, type StatusCause, statusError } from "../../model/kubernetes-status.ts";
import { dnsSubdomainProblem, labelValueProblem, qualifiedNameProblem } from "../../model/label-selector.ts";
import { validateSchema } from "./custom/schema-validation.ts";
import { invalidValue } from "./field-error.ts";
import { strategyOf } from "./kinds/strategies.ts";
import type { ResourceInfo } from "./resource-info.ts";

/** All annotations of an object together. */
export const MAX_ANNOTATION_BYTES = 256 * 1024;

/** @throws KubernetesError 422 naming every field that is wrong. */
export function validateObject(
  info: ResourceInfo,
  object: KubernetesObject,
  previous?: KubernetesObject,
): void {
  const causes = validateMetadata(info, object);
  if (info.schema !== undefined) causes.push(...validateSchema(info.schema, object, ""));
  causes.push(...(strategyOf(info).validate?.(object, previous) ?? []));
  if (causes.length > 0) throw invalid(info, object.metadata.name, causes);
}

/** Kinds whose names are no DNS names, or checked more strictly by their strategy. */
const FREE_NAMES = new Set([
  "roles",
  "rolebindings",
  "clusterroles",
  "clusterrolebindings",
  "services",
  "namespaces",
]);

function validateMetadata(info: ResourceInfo, { metadata }: KubernetesObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const problem = FREE_NAMES.has(info.resource)
    ? pathSegmentProblem(metadata.name)
    : dnsSubdomainProblem(metadata.name);
  if (problem !== undefined) causes.push(invalidValue("metadata.name", metadata.name, problem));
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    const keyProblem = qualifiedNameProblem(key);
    if (keyProblem !== undefined) causes.push(invalidValue("metadata.labels", key, keyProblem));
    const valueProblem = labelValueProblem(value);
    if (valueProblem !== undefined) causes.push(invalidValue("metadata.labels", value, valueProblem));
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    const keyProblem = qualifiedNameProblem(key.toLowerCase());
    if (keyProblem !== undefined) causes.push(invalidValue("metadata.annotations", key, keyProblem));
    size += key.length + value.length;
  }
  if (size > MAX_ANNOTATION_BYTES) {
    const message = `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`;
    causes.push({ reason: "FieldValueTooLong", field: "metadata.annotations", message });
  }
  return causes;
}

function pathSegmentProblem(name: string): string | undefined {
  if (name === "." || name === "..") return `may not be '${name}'`;
  if (/[/%]/.test(name)) return `may not contain '${/[/%]/.exec(name)![0]}'`;
  return undefined;
}

/** `Pod "x" is invalid: spec.containers: Required value`, or all of them in brackets. */
export function invalid(
  info: Pick<ResourceInfo, "kind" | "group">,
  name: string,
  causes: StatusCause[],
): KubernetesError {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const kind = info.group === "" ? info.kind : `${info.kind}.${info.group}`;
  return statusError("Invalid", `${kind} ${JSON.stringify(name)} is invalid: ${list}`, {
    name,
    group: info.group || undefined,
    kind: info.kind,
    causes,
  });
}
