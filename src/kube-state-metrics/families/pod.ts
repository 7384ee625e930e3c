/** Families of pods (upstream `internal/store/pod.go`). */
import { controllerOf, type KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  conditionSamples,
  createdFamily,
  deletionFamily,
  type Family,
  flag,
  gauge,
  info,
  labelled,
  labelsFamily,
  one,
  optInGauge,
  ownerFamily,
  phaseSamples,
  unixSeconds,
  unixTime,
} from "../family.ts";
import { prometheusLabels } from "../label-allow-list.ts";
import type { Sample } from "../sample.ts";
import { CONTAINER_FAMILIES, containerStatuses, INIT_CONTAINER_FAMILIES } from "./container-status.ts";
import { thousandths, wholeQuantity } from "./resource-samples.ts";

interface Condition {
  type: string;
  status: string;
  reason?: string;
  lastTransitionTime?: string;
}

interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

interface Volume {
  name: string;
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  ephemeral?: unknown;
}

interface ResourceClaim {
  name: string;
  resourceClaimName?: string;
  resourceClaimTemplateName?: string;
}

const PHASES = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];
const QOS_CLASSES = ["BestEffort", "Burstable", "Guaranteed"];
const STATUS_REASONS = [
  "Evicted",
  "NodeAffinity",
  "NodeLost",
  "PreemptionByScheduler",
  "SchedulingGated",
  "Shutdown",
  "TerminationByKubelet",
  "UnexpectedAdmissionError",
];
const DISRUPTION_REASONS = [
  "PreemptionByScheduler",
  "DeletionByTaintManager",
  "EvictionByEvictionAPI",
  "DeletionByPodGC",
  "TerminationByKubelet",
];

const conditions = (pod: KubernetesObject, type: string, status?: string): Condition[] =>
  ((pod.status?.conditions ?? []) as Condition[]).filter(
    (condition) => condition.type === type && (status === undefined || condition.status === status),
  );
const conditionOf = (pod: KubernetesObject, type: string): Sample[] =>
  conditions(pod, type).flatMap(({ status }) => conditionSamples([], "condition", status));
const transitionTimes = (pod: KubernetesObject, type: string, status: string): Sample[] =>
  conditions(pod, type, status).flatMap(({ lastTransitionTime }) => one(unixSeconds(lastTransitionTime)));

export const POD_FAMILIES: Family[] = [
  gauge("kube_pod_completion_time", "Completion time in unix timestamp for a pod.", (pod) => {
    const last = Math.max(
      0,
      ...containerStatuses(pod).flatMap(({ state }) =>
        state?.terminated ? [unixSeconds(state.terminated.finishedAt)] : [],
      ),
    );
    return last > 0 ? one(last) : [];
  }),
  ...CONTAINER_FAMILIES,
  createdFamily("pod"),
  deletionFamily("pod"),
  gauge("kube_pod_info", "Information about pod.", (pod) => {
    const creator = controllerOf(pod);
    return [
      info({
        host_ip: pod.status?.hostIP,
        pod_ip: pod.status?.podIP,
        node: pod.spec.nodeName,
        created_by_kind: creator?.kind,
        created_by_name: creator?.name,
        priority_class: pod.spec.priorityClassName,
        host_network: String(pod.spec.hostNetwork ?? false),
      }),
    ];
  }),
  alphaGauge("kube_pod_ips", "Pod IP addresses", (pod) =>
    (pod.status?.podIPs ?? []).flatMap(({ ip = "" }: { ip?: string }) => {
      const family = ipFamily(ip);
      return family === undefined ? [] : [info({ ip, ip_family: family })];
    }),
  ),
  ...INIT_CONTAINER_FAMILIES,
  annotationsFamily("pod"),
  labelsFamily("pod"),
  alphaGauge(
    "kube_pod_overhead_cpu_cores",
    "The pod overhead in regards to cpu cores associated with running a pod.",
    ({ spec }) => (spec.overhead?.cpu === undefined ? [] : one(thousandths(spec.overhead.cpu))),
  ),
  alphaGauge(
    "kube_pod_overhead_memory_bytes",
    "The pod overhead in regards to memory associated with running a pod.",
    ({ spec }) => (spec.overhead?.memory === undefined ? [] : one(wholeQuantity(spec.overhead.memory))),
  ),
  ownerFamily("pod", "Pod's"),
  alphaGauge(
    "kube_pod_resourceclaim_info",
    "Information about a DRA ResourceClaim referenced by a pod, one series per pod.spec.resourceClaims entry; claim_name is the pod-local reference and resourceclaim_name is the resolved ResourceClaim object name.",
    resourceClaims,
  ),
  gauge("kube_pod_restart_policy", "Describes the restart policy in use by this pod.", (pod) => [
    info({ type: pod.spec.restartPolicy }),
  ]),
  alphaGauge("kube_pod_runtimeclass_name_info", "The runtimeclass associated with the pod.", ({ spec }) =>
    spec.runtimeClassName == null ? [] : [info({ runtimeclass_name: spec.runtimeClassName })],
  ),
  gauge(
    "kube_pod_spec_volumes_persistentvolumeclaims_info",
    "Information about persistentvolumeclaim and ephemeral volumes in a pod.",
    (pod) => claimVolumes(pod, () => 1),
  ),
  gauge(
    "kube_pod_spec_volumes_persistentvolumeclaims_readonly",
    "Describes whether a persistentvolumeclaim is mounted read only. Ephemeral volumes always report 0 since the ephemeral volume source does not support a read-only flag.",
    (pod) => claimVolumes(pod, (volume) => flag(volume.persistentVolumeClaim?.readOnly)),
  ),
  gauge("kube_pod_start_time", "Start time in unix timestamp for a pod.", (pod) =>
    unixTime(pod.status?.startTime),
  ),
  gauge("kube_pod_status_phase", "The pods current phase.", (pod) =>
    phaseSamples("phase", PHASES, pod.status?.phase),
  ),
  alphaGauge("kube_pod_status_qos_class", "The pods current qosClass.", (pod) =>
    phaseSamples("qos_class", QOS_CLASSES, pod.status?.qosClass),
  ),
  gauge("kube_pod_status_ready", "Describes whether the pod is ready to serve requests.", (pod) =>
    conditionOf(pod, "Ready"),
  ),
  alphaGauge("kube_pod_status_ready_time", "Readiness achieved time in unix timestamp for a pod.", (pod) =>
    transitionTimes(pod, "Ready", "True"),
  ),
  alphaGauge("kube_pod_status_initialized_time", "Initialized time in unix timestamp for a pod.", (pod) =>
    transitionTimes(pod, "Initialized", "True"),
  ),
  alphaGauge(
    "kube_pod_status_container_ready_time",
    "Readiness achieved time in unix timestamp for a pod containers.",
    (pod) => transitionTimes(pod, "ContainersReady", "True"),
  ),
  alphaGauge("kube_pod_status_reason", "The pod status reasons", (pod) => {
    const reasons = STATUS_REASONS.filter((reason) => hasStatusReason(pod, reason));
    const own = pod.status?.reason;
    if (own && !STATUS_REASONS.includes(own)) reasons.push("Other");
    return reasons.map((reason) => info({ reason }));
  }),
  alphaGauge("kube_pod_status_disruption_reason", "The pod disruption condition reason", (pod) =>
    conditions(pod, "DisruptionTarget").map(({ reason = "" }) =>
      info({ reason: DISRUPTION_REASONS.includes(reason) ? reason : "Other" }),
    ),
  ),
  gauge("kube_pod_status_scheduled", "Describes the status of the scheduling process for the pod.", (pod) =>
    conditionOf(pod, "PodScheduled"),
  ),
  gauge("kube_pod_status_scheduled_time", "Unix timestamp when pod moved into scheduled status", (pod) =>
    transitionTimes(pod, "PodScheduled", "True"),
  ),
  gauge("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.", (pod) =>
    conditions(pod, "PodScheduled", "False").flatMap(() => one(1)),
  ),
  alphaGauge(
    "kube_pod_status_unscheduled_time",
    "Unix timestamp when pod moved into unscheduled status",
    (pod) => transitionTimes(pod, "PodScheduled", "False"),
  ),
  alphaGauge("kube_pod_tolerations", "Information about the pod tolerations", ({ spec }) => {
    const distinct = new Map<string, Sample>();
    for (const toleration of (spec.tolerations ?? []) as Toleration[]) {
      const { key, operator, value, effect, tolerationSeconds } = toleration;
      const sample = info({
        key,
        operator,
        value,
        effect,
        toleration_seconds: tolerationSeconds?.toString(),
      });
      distinct.set(JSON.stringify(sample.labels), sample);
    }
    return [...distinct.values()];
  }),
  optInGauge("kube_pod_nodeselectors", "Describes the Pod nodeSelectors.", ({ spec }) => [
    { labels: prometheusLabels("nodeselector", spec.nodeSelector, ["*"]), value: 1 },
  ]),
  alphaGauge("kube_pod_service_account", "The service account for a pod.", (pod) => [
    info({ service_account: pod.spec.serviceAccountName }),
  ]),
  alphaGauge("kube_pod_scheduler", "The scheduler for a pod.", (pod) => [
    info({ name: pod.spec.schedulerName }),
  ]),
];

const IPV4 = /^(::ffff:)?(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/i;

/** `4` also for an IPv4 address in IPv6's notation. */
function ipFamily(ip: string): "4" | "6" | undefined {
  if (IPV4.test(ip)) return "4";
  return ip.includes(":") && URL.canParse(`http://[${ip}]`) ? "6" : undefined;
}

function hasStatusReason(pod: KubernetesObject, reason: string): boolean {
  return (
    pod.status?.reason === reason ||
    (pod.status?.conditions ?? []).some((condition: Condition) => condition.reason === reason) ||
    containerStatuses(pod).some(({ state }) => state?.terminated?.reason === reason)
  );
}

function claimVolumes(pod: KubernetesObject, value: (volume: Volume) => number): Sample[] {
  return ((pod.spec.volumes ?? []) as Volume[]).flatMap((volume) => {
    const claim = volume.persistentVolumeClaim;
    if (!claim && !volume.ephemeral) return [];
    const labels = {
      volume: volume.name,
      persistentvolumeclaim: claim?.claimName ?? `${pod.metadata.name}-${volume.name}`,
      ephemeral: String(!claim),
    };
    return [labelled(labels, value(volume))];
  });
}

/** Claims made from a template get their object's name in the status; until then it is empty. */
function resourceClaims(pod: KubernetesObject): Sample[] {
  const resolved = new Map<string, string | undefined>(
    (pod.status?.resourceClaimStatuses ?? []).map((status: ResourceClaim) => [
      status.name,
      status.resourceClaimName,
    ]),
  );
  return ((pod.spec.resourceClaims ?? []) as ResourceClaim[])
    .filter((claim) => claim.resourceClaimName != null || claim.resourceClaimTemplateName != null)
    .map((claim) =>
      info({
        claim_name: claim.name,
        resourceclaim_name: claim.resourceClaimName ?? resolved.get(claim.name),
        resourceclaim_template_name: claim.resourceClaimTemplateName,
      }),
    );
}
