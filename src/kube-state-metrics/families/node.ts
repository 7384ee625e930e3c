/** Families of nodes (upstream `internal/store/node.go`). */
import {
  alphaGauge,
  annotationsFamily,
  conditionFamily,
  createdFamily,
  deletionFamily,
  type Family,
  flag,
  gauge,
  info,
  labelsFamily,
  one,
} from "../family.ts";
import { resourceSamples } from "./resource-samples.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";

export const NODE_FAMILIES: Family[] = [
  annotationsFamily("node"),
  createdFamily("node"),
  deletionFamily("node"),
  gauge("kube_node_info", "Information about a cluster node.", (node) => {
    const system = node.status?.nodeInfo ?? {};
    const addresses: { type: string; address: string }[] = node.status?.addresses ?? [];
    return [
      info({
        kernel_version: system.kernelVersion,
        os_image: system.osImage,
        container_runtime_version: system.containerRuntimeVersion,
        kubelet_version: system.kubeletVersion,
        kubeproxy_version: "deprecated",
        provider_id: node.spec?.providerID,
        pod_cidr: node.spec?.podCIDR,
        system_uuid: system.systemUUID,
        internal_ip: addresses.findLast(({ type }) => type === "InternalIP")?.address,
      }),
    ];
  }),
  labelsFamily("node"),
  alphaGauge("kube_node_role", "The role of a cluster node.", (node) =>
    Object.keys(node.metadata.labels ?? {})
      .filter((label) => label.startsWith(ROLE_PREFIX))
      .map((label) => info({ role: label.slice(ROLE_PREFIX.length) })),
  ),
  alphaGauge("kube_node_spec_pod_cidrs", "The pod CIDRs of a cluster node.", (node) =>
    (node.spec?.podCIDRs ?? []).map((cidr: string) => info({ pod_cidr: cidr })),
  ),
  gauge("kube_node_spec_taint", "The taint of a cluster node.", (node) =>
    (node.spec?.taints ?? []).map(({ key, value, effect }: Record<string, string>) =>
      info({ key, value, effect }),
    ),
  ),
  gauge("kube_node_spec_unschedulable", "Whether a node can schedule new pods.", (node) =>
    one(flag(node.spec?.unschedulable)),
  ),
  gauge(
    "kube_node_status_allocatable",
    "The allocatable for different resources of a node that are available for scheduling.",
    (node) => resourceSamples(node.status?.allocatable ?? {}, "node"),
  ),
  gauge("kube_node_status_capacity", "The capacity for different resources of a node.", (node) =>
    resourceSamples(node.status?.capacity ?? {}, "node"),
  ),
  conditionFamily("kube_node_status_condition", "The condition of a cluster node."),
  alphaGauge("kube_node_status_addresses", "Node address information.", (node) =>
    (node.status?.addresses ?? []).map(({ type, address }: Record<string, string>) =>
      info({ type, address }),
    ),
  ),
];
