/** Checks of objects before they are stored, with the texts of apimachinery `field.Error`. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type StatusCause, statusError } from "../../model/kubernetes-status.ts";
import { strategyOf } from "./kinds/strategies.ts";
import type { ResourceInfo } from "./resource-info.ts";

/** @throws KubernetesError 422 naming every field that is wrong. */
export function validateObject(
  info: ResourceInfo,
  object: KubernetesObject,
  previous?: KubernetesObject,
): void {
  const causes = strategyOf(info).validate?.(object, previous) ?? [];
  if (causes.length > 0) throw invalid(info, object.metadata.name, causes);
}

/** `Pod "x" is invalid: spec.containers: Required value`, or all of them in brackets. */
export function invalid(info: Pick<ResourceInfo, "kind" | "group">, name: string, causes: StatusCause[]) {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return statusError(
    "Invalid",
    `${info.kind}${info.group ? `.${info.group}` : ""} ${JSON.stringify(name)} is invalid: ${list}`,
    {
      name,
      group: info.group || undefined,
      kind: info.kind,
      causes,
    },
  );
}
