/** Families of pods (upstream `internal/store/pod.go`). */
import { controllerOf, type KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  conditionSamples,
  counter,
  type Family,
  gauge,
  info,
  labelled,
  one,
  type Sample,
  unixTime,
} from "../family.ts";
import { resourceSamples } from "./resource-samples.ts";

interface ContainerStatus {
  name: string;
  image: string;
  imageID?: string;
  containerID?: string;
  ready?: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

interface ContainerState {
  waiting?: { reason?: string };
  running?: { startedAt?: string };
  terminated?: { reason?: string; exitCode?: number; startedAt?: string; finishedAt?: string };
}

const PHASES = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];
const QOS_CLASSES = ["BestEffort", "Burstable", "Guaranteed"];
const STATUS_REASONS = ["Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError"];

const containers = (pod: KubernetesObject): ContainerStatus[] => pod.status?.containerStatuses ?? [];
const perContainer = (pod: KubernetesObject, value: (status: ContainerStatus) => number): Sample[] =>
  containers(pod).map((status) => labelled({ container: status.name }, value(status)));
const perReason = (
  pod: KubernetesObject,
  reason: (status: ContainerStatus) => string | undefined,
): Sample[] =>
  containers(pod).flatMap((status) => {
    const text = reason(status);
    return text === undefined ? [] : [labelled({ container: status.name, reason: text }, 1)];
  });
const condition = (pod: KubernetesObject, type: string) =>
  pod.status?.conditions?.find((candidate: { type: string }) => candidate.type === type);
const conditionOf = (pod: KubernetesObject, type: string): Sample[] => {
  const found = condition(pod, type);
  return found === undefined ? [] : conditionSamples([], "condition", found.status);
};
const transitionTime = (pod: KubernetesObject, type: string): Sample[] => {
  const found = condition(pod, type);
  return found?.status === "True" ? unixTime(found.lastTransitionTime) : [];
};
const number = (flag: boolean): number => (flag ? 1 : 0);

export const POD_FAMILIES: Family[] = [
  gauge("kube_pod_completion_time", "Completion time in unix timestamp for a pod.", (pod) => {
    const ends = containers(pod).flatMap((status) =>
      unixTime(status.state?.terminated?.finishedAt).map(({ value }) => value),
    );
    return ends.length > 0 && ends.length === containers(pod).length ? one(Math.max(...ends)) : [];
  }),
  gauge("kube_pod_container_info", "Information about a container in a pod.", (pod) =>
    containers(pod).map((status) =>
      info({
        container: status.name,
        image_spec: pod.spec.containers.find(({ name }: { name: string }) => name === status.name)?.image,
        image: status.image,
        image_id: status.imageID,
        container_id: status.containerID,
      }),
    ),
  ),
  gauge(
    "kube_pod_container_resource_limits",
    "The number of requested limit resource by a container. It is recommended to use the kube_pod_resource_limits metric exposed by kube-scheduler instead, as it is more precise.",
    (pod) => containerResources(pod, "limits"),
  ),
  gauge(
    "kube_pod_container_resource_requests",
    "The number of requested request resource by a container. It is recommended to use the kube_pod_resource_requests metric exposed by kube-scheduler instead, as it is more precise.",
    (pod) => containerResources(pod, "requests"),
  ),
  gauge("kube_pod_container_state_started", "Start time in unix timestamp for a pod container.", (pod) =>
    containers(pod).flatMap(({ name, state }) =>
      unixTime(state?.running?.startedAt ?? state?.terminated?.startedAt).map(({ value }) =>
        labelled({ container: name }, value),
      ),
    ),
  ),
  alphaGauge(
    "kube_pod_container_status_last_terminated_reason",
    "Describes the last reason the container was in terminated state.",
    (pod) =>
      perReason(pod, (status) => status.lastState?.terminated && (status.lastState.terminated.reason ?? "")),
  ),
  alphaGauge(
    "kube_pod_container_status_last_terminated_exitcode",
    "Describes the exit code for the last container in terminated state.",
    (pod) =>
      containers(pod).flatMap(({ name, lastState }) =>
        lastState?.terminated ? [labelled({ container: name }, lastState.terminated.exitCode ?? 0)] : [],
      ),
  ),
  gauge(
    "kube_pod_container_status_ready",
    "Describes whether the containers readiness check succeeded.",
    (pod) => perContainer(pod, (status) => number(status.ready === true)),
  ),
  counter(
    "kube_pod_container_status_restarts_total",
    "The number of container restarts per container.",
    (pod) => perContainer(pod, (status) => status.restartCount ?? 0),
  ),
  gauge(
    "kube_pod_container_status_running",
    "Describes whether the container is currently in running state.",
    (pod) => perContainer(pod, (status) => number(status.state?.running !== undefined)),
  ),
  gauge(
    "kube_pod_container_status_terminated",
    "Describes whether the container is currently in terminated state.",
    (pod) => perContainer(pod, (status) => number(status.state?.terminated !== undefined)),
  ),
  alphaGauge(
    "kube_pod_container_status_terminated_reason",
    "Describes the reason the container is currently in terminated state.",
    (pod) => perReason(pod, (status) => status.state?.terminated && (status.state.terminated.reason ?? "")),
  ),
  gauge(
    "kube_pod_container_status_waiting",
    "Describes whether the container is currently in waiting state.",
    (pod) => perContainer(pod, (status) => number(status.state?.waiting !== undefined)),
  ),
  gauge(
    "kube_pod_container_status_waiting_reason",
    "Describes the reason the container is currently in waiting state.",
    (pod) => perReason(pod, (status) => status.state?.waiting && (status.state.waiting.reason ?? "")),
  ),
  gauge("kube_pod_created", "Unix creation timestamp", (pod) => unixTime(pod.metadata.creationTimestamp)),
  alphaGauge("kube_pod_deletion_timestamp", "Unix deletion timestamp", (pod) =>
    unixTime(pod.metadata.deletionTimestamp),
  ),
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
    (pod.status?.podIPs ?? []).map(({ ip }: { ip: string }) =>
      info({ ip, ip_family: ip.includes(":") ? "6" : "4" }),
    ),
  ),
  gauge("kube_pod_owner", "Information about the Pod's owner.", (pod) => {
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length === 0) return [info({ owner_kind: "", owner_name: "", owner_is_controller: "" })];
    return owners.map((owner) =>
      info({
        owner_kind: owner.kind,
        owner_name: owner.name,
        owner_is_controller: String(owner.controller ?? false),
      }),
    );
  }),
  gauge("kube_pod_restart_policy", "Describes the restart policy in use by this pod.", (pod) => [
    info({ type: pod.spec.restartPolicy }),
  ]),
  gauge("kube_pod_start_time", "Start time in unix timestamp for a pod.", (pod) =>
    unixTime(pod.status?.startTime),
  ),
  gauge("kube_pod_status_phase", "The pods current phase.", (pod) => {
    const current = pod.status?.phase;
    return current ? PHASES.map((phase) => labelled({ phase }, number(phase === current))) : [];
  }),
  alphaGauge(
    "kube_pod_status_container_ready_time",
    "Readiness achieved time in unix timestamp for a pod containers.",
    (pod) => transitionTime(pod, "ContainersReady"),
  ),
  alphaGauge("kube_pod_status_initialized_time", "Initialized time in unix timestamp for a pod.", (pod) =>
    transitionTime(pod, "Initialized"),
  ),
  alphaGauge("kube_pod_status_ready_time", "Readiness achieved time in unix timestamp for a pod.", (pod) =>
    transitionTime(pod, "Ready"),
  ),
  alphaGauge("kube_pod_status_qos_class", "The pods current qosClass.", (pod) => {
    const current = pod.status?.qosClass;
    return current ? QOS_CLASSES.map((name) => labelled({ qos_class: name }, number(name === current))) : [];
  }),
  gauge("kube_pod_status_ready", "Describes whether the pod is ready to serve requests.", (pod) =>
    conditionOf(pod, "Ready"),
  ),
  alphaGauge("kube_pod_status_reason", "The pod status reasons", (pod) =>
    STATUS_REASONS.map((reason) => labelled({ reason }, number(pod.status?.reason === reason))),
  ),
  gauge("kube_pod_status_scheduled", "Describes the status of the scheduling process for the pod.", (pod) =>
    conditionOf(pod, "PodScheduled"),
  ),
  gauge("kube_pod_status_scheduled_time", "Unix timestamp when pod moved into scheduled status", (pod) =>
    transitionTime(pod, "PodScheduled"),
  ),
  gauge("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.", (pod) => {
    const scheduled = condition(pod, "PodScheduled");
    return scheduled?.status === "False" && scheduled.reason === "Unschedulable" ? one(1) : [];
  }),
  alphaGauge("kube_pod_service_account", "The service account for a pod.", (pod) => [
    info({ service_account: pod.spec.serviceAccountName }),
  ]),
  alphaGauge("kube_pod_scheduler", "The scheduler for a pod.", (pod) => [
    info({ name: pod.spec.schedulerName }),
  ]),
];

function containerResources(pod: KubernetesObject, which: "limits" | "requests"): Sample[] {
  return pod.spec.containers.flatMap(
    (container: { name: string; resources?: Record<string, Record<string, string>> }) =>
      resourceSamples(container.resources?.[which] ?? {}).map(({ labels, value }) => ({
        labels: [["container", container.name], ["node", pod.spec.nodeName ?? ""], ...labels],
        value,
      })),
  );
}
