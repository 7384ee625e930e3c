/** Families of nodes (upstream `internal/store/node.go`). */
import { alphaGauge, conditionSamples, type Family, gauge, info, one, unixTime } from "../family.ts";
import { resourceSamples } from "./resource-samples.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";

export const NODE_FAMILIES: Family[] = [
  gauge("kube_node_created", "Unix creation timestamp", (node) => unixTime(node.metadata.creationTimestamp)),
  alphaGauge("kube_node_deletion_timestamp", "Unix deletion timestamp", (node) =>
    unixTime(node.metadata.deletionTimestamp),
  ),
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
        internal_ip: addresses.find(({ type }) => type === "InternalIP")?.address,
      }),
    ];
  }),
  alphaGauge("kube_node_role", "The role of a cluster node.", (node) =>
    Object.keys(node.metadata.labels ?? {})
      .filter((label) => label.startsWith(ROLE_PREFIX))
      .map((label) => info({ role: label.slice(ROLE_PREFIX.length) })),
  ),
  gauge("kube_node_spec_taint", "The taint of a cluster node.", (node) =>
    (node.spec?.taints ?? []).map(({ key, value, effect }: Record<string, string>) =>
      info({ key, value, effect }),
    ),
  ),
  gauge("kube_node_spec_unschedulable", "Whether a node can schedule new pods.", (node) =>
    one(node.spec?.unschedulable ? 1 : 0),
  ),
  gauge(
    "kube_node_status_allocatable",
    "The allocatable for different resources of a node that are available for scheduling.",
    (node) => resourceSamples(node.status?.allocatable ?? {}),
  ),
  gauge("kube_node_status_capacity", "The capacity for different resources of a node.", (node) =>
    resourceSamples(node.status?.capacity ?? {}),
  ),
  gauge("kube_node_status_condition", "The condition of a cluster node.", (node) =>
    (node.status?.conditions ?? []).flatMap(({ type, status }: { type: string; status: string }) =>
      conditionSamples([["condition", type]], "status", status),
    ),
  ),
];
