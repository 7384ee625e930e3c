/** `topology explain scaledobject NAME`: each number from query to pods, and what would change it. */
import type { CliCommand, Machine } from "../base/machine.ts";
import {
  conditionOf,
  hpaMaxReplicas,
  hpaMinReplicas,
  hpaNameOf,
  SCALED_OBJECTS,
  type ScaledObject,
} from "../keda/mod.ts";
import {
  DEFAULT_TOLERANCE,
  DOWNSCALE_STABILIZATION_SECONDS,
  type HorizontalPodAutoscaler,
} from "../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import { parseQuantity } from "../model/quantity.ts";
import { helpText, parseOptions, text, UsageError } from "./options.ts";
import { findRunning, openApi } from "./run-state.ts";

const OPTIONS = {
  namespace: text("NAME", "the ScaledObject's", "percolate-test"),
  "data-dir": text("DIR", "the topology's data directory", ".topology"),
};

/** Exit code 0, or 1 when the ScaledObject is not ready. */
export const command: CliCommand = async (args, machine) => {
  const { print } = machine;
  if (args.includes("--help")) {
    const sentence = "Says why a workload has the replicas that it has, and what would change them.";
    print(helpText("explain scaledobject NAME [options]", sentence, OPTIONS));
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
  const facts = await gather(api, values.namespace, name);
  for (const line of explain(facts, machine.clock.now())) print(`${line}\n`);
  await printQueries(machine, facts.object, running.urls.Prometheus);
  return conditionOf(facts.object, "Ready")?.status === "True" ? 0 : 1;
};

export interface Facts {
  object: ScaledObject;
  hpa: HorizontalPodAutoscaler | undefined;
  specReplicas: number;
  statusReplicas: number;
}

async function gather(api: KubernetesApi, namespace: string, name: string): Promise<Facts> {
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
  const resource =
    object.spec.scaleTargetRef.kind === "StatefulSet" ? RESOURCES.statefulSets : RESOURCES.deployments;
  const target = await api.get(resource, { namespace, name: object.spec.scaleTargetRef.name });
  return {
    object,
    hpa,
    specReplicas: target.spec.replicas ?? 1,
    statusReplicas: target.status?.replicas ?? 0,
  };
}

/** The explanation, a line each. */
export function explain({ object, hpa, specReplicas, statusReplicas }: Facts, nowMs: number): string[] {
  const { spec, metadata, status } = object;
  const { kind = "Deployment", name } = spec.scaleTargetRef;
  const lines = [
    `${kind} ${metadata.namespace}/${name} has ${specReplicas} replicas (${statusReplicas} pods exist).`,
    "",
  ];
  lines.push("KEDA");
  for (const condition of status?.conditions ?? []) {
    if (condition.reason)
      lines.push(`  ${condition.type}: ${condition.status}, ${condition.reason}: ${condition.message}`);
  }
  lines.push(...zeroLines(object, specReplicas, nowMs));
  lines.push("", "HPA");
  if (hpa === undefined)
    return [...lines, "  There is none: KEDA has not made it yet, or the ScaledObject is paused."];
  for (const { type, status: state, reason, message } of hpa.status?.conditions ?? []) {
    lines.push(`  ${type}: ${state}, ${reason}: ${message}`);
  }
  lines.push(`  between ${hpaMinReplicas(spec)} and ${hpaMaxReplicas(spec)} replicas`);
  (hpa.spec.metrics ?? []).forEach((metric, index) => {
    const { external } = metric;
    const current = hpa.status?.currentMetrics?.[index]?.external?.current;
    if (external === undefined) return;
    const target = external.target.averageValue;
    if (target === undefined || current?.averageValue === undefined) {
      lines.push(
        `  ${external.metric.name}: ${current === undefined ? "not read yet" : JSON.stringify(current)}`,
      );
      return;
    }
    lines.push(
      ...metricLines(
        external.metric.name,
        parseQuantity(current.averageValue),
        parseQuantity(target),
        statusReplicas,
        hpa,
      ),
    );
  });
  lines.push(...stabilizationLines(hpa));
  return lines;
}

function zeroLines({ spec, status }: ScaledObject, replicas: number, nowMs: number): string[] {
  const { minReplicaCount = 0, idleReplicaCount, cooldownPeriod = 300 } = spec;
  if (minReplicaCount > 0 && idleReplicaCount === undefined) {
    return [`  never goes below ${minReplicaCount}: minReplicaCount. What is above is the HPA's.`];
  }
  const floor = idleReplicaCount ?? minReplicaCount;
  if (replicas === 0)
    return [
      "  at zero: any trigger above its activation threshold sets one replica, at the next poll or push",
    ];
  const lastMs = status?.lastActiveTime === undefined ? undefined : Date.parse(status.lastActiveTime);
  const ago = lastMs === undefined ? "never" : `${Math.round((nowMs - lastMs) / 1000)} s ago`;
  return [
    `  last active ${ago}; ${cooldownPeriod} s (cooldownPeriod) without activity set ${floor}, in one step`,
  ];
}

function metricLines(
  name: string,
  average: number,
  target: number,
  pods: number,
  hpa: HorizontalPodAutoscaler,
): string[] {
  // The status has the average rounded up to thousandths, so the sum is known to that.
  const sum = Math.round(average * pods * 1000) / 1000;
  const ratio = average / target;
  const tolerance = (direction: "scaleUp" | "scaleDown") =>
    parseQuantity(hpa.spec.behavior?.[direction]?.tolerance ?? DEFAULT_TOLERANCE);
  const [up, down] = [tolerance("scaleUp"), tolerance("scaleDown")];
  const within = 1 - down <= ratio && ratio <= 1 + up;
  const wanted = Math.ceil(sum / target - 1e-9);
  const lines = [
    `  ${name}: ${sum} in all, ${round(average)} a pod, target ${target} a pod: ratio ${round(ratio)}`,
    within
      ? `    within the tolerance (${round(1 - down)} to ${round(1 + up)}): asks for the ${pods} that there are`
      : `    asks for ⌈${sum} / ${target}⌉ = ${wanted}`,
  ];
  if (within && wanted > pods) {
    lines.push(
      `    the tolerance hides ${wanted - pods}: ${sum} needs ${wanted}. Set behavior.scaleUp.tolerance lower.`,
    );
  }
  const more = Math.max(target * pods * (1 + up), target * pods);
  const fewer = target * pods * (1 - down);
  lines.push(`    more than ${round(more)} asks for more, less than ${round(fewer)} for fewer`);
  return lines;
}

function stabilizationLines(hpa: HorizontalPodAutoscaler): string[] {
  const { behavior } = hpa.spec;
  const window = behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const lines = [`  down only to the highest number asked for in the last ${window} s`];
  if (behavior === undefined) lines.push("  up to twice as many, or 4, at once");
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = behavior?.[direction];
    if (rules?.selectPolicy === "Disabled") lines.push(`  ${direction} is disabled`);
    for (const { type, value, periodSeconds } of rules?.policies ?? []) {
      lines.push(
        `  ${direction}: at most ${value}${type === "Percent" ? " %" : " pods"} in ${periodSeconds} s`,
      );
    }
  }
  return lines;
}

/** What the triggers' queries answer now. */
async function printQueries(
  { network, print }: Machine,
  { spec }: ScaledObject,
  url: string | undefined,
): Promise<void> {
  const triggers = spec.triggers.filter(({ type }) => type === "prometheus");
  if (url === undefined || triggers.length === 0) return;
  print("\nQueries, now\n");
  for (const { metadata } of triggers) {
    const target = `${url.replace(/\/$/, "")}/api/v1/query?${new URLSearchParams({ query: metadata.query })}`;
    try {
      const response = await network.fetch(target, { timeoutMs: 5_000 });
      const { data } = JSON.parse(await response.text()) as {
        data: { result: { value: [number, string] }[] };
      };
      const answer = data.result.map(({ value }) => value[1]).join(", ");
      print(`  ${metadata.query} = ${answer === "" ? "nothing" : answer}\n`);
    } catch (error) {
      print(`  ${metadata.query}: ${(error as Error).message}\n`);
    }
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
