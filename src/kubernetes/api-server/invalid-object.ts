/** The answer to an object whose fields are wrong. */
import { type KubernetesError, type StatusCause, statusError } from "../../model/kubernetes-status.ts";
import type { ResourceInfo } from "./resource-info.ts";

/** `Pod "x" is invalid: spec.containers: Required value`, or all of them in brackets. */
export function invalid(
  info: Pick<ResourceInfo, "kind" | "group">,
  name: string,
  causes: StatusCause[],
): KubernetesError {
  const texts = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  // Events are checked as those of the core group, whichever way they come.
  const group = info.group === "events.k8s.io" ? "" : info.group;
  const kind = group === "" ? info.kind : `${info.kind}.${group}`;
  return statusError("Invalid", `${kind} ${JSON.stringify(name)} is invalid: ${list}`, {
    name: name || undefined,
    group: group || undefined,
    kind: info.kind,
    causes,
  });
}
