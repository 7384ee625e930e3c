/** A pod's status from what its containers do (kubelet `kubelet_pods.go` `getPhase`, `status/generate.go`). */
import { parseQuantity } from "../../model/quantity.ts";
import type { Condition, Container, ContainerStatus, Pod, PodStatus } from "../types.ts";
import { containerRestarts } from "./restart-policy.ts";

export interface PodState {
  pod: Pod;
  /** In the order of the spec. */
  initStatuses: ContainerStatus[];
  statuses: ContainerStatus[];
  ephemeralStatuses?: ContainerStatus[];
  /** All init containers have done their part. */
  initialized: boolean;
  hostIp: string;
  podIp: string | undefined;
  startTime: string;
  /** For conditions that change. */
  now: string;
  /** The pod was ended by the kubelet: `DeadlineExceeded`, `Evicted`. */
  failure?: { reason: string; message: string };
  /** The pod is deleted and all has ended: its phase says how, also where its policy would start containers again. */
  isOver?: boolean;
}

export function podStatus(state: PodState): PodStatus {
  const { pod, failure } = state;
  const phase = failure === undefined ? phaseOf(state) : "Failed";
  return {
    phase,
    conditions: conditionsOf(state, phase),
    ...(failure ?? {}),
    hostIP: state.hostIp,
    hostIPs: [{ ip: state.hostIp }],
    ...(state.podIp === undefined ? {} : { podIP: state.podIp, podIPs: [{ ip: state.podIp }] }),
    startTime: state.startTime,
    ...(state.initStatuses.length === 0 ? {} : { initContainerStatuses: state.initStatuses }),
    containerStatuses: state.statuses,
    ...(state.ephemeralStatuses?.length ? { ephemeralContainerStatuses: state.ephemeralStatuses } : {}),
    qosClass: qosClassOf(pod),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

function phaseOf(state: PodState): NonNullable<PodStatus["phase"]> {
  const { pod, statuses, initStatuses, initialized, isOver } = state;
  const exitOf = ({ state: now, lastState }: ContainerStatus) =>
    now?.terminated ?? (now?.waiting ? lastState?.terminated : undefined);
  const specOf = ({ name }: ContainerStatus): Container =>
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find((spec) => spec.name === name)!;
  const isFinal = (status: ContainerStatus) =>
    !containerRestarts(specOf(status), pod.spec, exitOf(status)?.exitCode ?? 0);
  const sidecars = initStatuses.filter(({ name }) => isSidecar(pod, name));
  const initFailed = initStatuses.some(
    (status) => !sidecars.includes(status) && (exitOf(status)?.exitCode ?? 0) !== 0 && isFinal(status),
  );
  if (initFailed) return "Failed";
  const ended = statuses.filter((status) => !status.state?.running && exitOf(status) !== undefined);
  const running = [...statuses, ...sidecars].filter((status) => status.state?.running);
  const succeeded = ended.filter((status) => exitOf(status)!.exitCode === 0);
  const outcome = ended.length === succeeded.length ? "Succeeded" : "Failed";
  if (isOver && running.length === 0 && ended.length === statuses.length) return outcome;
  const isWaiting = statuses.some((status) => !status.state?.running && exitOf(status) === undefined);
  if (!initialized || isWaiting) return "Pending";
  if (running.length > 0 || !ended.every(isFinal)) return "Running";
  return outcome;
}

export function isSidecar(pod: Pod, container: string): boolean {
  return (
    pod.spec.initContainers?.some(
      ({ name, restartPolicy }) => name === container && restartPolicy === "Always",
    ) ?? false
  );
}

function conditionsOf(state: PodState, phase: PodStatus["phase"]): Condition[] {
  const { pod, statuses, initStatuses, initialized, podIp } = state;
  const done = phase === "Succeeded" || phase === "Failed";
  const sidecars = initStatuses.filter(({ name }) => isSidecar(pod, name));
  const unready = [...sidecars, ...statuses].filter(({ ready }) => !ready).map(({ name }) => name);
  const containersReady: Omit<Condition, "type"> =
    phase === "Succeeded"
      ? { status: "False", reason: "PodCompleted" }
      : phase === "Failed"
        ? { status: "False", reason: "PodFailed" }
        : unready.length > 0
          ? {
              status: "False",
              reason: "ContainersNotReady",
              message: `containers with unready status: [${unready.join(" ")}]`,
            }
          : { status: "True" };
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const closed = gates.flatMap((gate) => {
    const status = conditionOf(pod, gate)?.status;
    if (status === "True") return [];
    return status === undefined
      ? [`corresponding condition of pod readiness gate "${gate}" does not exist.`]
      : [`the status of pod readiness gate "${gate}" is not "True", but ${status}`];
  });
  const ready: Omit<Condition, "type"> =
    containersReady.status === "True" && closed.length > 0
      ? { status: "False", reason: "ReadinessGatesNotReady", message: closed.join(", ") }
      : containersReady;
  const incomplete = initStatuses.filter(({ name, started, state: now }) =>
    isSidecar(pod, name) ? !started : now?.terminated?.exitCode !== 0,
  );
  const own: Condition[] = [
    { type: "PodReadyToStartContainers", status: podIp !== undefined && !done ? "True" : "False" },
    initialized
      ? { type: "Initialized", status: "True", ...(phase === "Succeeded" ? { reason: "PodCompleted" } : {}) }
      : {
          type: "Initialized",
          status: "False",
          reason: "ContainersNotInitialized",
          message: `containers with incomplete status: [${incomplete.map(({ name }) => name).join(" ")}]`,
        },
    { type: "Ready", ...ready },
    { type: "ContainersReady", ...containersReady },
    { ...(conditionOf(pod, "PodScheduled") ?? { type: "PodScheduled", status: "True" }) },
  ];
  const others = (pod.status?.conditions ?? []).filter(
    ({ type }) => !own.some((condition) => condition.type === type),
  );
  return [...own.map((condition) => withTransition(condition, pod, state.now)), ...others];
}

function conditionOf(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** A condition keeps the time of its last change. */
function withTransition(condition: Condition, pod: Pod, now: string): Condition {
  const previous = conditionOf(pod, condition.type);
  const kept = previous?.status === condition.status ? previous.lastTransitionTime : undefined;
  const { generation } = pod.metadata;
  return {
    ...condition,
    lastProbeTime: null,
    lastTransitionTime: kept ?? now,
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}

/** `Guaranteed`, `Burstable` or `BestEffort` (`pkg/apis/core/v1/helper/qos`). */
export function qosClassOf(pod: Pod): string {
  const containers: Container[] = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  // What the pod asks for as a whole goes before.
  const holders = pod.spec.resources === undefined ? containers : [pod.spec];
  const amounts = holders.flatMap(({ resources }) =>
    ["cpu", "memory"].map((name) => ({
      request: amount(resources?.requests?.[name] ?? resources?.limits?.[name]),
      limit: amount(resources?.limits?.[name]),
    })),
  );
  if (amounts.every(({ request, limit }) => request === 0 && limit === 0)) return "BestEffort";
  return amounts.every(({ request, limit }) => limit > 0 && request === limit) ? "Guaranteed" : "Burstable";
}

function amount(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : parseQuantity(quantity);
}
