/** `topology explain scaledobject NAME`: each number from query to pods, and what would change it. */
import type { CliCommand } from "../../base/machine.ts";
import {
  conditionOf,
  DEFAULT_POLLING_INTERVAL_SECONDS,
  hpaNameOf,
  isPaused,
  SCALED_OBJECTS,
  type ScaledObject,
} from "../../keda/mod.ts";
import type { HorizontalPodAutoscaler, Scale } from "../../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { helpText, parseOptions, text, UsageError } from "../options.ts";
import { findRunning, openApi } from "../run-state.ts";
import { explainAutoscaler } from "./explain-autoscaler.ts";
import { explainScaledObject } from "./explain-scaled-object.ts";
import { printAnswers } from "./print-answers.ts";
import { recentFailures, type TriggerFailure } from "./trigger-failures.ts";
import { unreadyPods } from "./unready-pods.ts";
import { windowEnd } from "./window-end.ts";

const OPTIONS = {
  namespace: { ...text("NAME", "the ScaledObject's", "percolate-test"), short: "n" },
  "data-dir": text("DIR", "the topology's data directory", ".topology"),
};

/** Exit code 0, or 1 when the ScaledObject is not ready. */
export const command: CliCommand = async (args, machine) => {
  const { print } = machine;
  if (args.includes("--help")) {
    const sentence = "Says why a workload has the replicas that it has, and what would change them.";
    print(helpText("explain scaledobject NAME [-n NAMESPACE] [options]", sentence, OPTIONS));
    return 0;
  }
  const { values, positionals } = parseOptions(args, OPTIONS, { positionals: 2 });
  const [kind, name] = positionals;
  if (!["scaledobject", "scaledobjects", "so"].includes(kind) || name === undefined) {
    throw new UsageError("what to explain: scaledobject NAME");
  }
  const running = await findRunning(machine, values["data-dir"]);
  if (running === undefined) throw new UsageError(`no topology runs on ${values["data-dir"]}`);
  const api = await openApi(machine, values["data-dir"]);
  const nowMs = machine.clock.now();
  const facts = await gather(api, values.namespace, name, nowMs);
  for (const line of explain(facts, nowMs)) print(`${line}\n`);
  const { object, hpa, specReplicas: replicas } = facts;
  const prometheusUrl = running.urls.Prometheus;
  if (hpa !== undefined && prometheusUrl !== undefined) {
    const end = await windowEnd({ network: machine.network, prometheusUrl, object, hpa, replicas, nowMs });
    if (end !== undefined) print(`  ${end}\n`);
  }
  await printAnswers(machine, api, facts.object, facts.specReplicas, running.urls.Prometheus);
  return conditionOf(facts.object, "Ready")?.status === "True" ? 0 : 1;
};

export interface Facts {
  object: ScaledObject;
  hpa: HorizontalPodAutoscaler | undefined;
  specReplicas: number;
  statusReplicas: number;
  failures: readonly TriggerFailure[];
  /** Of the target. */
  pods: readonly KubernetesObject[];
}

async function gather(api: KubernetesApi, namespace: string, name: string, nowMs: number): Promise<Facts> {
  let object: ScaledObject;
  try {
    object = await api.get<ScaledObject>(SCALED_OBJECTS, { namespace, name });
  } catch (error) {
    if (isStatus(error, "NotFound")) throw new UsageError(`there is no ScaledObject ${namespace}/${name}`);
    throw error;
  }
  const hpaName = object.status?.hpaName ?? hpaNameOf(object);
  const hpa = await api
    .get<HorizontalPodAutoscaler>(RESOURCES.horizontalPodAutoscalers, { namespace, name: hpaName })
    .catch(() => undefined);
  const events = await api.list(RESOURCES.events, { namespace }).catch(() => ({ items: [] }));
  const failures = recentFailures(events.items, object, nowMs);
  const { kind = "Deployment", name: target } = object.spec.scaleTargetRef;
  const known = kind === "StatefulSet" ? RESOURCES.statefulSets : RESOURCES.deployments;
  try {
    const key = { namespace, name: target, subresource: "scale" };
    const scale = await api.get<Scale>(object.status?.scaleTargetGVKR ?? known, key);
    const { spec, status } = scale;
    const labelSelector = status.selector;
    const pods = labelSelector ? (await api.list(RESOURCES.pods, { namespace, labelSelector })).items : [];
    const specReplicas = spec.replicas ?? 0;
    return { object, hpa, specReplicas, statusReplicas: status.replicas, failures, pods };
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    throw new UsageError(`there is no ${kind} ${namespace}/${target}, which the ScaledObject is to scale`);
  }
}

/** The explanation, a line each. */
export function explain(
  { object, hpa, specReplicas, statusReplicas, failures, pods }: Facts,
  nowMs: number,
): string[] {
  const { spec, metadata } = object;
  const { kind = "Deployment", name } = spec.scaleTargetRef;
  const { pollingInterval = DEFAULT_POLLING_INTERVAL_SECONDS } = spec;
  const lines = [
    `${kind} ${metadata.namespace}/${name} has ${specReplicas} replicas (${statusReplicas} pods exist).`,
    ...unreadyPods(pods),
    "",
    isPaused(object) ? "KEDA" : `KEDA, as of its last poll (every ${pollingInterval} s)`,
    ...explainScaledObject(object, specReplicas, failures, nowMs),
    "",
    hpa === undefined ? "HPA" : "HPA, as of its last look (every 15 s)",
  ];
  if (hpa !== undefined) return [...lines, ...explainAutoscaler(object, hpa, specReplicas, statusReplicas)];
  return [
    ...lines,
    isPaused(object) ? "  none while it is paused" : "  There is none: KEDA has not made it yet.",
  ];
}
