/** What a pod says of its containers and, under other names, of its init containers (upstream `pod.go`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { alphaGauge, counter, type Family, flag, gauge, info, labelled, unixSeconds } from "../family.ts";
import type { Sample } from "../sample.ts";
import { type ResourceList, resourceSamples } from "./resource-samples.ts";

interface ContainerState {
  waiting?: { reason?: string };
  running?: { startedAt?: string };
  terminated?: { reason?: string; exitCode?: number; startedAt?: string; finishedAt?: string };
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID?: string;
  containerID?: string;
  ready?: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

interface Container {
  name: string;
  image?: string;
  restartPolicy?: string;
  resources?: { limits?: ResourceList; requests?: ResourceList };
}

type Statuses = (pod: KubernetesObject) => ContainerStatus[];

export const containerStatuses: Statuses = (pod) => pod.status?.containerStatuses ?? [];
const initStatuses: Statuses = (pod) => pod.status?.initContainerStatuses ?? [];

const perStatus =
  (statuses: Statuses, value: (status: ContainerStatus) => number | undefined) =>
  (pod: KubernetesObject): Sample[] =>
    statuses(pod).flatMap((status) => {
      const number = value(status);
      return number === undefined ? [] : [labelled({ container: status.name }, number)];
    });

const perReason =
  (statuses: Statuses, state: (status: ContainerStatus) => { reason?: string } | undefined) =>
  (pod: KubernetesObject): Sample[] =>
    statuses(pod).flatMap((status) => {
      const found = state(status);
      return found ? [labelled({ container: status.name, reason: found.reason ?? "" }, 1)] : [];
    });

/** Some families are stable for containers and not for init containers. */
interface Stability {
  of: Statuses;
  prefix: string;
  /** `the container` and its init counterpart, as the help texts have it. */
  noun: string;
  make: typeof gauge;
}

const CONTAINERS: Stability = {
  of: containerStatuses,
  prefix: "kube_pod_container",
  noun: "container",
  make: gauge,
};
const INIT_CONTAINERS: Stability = {
  of: initStatuses,
  prefix: "kube_pod_init_container",
  noun: "init container",
  make: alphaGauge,
};

const started = ({ of, prefix, noun, make }: Stability): Family =>
  make(
    `${prefix}_state_started`,
    `Start time in unix timestamp for a pod ${noun}.`,
    perStatus(of, ({ state }) => {
      const since = state?.running ?? state?.terminated;
      return since && unixSeconds(since.startedAt);
    }),
  );

/** From the last end to the reason of waiting: the same sequence for both sorts of containers. */
const statusFamilies = ({ of, prefix, noun, make }: Stability): Family[] => [
  alphaGauge(
    `${prefix}_status_last_terminated_reason`,
    `Describes the last reason the ${noun} was in terminated state.`,
    perReason(of, ({ lastState }) => lastState?.terminated),
  ),
  alphaGauge(
    `${prefix}_status_last_terminated_exitcode`,
    `Describes the exit code for the last ${noun} in terminated state.`,
    perStatus(of, ({ lastState }) => lastState?.terminated && (lastState.terminated.exitCode ?? 0)),
  ),
  alphaGauge(
    `${prefix}_status_last_terminated_timestamp`,
    `Last terminated time for a pod ${noun} in unix timestamp.`,
    perStatus(of, ({ lastState }) => lastState?.terminated && unixSeconds(lastState.terminated.finishedAt)),
  ),
  gauge(
    `${prefix}_status_ready`,
    `Describes whether the ${noun}s readiness check succeeded.`,
    perStatus(of, ({ ready }) => flag(ready)),
  ),
  counter(
    `${prefix}_status_restarts_total`,
    noun === "container"
      ? "The number of container restarts per container."
      : "The number of restarts for the init container.",
    perStatus(of, ({ restartCount }) => restartCount ?? 0),
  ),
  gauge(
    `${prefix}_status_running`,
    `Describes whether the ${noun} is currently in running state.`,
    perStatus(of, ({ state }) => flag(state?.running !== undefined)),
  ),
  gauge(
    `${prefix}_status_terminated`,
    `Describes whether the ${noun} is currently in terminated state.`,
    perStatus(of, ({ state }) => flag(state?.terminated !== undefined)),
  ),
  alphaGauge(
    `${prefix}_status_terminated_reason`,
    `Describes the reason the ${noun} is currently in terminated state.`,
    perReason(of, ({ state }) => state?.terminated),
  ),
  gauge(
    `${prefix}_status_waiting`,
    `Describes whether the ${noun} is currently in waiting state.`,
    perStatus(of, ({ state }) => flag(state?.waiting !== undefined)),
  ),
  make(
    `${prefix}_status_waiting_reason`,
    `Describes the reason the ${noun} is currently in waiting state.`,
    perReason(of, ({ state }) => state?.waiting),
  ),
];

function containerResources(
  pod: KubernetesObject,
  list: "containers" | "initContainers",
  which: "limits" | "requests",
): Sample[] {
  return ((pod.spec[list] ?? []) as Container[]).flatMap((container) =>
    resourceSamples(container.resources?.[which] ?? {}, "container").map(({ labels, value }) => ({
      labels: [["container", container.name], ["node", pod.spec.nodeName ?? ""], ...labels],
      value,
    })),
  );
}

const identity = (status: ContainerStatus, container: Container) => ({
  container: status.name,
  image_spec: container.image,
  image: status.image,
  image_id: status.imageID,
  container_id: status.containerID,
});

const infoOf = (
  pod: KubernetesObject,
  list: "containers" | "initContainers",
  statuses: Statuses,
  labels: (status: ContainerStatus, container: Container) => Record<string, string | undefined>,
): Sample[] =>
  ((pod.spec[list] ?? []) as Container[]).flatMap((container) =>
    statuses(pod)
      .filter(({ name }) => name === container.name)
      .map((status) => info(labels(status, container))),
  );

const PRECISER = (which: string) =>
  ` It is recommended to use the kube_pod_resource_${which} metric exposed by kube-scheduler instead, as it is more precise.`;

export const CONTAINER_FAMILIES: Family[] = [
  gauge("kube_pod_container_info", "Information about a container in a pod.", (pod) =>
    infoOf(pod, "containers", containerStatuses, identity),
  ),
  gauge(
    "kube_pod_container_resource_limits",
    `The number of requested limit resource by a container.${PRECISER("limits")}`,
    (pod) => containerResources(pod, "containers", "limits"),
  ),
  gauge(
    "kube_pod_container_resource_requests",
    `The number of requested request resource by a container.${PRECISER("requests")}`,
    (pod) => containerResources(pod, "containers", "requests"),
  ),
  started(CONTAINERS),
  ...statusFamilies(CONTAINERS),
];

export const INIT_CONTAINER_FAMILIES: Family[] = [
  gauge("kube_pod_init_container_info", "Information about an init container in a pod.", (pod) =>
    infoOf(pod, "initContainers", initStatuses, (status, container) => ({
      ...identity(status, container),
      restart_policy: container.restartPolicy,
    })),
  ),
  alphaGauge(
    "kube_pod_init_container_resource_limits",
    "The number of requested limit resource by an init container.",
    (pod) => containerResources(pod, "initContainers", "limits"),
  ),
  alphaGauge(
    "kube_pod_init_container_resource_requests",
    "The number of requested request resource by an init container.",
    (pod) => containerResources(pod, "initContainers", "requests"),
  ),
  started(INIT_CONTAINERS),
  ...statusFamilies(INIT_CONTAINERS),
];
