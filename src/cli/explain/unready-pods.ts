/** Pods that count for the autoscaler and serve nobody: named, with what the kubelet says of them. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

interface ContainerStatus {
  restartCount?: number;
  state?: { waiting?: { reason?: string }; terminated?: { reason?: string; exitCode?: number } };
}

/** A line for each pod that is not ready; none where all are. */
export function unreadyPods(pods: readonly KubernetesObject[]): string[] {
  return pods
    .filter((pod) => !isReady(pod))
    .map((pod) => `  ${pod.metadata.name} is not ready: ${whyNot(pod)}`);
}

function isReady({ status }: KubernetesObject): boolean {
  const conditions: { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function whyNot({ metadata, status }: KubernetesObject): string {
  if (metadata.deletionTimestamp !== undefined) return "it is ending";
  const containers: ContainerStatus[] = status?.containerStatuses ?? [];
  const restarts = containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  const times = restarts === 0 ? "" : `, restarted ${restarts} times`;
  for (const { state } of containers) {
    if (state?.waiting?.reason) return state.waiting.reason + times;
    if (state?.terminated !== undefined) return `ended with ${state.terminated.exitCode ?? 0}${times}`;
  }
  const unscheduled = (status?.conditions ?? []).find(
    ({ type, status }: { type: string; status: string }) => type === "PodScheduled" && status === "False",
  );
  if (unscheduled !== undefined) return unscheduled.message ?? "it has no node";
  return `${status?.phase ?? "Pending"}${times}`;
}
