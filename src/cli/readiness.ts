/** Waiting until everything that the YAML asks for runs and is ready. */
import type { Clock } from "../base/clock.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";

/** How often the workloads are looked at, in milliseconds. */
const POLL_MS = 50;

/**
 * Resolves with an empty list when all workloads are ready, or, after `timeoutMs`, with a line for each pod that is not:
 * its name and why. `onReady` is told each pod that has become ready.
 */
export async function waitUntilReady(
  machine: { clock: Clock },
  api: KubernetesApi,
  signal: AbortSignal,
  timeoutMs: number,
  onReady: (pod: string) => void,
): Promise<string[]> {
  const { clock } = machine;
  const deadlineMs = clock.monotonic() + timeoutMs;
  const told = new Set<string>();
  while (!signal.aborted) {
    const pods = (await api.list(RESOURCES.pods)).items;
    for (const pod of pods.filter(isPodReady)) {
      const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
      if (!told.has(name)) onReady(name);
      told.add(name);
    }
    if (await areWorkloadsReady(api)) return [];
    if (clock.monotonic() >= deadlineMs) return pods.filter((pod) => !isPodReady(pod)).map(whyNotReady);
    await clock.sleep(POLL_MS, signal).catch(() => {});
  }
  return [];
}

async function areWorkloadsReady(api: KubernetesApi): Promise<boolean> {
  for (const resource of [RESOURCES.deployments, RESOURCES.statefulSets]) {
    for (const { metadata, spec, status } of (await api.list(resource)).items) {
      if (status?.observedGeneration !== metadata.generation) return false;
      if ((status?.readyReplicas ?? 0) < (spec.replicas ?? 1)) return false;
    }
  }
  return true;
}

export function isPodReady(pod: KubernetesObject): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return (pod.status?.conditions ?? []).some(
    ({ type, status }: { type: string; status: string }) => type === "Ready" && status === "True",
  );
}

/** `percolate-test/router-…: CrashLoopBackOff: back-off 10s restarting …; see kubectl logs …`. */
export function whyNotReady(pod: KubernetesObject): string {
  const { namespace, name } = pod.metadata;
  const waiting = (pod.status?.containerStatuses ?? []).map(
    ({ state }: { state?: { waiting?: { reason: string; message?: string } } }) => state?.waiting,
  );
  const reason = waiting.find((found: unknown) => found !== undefined);
  const why =
    reason === undefined
      ? (pod.status?.phase ?? "Pending")
      : `${reason.reason}${reason.message ? `: ${reason.message}` : ""}`;
  return `${namespace}/${name}: ${why} (kubectl -n ${namespace} logs ${name})`;
}
