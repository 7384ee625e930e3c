/** `topology status`: what runs, where, and how far the autoscaler is. */
import type { CliCommand } from "../base/machine.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { flag, formatDurationMs, helpText, parseOptions, text } from "./options.ts";
import { isPodReady } from "./readiness.ts";
import { findRunning, openApi } from "./run-state.ts";
import { formatTable } from "./table.ts";

const OPTIONS = {
  "data-dir": text("DIR", "the topology's data directory", ".topology"),
  json: flag("as JSON"),
};

interface PodStatus {
  namespace: string;
  name: string;
  ready: boolean;
  phase: string;
  restarts: number;
  ip: string;
  node: string;
}

interface AutoscalerStatus {
  namespace: string;
  name: string;
  target: string;
  current: number;
  desired: number;
  min: number;
  max: number;
}

/** Exit code 0 when it runs and every pod is ready, 1 when a pod is not, 3 when nothing runs. */
export const command: CliCommand = async (args, machine) => {
  const { print, clock } = machine;
  if (args.includes("--help")) {
    print(helpText("status [options]", "Shows what runs.", OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  const dataDirectory = values["data-dir"];
  const running = await findRunning(machine, dataDirectory);
  if (running === undefined) {
    print(values.json ? `${JSON.stringify({ running: false })}\n` : `nothing runs on ${dataDirectory}\n`);
    return 3;
  }
  const api = await openApi(machine, dataDirectory);
  const pods = (await api.list(RESOURCES.pods)).items.map(podStatus);
  const autoscalers = await listAutoscalers(api);
  if (values.json) {
    print(`${JSON.stringify({ running: true, ...running, pods, autoscalers }, null, 2)}\n`);
  } else {
    print(`running for ${formatDurationMs(clock.now() - running.startedMs)}, process ${running.pid}\n\n`);
    print(formatTable(Object.entries({ ...running.urls, "Kubernetes API": running.apiUrl })));
    print(`\n${podTable(pods)}\n${autoscalerTable(autoscalers)}`);
  }
  return pods.every(({ ready }) => ready) ? 0 : 1;
};

function podStatus(pod: KubernetesObject): PodStatus {
  const containers: { restartCount?: number }[] = pod.status?.containerStatuses ?? [];
  return {
    namespace: pod.metadata.namespace!,
    name: pod.metadata.name,
    ready: isPodReady(pod),
    phase: pod.metadata.deletionTimestamp === undefined ? (pod.status?.phase ?? "Pending") : "Terminating",
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    ip: pod.status?.podIP ?? "",
    node: pod.spec.nodeName ?? "",
  };
}

async function listAutoscalers(api: KubernetesApi): Promise<AutoscalerStatus[]> {
  const { items } = await api.list(RESOURCES.horizontalPodAutoscalers);
  return items.map(({ metadata, spec, status }) => ({
    namespace: metadata.namespace!,
    name: metadata.name,
    target: `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    current: status?.currentReplicas ?? 0,
    desired: status?.desiredReplicas ?? 0,
    min: spec.minReplicas ?? 1,
    max: spec.maxReplicas,
  }));
}

function podTable(pods: PodStatus[]): string {
  const rows = pods.map(({ namespace, name, ready, phase, restarts, ip, node }) => [
    namespace,
    name,
    ready ? "yes" : "no",
    phase,
    String(restarts),
    ip,
    node,
  ]);
  return formatTable([["NAMESPACE", "POD", "READY", "STATUS", "RESTARTS", "IP", "NODE"], ...rows]);
}

function autoscalerTable(autoscalers: AutoscalerStatus[]): string {
  const rows = autoscalers.map(({ name, target, current, desired, min, max }) => [
    name,
    target,
    `${current}`,
    `${desired}`,
    `${min}..${max}`,
  ]);
  return formatTable([["AUTOSCALER", "TARGET", "REPLICAS", "DESIRED", "BOUNDS"], ...rows]);
}
