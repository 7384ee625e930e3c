/** The pods of DaemonSets (upstream `pkg/controller/daemon/util`): each is meant for one node from the start. */
import type { DaemonSet, Pod, Toleration } from "../../types.ts";
import { controllerReference } from "../controller.ts";
import { podFromTemplate } from "../pod-from-template.ts";

export const REVISION_LABEL = "controller-revision-hash";
/** The API server counts the template's changes there; older than revisions. */
const GENERATION_ANNOTATION = "deprecated.daemonset.template.generation";
const GENERATION_LABEL = "pod-template-generation";

/** Taints that daemon pods tolerate, so that they run where others may not (`AddOrUpdateDaemonPodTolerations`). */
const TOLERATED: [key: string, effect: string][] = [
  ["node.kubernetes.io/not-ready", "NoExecute"],
  ["node.kubernetes.io/unreachable", "NoExecute"],
  ["node.kubernetes.io/disk-pressure", "NoSchedule"],
  ["node.kubernetes.io/memory-pressure", "NoSchedule"],
  ["node.kubernetes.io/pid-pressure", "NoSchedule"],
  ["node.kubernetes.io/unschedulable", "NoSchedule"],
];
const HOST_NETWORK_TOLERATED: [key: string, effect: string] = [
  "node.kubernetes.io/network-unavailable",
  "NoSchedule",
];

/** The template's pod with a daemon's tolerations, as it would be on `node`: for the question whether it may be there. */
export function candidatePod({ metadata, spec }: DaemonSet): Pod {
  const { template } = spec;
  const labels = template.metadata?.labels;
  return {
    metadata: { name: "", namespace: metadata.namespace, labels },
    spec: { ...template.spec, tolerations: daemonTolerations(template.spec) },
  };
}

/** The pod to be made for a node. The scheduler binds it, by an affinity that takes the place of the template's. */
export function daemonPod(set: DaemonSet, hash: string, node: string): Pod {
  const owner = controllerReference(set, "apps/v1", "DaemonSet");
  const generateName = `${set.metadata.name}-`;
  const pod = podFromTemplate(set.spec.template, set.metadata.namespace!, owner, { generateName });
  const generation = generationOf(set);
  pod.metadata.labels = {
    ...pod.metadata.labels,
    ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }),
    [REVISION_LABEL]: hash,
  };
  pod.spec.tolerations = daemonTolerations(pod.spec);
  const matchFields = [{ key: "metadata.name", operator: "In" as const, values: [node] }];
  pod.spec.affinity = {
    ...pod.spec.affinity,
    nodeAffinity: {
      ...pod.spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
    },
  };
  return pod;
}

function daemonTolerations({ tolerations = [], hostNetwork }: Pod["spec"]): Toleration[] {
  const wanted = hostNetwork ? [...TOLERATED, HOST_NETWORK_TOLERATED] : TOLERATED;
  const all = [...tolerations];
  for (const [key, effect] of wanted) {
    const added: Toleration = { key, effect, operator: "Exists" };
    const present = all.findIndex(
      (each) => each.key === key && each.effect === effect && each.operator === "Exists" && !each.value,
    );
    if (present === -1) all.push(added);
    else all[present] = added;
  }
  return all;
}

/** The node that a pod is on, or meant for. */
export function nodeOf(pod: Pod): string | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return pod.spec.nodeName || terms?.[0]?.matchFields?.[0]?.values?.[0];
}

/** Whether a pod has the template of the revision `hash`, by either of the two ways to tell. */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels } = pod.metadata;
  const generation = generationOf(set);
  return (
    labels?.[REVISION_LABEL] === hash ||
    (generation !== undefined && labels?.[GENERATION_LABEL] === generation)
  );
}

function generationOf({ metadata }: DaemonSet): string | undefined {
  const text = metadata.annotations?.[GENERATION_ANNOTATION];
  return text !== undefined && /^-?\d+$/.test(text) ? String(Number(text)) : undefined;
}
