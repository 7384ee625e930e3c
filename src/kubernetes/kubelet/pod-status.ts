/** A pod's status from what its containers do (kubelet `kubelet_pods.go` `getPhase`, `status/generate.go`). */
import { parseQuantity } from "../../model/quantity.ts";
import type { Condition, Container, ContainerStatus, Pod, PodStatus } from "../types.ts";

export interface PodState {
  pod: Pod;
  /** In the order of the spec. */
  initStatuses: ContainerStatus[];
  statuses: ContainerStatus[];
  /** All init containers have done their part. */
  initialized: boolean;
  hostIp: string;
  podIp: string | undefined;
  startTime: string;
  /** For conditions that change. */
  now: string;
  /** The pod was ended by the kubelet: `DeadlineExceeded`, `Evicted`. */
  failure?: { reason: string; message: string };
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
    qosClass: qosClassOf(pod),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

function phaseOf({ pod, statuses, initStatuses, initialized }: PodState): NonNullable<PodStatus["phase"]> {
  const { restartPolicy = "Always" } = pod.spec;
  const initFailed =
    restartPolicy === "Never" &&
    initStatuses.some((status) => {
      const exit = status.state?.terminated;
      return exit !== undefined && exit.exitCode !== 0 && !isSidecar(pod, status.name);
    });
  if (initFailed) return "Failed";
  if (!initialized) return "Pending";
  const counts = { waiting: 0, running: 0, stopped: 0, succeeded: 0 };
  for (const { state, lastState } of statuses) {
    const exit = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined);
    if (state?.running) counts.running++;
    else if (exit) {
      counts.stopped++;
      if (exit.exitCode === 0) counts.succeeded++;
    } else counts.waiting++;
  }
  if (counts.waiting > 0) return "Pending";
  if (counts.running > 0 || restartPolicy === "Always") return "Running";
  if (counts.stopped === counts.succeeded) return "Succeeded";
  return restartPolicy === "Never" ? "Failed" : "Running";
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
  const closed = gates.filter((gate) => conditionOf(pod, gate)?.status !== "True");
  const ready: Omit<Condition, "type"> =
    containersReady.status === "True" && closed.length > 0
      ? {
          status: "False",
          reason: "ReadinessGatesNotReady",
          message: `the status of pod readiness gate "${closed[0]}" is not "True", but ${conditionOf(pod, closed[0])?.status ?? "False"}`,
        }
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
  return { ...condition, lastProbeTime: null, lastTransitionTime: kept ?? now };
}

/** `Guaranteed`, `Burstable` or `BestEffort` (`pkg/apis/core/v1/helper/qos`). */
export function qosClassOf(pod: Pod): string {
  const containers: Container[] = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const amounts = containers.flatMap(({ resources }) =>
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
