/** What KEDA says in events that a timeline tells, live and in virtual time. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { withoutSelectors } from "./world-objects.ts";

const TOLD_REASONS: ReadonlySet<string> = new Set([
  "KEDAScaleTargetActivated",
  "KEDAScaleTargetActivationFailed",
  "KEDAScaleTargetDeactivated",
  "KEDAScaleTargetDeactivationFailed",
  "ScaledObjectCheckFailed",
  "ScaledObjectFallbackActivated",
  "ScaledObjectFallbackDeactivated",
  "ScaledObjectPaused",
  "ScaledObjectUnpaused",
]);

/** `KEDAScaleTargetActivated: Scaled …`; undefined for an event that is none of these. */
export function kedaNews(event: KubernetesObject): string | undefined {
  const { reason, message, involvedObject } = event as KubernetesObject & {
    reason?: string;
    message?: string;
    involvedObject?: { kind?: string };
  };
  if (involvedObject?.kind !== "ScaledObject" || !TOLD_REASONS.has(reason ?? "")) return undefined;
  return `${reason}: ${withoutSelectors(message ?? "")}`;
}
