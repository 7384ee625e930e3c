/** Workloads that KEDA scales beside the tier: they cost it its requests, and nothing else. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

const NAMESPACE = "others";
/** An active ScaledObject is a write a poll: a hundred are twenty a second. */
const POLLING_INTERVAL_S = 5;

/** So many StatefulSets of one pod without a program, each with a ScaledObject that is active all the time. */
export function otherWorkloads(count: number): KubernetesObject[] {
  if (count === 0) return [];
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
  return [namespace, ...Array.from({ length: count }, (_, index) => workload(`other-${index}`)).flat()];
}

function workload(name: string): KubernetesObject[] {
  const labels = { app: name };
  const metadata = { name, namespace: NAMESPACE };
  return [
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata,
      spec: {
        replicas: 1,
        serviceName: name,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "example/other" }] } },
      },
    },
    {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name },
        minReplicaCount: 1,
        pollingInterval: POLLING_INTERVAL_S,
        // Its own pod makes it active.
        triggers: [{ type: "kubernetes-workload", metadata: { podSelector: `app=${name}`, value: "1" } }],
      },
    },
  ];
}
