/** The kinds that are exported: where they are listed, which labels their families share, which families there are. */
import type { GroupVersionResource } from "../model/kubernetes-api.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { DEPLOYMENT_FAMILIES } from "./families/deployment.ts";
import { HORIZONTAL_POD_AUTOSCALER_FAMILIES } from "./families/horizontal-pod-autoscaler.ts";
import { NODE_FAMILIES } from "./families/node.ts";
import { POD_FAMILIES } from "./families/pod.ts";
import { STATEFUL_SET_FAMILIES } from "./families/stateful-set.ts";
import { alphaGauge, type Family, gauge, type LabelPairs } from "./family.ts";
import { allowedKeys, type LabelAllowList, prometheusLabels } from "./label-allow-list.ts";

export interface Kind {
  resource: GroupVersionResource;
  families: Family[];
  /** The labels that stand first in every sample of the kind. */
  shared(object: KubernetesObject): LabelPairs;
}

export interface AllowLists {
  labels: LabelAllowList;
  annotations: LabelAllowList;
}

const namespaced =
  (label: string) =>
  ({ metadata }: KubernetesObject): LabelPairs => [
    ["namespace", metadata.namespace ?? ""],
    [label, metadata.name],
  ];

/** The kinds by resource name, as `--resources` takes them. */
export function createKinds(allow: AllowLists): Map<string, Kind> {
  const kind = (
    label: string,
    resource: GroupVersionResource,
    families: Family[],
    shared = namespaced(label),
  ): [string, Kind] => [
    resource.resource,
    { resource, shared, families: [...families, ...labelFamilies(label, resource.resource, allow)] },
  ];
  return new Map([
    kind("deployment", RESOURCES.deployments, DEPLOYMENT_FAMILIES),
    kind("horizontalpodautoscaler", RESOURCES.horizontalPodAutoscalers, HORIZONTAL_POD_AUTOSCALER_FAMILIES),
    kind("node", RESOURCES.nodes, NODE_FAMILIES, ({ metadata }) => [["node", metadata.name]]),
    kind("pod", RESOURCES.pods, POD_FAMILIES, ({ metadata }) => [
      ["namespace", metadata.namespace ?? ""],
      ["pod", metadata.name],
      ["uid", metadata.uid ?? ""],
    ]),
    kind("statefulset", RESOURCES.statefulSets, STATEFUL_SET_FAMILIES),
  ]);
}

/** `kube_<kind>_labels` and `kube_<kind>_annotations`: empty unless the allow list has the resource. */
function labelFamilies(label: string, resource: string, allow: AllowLists): Family[] {
  const labels = allowedKeys(allow.labels, resource);
  const annotations = allowedKeys(allow.annotations, resource);
  // StatefulSets' annotations are stable upstream, the others' are not.
  const annotationGauge = label === "statefulset" ? gauge : alphaGauge;
  return [
    annotationGauge(
      `kube_${label}_annotations`,
      "Kubernetes annotations converted to Prometheus labels.",
      ({ metadata }) =>
        annotations === undefined
          ? []
          : [{ labels: prometheusLabels("annotation", metadata.annotations, annotations), value: 1 }],
    ),
    gauge(`kube_${label}_labels`, "Kubernetes labels converted to Prometheus labels.", ({ metadata }) =>
      labels === undefined ? [] : [{ labels: prometheusLabels("label", metadata.labels, labels), value: 1 }],
    ),
  ];
}
