/** What controllers ask about pods (upstream `pkg/api/v1/pod`, `controller_utils.go`). */
import type { KubernetesObject, OwnerReference } from "../../model/kubernetes-object.ts";
import { compareStrings } from "../../model/labels.ts";
import type { Pod, PodTemplate } from "../types.ts";
import { canonicalJson } from "./controller.ts";

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** Milliseconds until the pod has been ready for `minReadySeconds`; 0 when it has, undefined when it isn't ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status !== "True") return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, Date.parse(ready.lastTransitionTime ?? "") + minReadySeconds * 1000 - nowMs);
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Neither ended nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !isTerminating(pod);
}

/** A pod of a template, owned. */
export function podFromTemplate(
  template: PodTemplate,
  namespace: string,
  owner: OwnerReference,
  name: { name: string } | { generateName: string },
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "",
      ...name,
      namespace,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [owner],
    },
    spec: structuredClone(template.spec),
  };
}

/**
 * Which pods go first when there are too many (`ActivePodsWithRanks`): not bound, then pending, not ready, more of them
 * on one node, ready for a shorter time, more restarts, younger.
 */
export function compareForDeletion(a: Pod, b: Pod, rank: (pod: Pod) => number): number {
  const keys = (pod: Pod): number[] => [
    pod.spec.nodeName ? 1 : 0,
    { Pending: 0, Unknown: 1, Running: 2 }[pod.status?.phase as string] ?? 0,
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -rank(pod),
    -(
      Date.parse(pod.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "") || 0
    ),
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    -Date.parse(pod.metadata.creationTimestamp ?? ""),
  ];
  const [left, right] = [keys(a), keys(b)];
  const index = left.findIndex((value, i) => value !== right[i]);
  return index === -1 ? compareStrings(a.metadata.name, b.metadata.name) : left[index] - right[index];
}

function deletionCost(pod: Pod): number {
  return Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0;
}

const SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** A short name for a value: FNV-1a of its JSON in the letters of generated names (`rand.SafeEncodeString`). */
export function safeHash(value: unknown, collisionCount = 0): string {
  let hash = 0x811c9dc5;
  const text = canonicalJson(value) + (collisionCount === 0 ? "" : String(collisionCount));
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return Array.from(String(hash), (digit) => SAFE_LETTERS[digit.charCodeAt(0) % SAFE_LETTERS.length]).join(
    "",
  );
}

/** `25%` of a total or a plain number. */
export function intOrPercent(
  value: number | string | undefined,
  total: number,
  round: "up" | "down",
): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  const share = (Number.parseInt(value, 10) * total) / 100;
  return round === "up" ? Math.ceil(share) : Math.floor(share);
}

/** How controllers list and match what is theirs. */
export function isOwnedOrOrphan(object: KubernetesObject, ownerUid: string): "owned" | "orphan" | "other" {
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller);
  if (owner === undefined) return "orphan";
  return owner.uid === ownerUid ? "owned" : "other";
}
