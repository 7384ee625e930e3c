/** A pod's row: the status in one word, as `printPod` of `pkg/printers/internalversion` works it out. */
import { humanDuration } from "../human-duration.ts";
import { ageColumn, nameColumn, orNone, type Row, type TableColumn, text, wide } from "./table-column.ts";

interface ContainerStatus {
  name: string;
  ready?: boolean;
  started?: boolean;
  restartCount?: number;
  state?: State;
  lastState?: State;
}

interface State {
  waiting?: { reason?: string };
  running?: object;
  terminated?: { reason?: string; exitCode: number; signal?: number; finishedAt?: string };
}

export const podColumns: TableColumn[] = [
  nameColumn,
  text("Ready", (pod) => summaryOf(pod).ready),
  text("Status", (pod) => summaryOf(pod).status),
  text("Restarts", restartsText),
  ageColumn,
  wide("IP", (pod) => orNone(pod.status?.podIPs?.[0]?.ip)),
  wide("Node", (pod) => orNone(pod.spec?.nodeName)),
  wide("Nominated Node", (pod) => orNone(pod.status?.nominatedNodeName)),
  wide("Readiness Gates", readinessGates),
];

interface Summary {
  ready: string;
  status: string;
  restarts: number;
  lastRestartMs: number;
}

function summaryOf(pod: Row): Summary {
  const status = pod.status ?? {};
  const initStatuses: ContainerStatus[] = status.initContainerStatuses ?? [];
  const sidecars = new Set<string>(
    (pod.spec?.initContainers ?? [])
      .filter((each: { restartPolicy?: string }) => each.restartPolicy === "Always")
      .map((each: { name: string }) => each.name),
  );
  const totals = { restarts: 0, lastRestartMs: 0, sidecarRestarts: 0, sidecarLastMs: 0, ready: 0 };
  let reason: string = status.reason || status.phase || "Unknown";
  if (isScheduled(pod) === false) reason = "SchedulingGated";
  const waitingInit = initReason(initStatuses, sidecars, pod, totals);
  if (waitingInit !== undefined) reason = waitingInit;
  const isInitialized = (status.conditions ?? []).some(
    (condition: { type: string; status: string }) =>
      condition.type === "Initialized" && condition.status === "True",
  );
  if (waitingInit === undefined || isInitialized) {
    reason = containerReason(status.containerStatuses ?? [], reason, totals, pod);
    totals.restarts += totals.sidecarRestarts;
    totals.lastRestartMs = Math.max(totals.lastRestartMs, totals.sidecarLastMs);
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === "NodeLost") reason = "Unknown";
    else if (status.phase !== "Succeeded" && status.phase !== "Failed") reason = "Terminating";
  }
  const total = (pod.spec?.containers ?? []).length + sidecars.size;
  return {
    ready: `${totals.ready}/${total}`,
    status: reason,
    restarts: totals.restarts,
    lastRestartMs: totals.lastRestartMs,
  };
}

function isScheduled(pod: Row): boolean | undefined {
  const condition = (pod.status?.conditions ?? []).find(
    (each: { type: string }) => each.type === "PodScheduled",
  );
  return condition?.reason === "SchedulingGated" ? false : undefined;
}

interface Totals {
  restarts: number;
  lastRestartMs: number;
  sidecarRestarts: number;
  sidecarLastMs: number;
  ready: number;
}

/** What the init containers say of the pod, when one of them still has to end. */
function initReason(
  statuses: ContainerStatus[],
  sidecars: Set<string>,
  pod: Row,
  totals: Totals,
): string | undefined {
  for (const [index, each] of statuses.entries()) {
    totals.restarts += each.restartCount ?? 0;
    totals.lastRestartMs = Math.max(totals.lastRestartMs, finishedMs(each.lastState));
    const isSidecar = sidecars.has(each.name);
    if (isSidecar) {
      totals.sidecarRestarts += each.restartCount ?? 0;
      totals.sidecarLastMs = Math.max(totals.sidecarLastMs, finishedMs(each.lastState));
    }
    const { terminated, waiting } = each.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar && each.started) {
      if (each.ready) totals.ready++;
      continue;
    }
    if (terminated !== undefined) return `Init:${endReason(terminated)}`;
    if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
    return `Init:${index}/${(pod.spec?.initContainers ?? []).length}`;
  }
  return undefined;
}

function containerReason(statuses: ContainerStatus[], before: string, totals: Totals, pod: Row): string {
  let reason = before;
  let failure = "";
  let isRunning = false;
  totals.restarts = 0;
  totals.lastRestartMs = 0;
  for (const each of [...statuses].reverse()) {
    totals.restarts += each.restartCount ?? 0;
    totals.lastRestartMs = Math.max(totals.lastRestartMs, finishedMs(each.lastState));
    const { waiting, terminated, running } = each.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated !== undefined) {
      reason = endReason(terminated);
      if (terminated.exitCode !== 0) failure = reason;
    } else if (each.ready && running !== undefined) {
      isRunning = true;
      totals.ready++;
    }
  }
  if (reason !== "Completed") return reason;
  const isReady = (pod.status?.conditions ?? []).some(
    (condition: { type: string; status: string }) =>
      condition.type === "Ready" && condition.status === "True",
  );
  if (isRunning && isReady) return "Running";
  return failure || (isRunning ? "NotReady" : reason);
}

function endReason(terminated: NonNullable<State["terminated"]>): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function finishedMs(state: State | undefined): number {
  const at = state?.terminated?.finishedAt;
  return at ? Date.parse(at) : 0;
}

function restartsText(pod: Row, nowMs: number): string {
  const { restarts, lastRestartMs } = summaryOf(pod);
  if (restarts === 0 || lastRestartMs === 0) return String(restarts);
  return `${restarts} (${humanDuration(nowMs - lastRestartMs)} ago)`;
}

function readinessGates(pod: Row): string {
  const gates: { conditionType: string }[] = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const met = gates.filter((gate) =>
    (pod.status?.conditions ?? []).some(
      (condition: { type: string; status: string }) =>
        condition.type === gate.conditionType && condition.status === "True",
    ),
  );
  return `${met.length}/${gates.length}`;
}
