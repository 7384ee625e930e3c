/** The traps of a ScaledObject: what it says and what its author believes it to say. */
import { replicaBoundsProblem, type ScaledObject, type Trigger, triggersProblem } from "../../keda/mod.ts";
import { DEFAULT_TOLERANCE } from "../../kubernetes/mod.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { Examination, type Finding, type Found } from "./doctor-finding.ts";

/** Triggers whose value does not come from the pods that they scale. */
const FROM_OUTSIDE = new Set(["external-push", "external", "cron", "kubernetes-workload", "metrics-api"]);

/** @param refusal why the API server or KEDA would not take it, where that was tried */
export function examineScaledObject(
  found: Found<ScaledObject>,
  others: Found[],
  refusal?: string,
): Finding[] {
  const examination = new Examination(found);
  const { object } = found;
  const problem = refusal ?? replicaBoundsProblem(object) ?? triggersProblem(object.spec.triggers);
  if (problem !== undefined) {
    examination.fail("admission", `it is refused: ${problem}`, "correct the field");
    return examination.findings;
  }
  checkTarget(examination, object, others);
  checkNulls(examination, object);
  checkFallback(examination, object);
  for (const trigger of object.spec.triggers) checkTrigger(examination, trigger, object);
  checkTolerance(examination, object);
  checkZero(examination, object);
  checkPeriods(examination, object);
  checkPaused(examination, object);
  return examination.findings;
}

function checkTarget(examination: Examination, { spec, metadata }: ScaledObject, others: Found[]): void {
  const { kind = "Deployment", name } = spec.scaleTargetRef;
  const workloads = others.filter(({ object }) => ["Deployment", "StatefulSet"].includes(object.kind ?? ""));
  if (workloads.length === 0) return;
  const target = workloads.find(
    ({ object }) =>
      object.kind === kind &&
      object.metadata.name === name &&
      (object.metadata.namespace ?? "default") === (metadata.namespace ?? "default"),
  );
  if (target === undefined) {
    examination.fail("target", `there is no ${kind} ${name}`, "correct spec.scaleTargetRef");
    return;
  }
  examination.ok("target", `scales ${kind} ${name}`);
  if (target.source !== "" && target.object.spec.replicas !== undefined) {
    examination.warn(
      "replicas-in-manifest",
      `${kind} ${name} has replicas: ${target.object.spec.replicas}, which every apply sets again`,
      `leave spec.replicas out of ${target.source}: KEDA and the HPA own the number`,
    );
  }
}

function prometheusTriggers({ spec }: ScaledObject): Trigger[] {
  return spec.triggers.filter(({ type }) => type === "prometheus");
}

function checkNulls(examination: Examination, object: ScaledObject): void {
  const triggers = prometheusTriggers(object);
  if (triggers.length === 0) return;
  const naive = triggers.filter(({ metadata }) => metadata.ignoreNullValues !== "false");
  if (naive.length === 0) {
    examination.ok("ignore-null-values", "an empty answer is an error, and not idleness");
    return;
  }
  examination.fail(
    "ignore-null-values",
    "an empty answer of Prometheus reads as 0: a lost metric scales busy pods away",
    'set ignoreNullValues: "false" in the trigger, and a fallback',
  );
}

function checkFallback(examination: Examination, { spec }: ScaledObject): void {
  const { fallback } = spec;
  if (!spec.triggers.some(({ type }) => type === "prometheus")) return;
  if (fallback === undefined) {
    examination.fail(
      "fallback",
      "without a fallback an outage of Prometheus freezes the replicas, and at zero nothing wakes",
      "set fallback: { failureThreshold: 3, replicas: …, behavior: currentReplicas }",
    );
    return;
  }
  if ((fallback.behavior ?? "static") === "static") {
    examination.warn(
      "fallback",
      `while Prometheus is away there are ${fallback.replicas} replicas, however many were needed before`,
      "set fallback.behavior: currentReplicas (or currentReplicasIfHigher)",
    );
    return;
  }
  examination.ok("fallback", `while Prometheus is away: ${fallback.behavior}`);
}

function checkTrigger(examination: Examination, trigger: Trigger, object: ScaledObject): void {
  const { type, metadata } = trigger;
  const address = metadata.serverAddress ?? metadata.scalerAddress;
  if (address !== undefined) checkAddress(examination, address, object);
  if (type !== "prometheus") return;
  if (metadata.metricName !== undefined) {
    examination.warn(
      "metric-name",
      "metricName is ignored since KEDA 2.12",
      "remove it; the name is s0-prometheus",
    );
  }
  const { query = "" } = metadata;
  if (/^\s*(scalar\s*\(|[\d.]+\s*$)/.test(query)) {
    examination.fail("query", `KEDA can't read the answer of ${query}: a scalar`, "wrap it in vector(…)");
  } else if (!/^\s*(sum|max|min|avg|count|vector|group|stddev|quantile)\b(?!\s*(by|without)\b)/.test(query)) {
    examination.warn(
      "query",
      `${query} may answer with several elements, which KEDA takes for an error`,
      "make it one number: sum(…)",
    );
  } else examination.ok("query", `${query} answers with one number`);
}

/** KEDA asks from its own namespace, where a short name is somebody else's. */
function checkAddress(examination: Examination, address: string, { metadata }: ScaledObject): void {
  const host = address.replace(/^\w+:\/\//, "").replace(/[:/].*$/, "");
  if (/^[\d.]+$/.test(host) || host.includes("{")) return;
  if (host.includes(".")) {
    examination.ok("address", `${host} resolves from KEDA's namespace`);
    return;
  }
  examination.fail(
    "address",
    `${host} does not resolve from KEDA's namespace`,
    `write ${host}.${metadata.namespace ?? "NAMESPACE"}.svc.cluster.local`,
  );
}

function checkTolerance(examination: Examination, { spec }: ScaledObject): void {
  const trigger = spec.triggers.find(({ type, metadata }) => type === "prometheus" && metadata.threshold);
  if (trigger === undefined || (trigger.metricType ?? "AverageValue") !== "AverageValue") return;
  const given = spec.advanced?.horizontalPodAutoscalerConfig?.behavior?.scaleUp?.tolerance;
  const tolerance = given === undefined ? DEFAULT_TOLERANCE : parseQuantity(String(given));
  const threshold = Number(trigger.metadata.threshold);
  const hidden = firstHidden(threshold, tolerance, spec.maxReplicaCount ?? 100);
  if (hidden === undefined) {
    examination.ok("tolerance", "every load above the pods' capacity adds a pod");
    return;
  }
  examination.warn(
    "tolerance",
    `${hidden.load} on ${hidden.pods} pods (threshold ${threshold}) adds no pod: it lies within the HPA's tolerance of ${tolerance}`,
    'set advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.tolerance: "0" (Kubernetes 1.35 and later), or a lower threshold',
  );
}

/** The smallest number of pods at which a whole load beyond their capacity is hidden. */
export function firstHidden(
  threshold: number,
  tolerance: number,
  maxReplicas: number,
): { pods: number; load: number } | undefined {
  for (let pods = 1; pods < maxReplicas; pods++) {
    const load = Math.floor(threshold * pods) + 1;
    if (load / (threshold * pods) <= 1 + tolerance) return { pods, load };
  }
  return undefined;
}

function checkZero(examination: Examination, { spec }: ScaledObject): void {
  const { minReplicaCount = 0, idleReplicaCount } = spec;
  if (minReplicaCount > 0 && idleReplicaCount !== 0) return;
  const outside = spec.triggers.find(({ type }) => FROM_OUTSIDE.has(type));
  if (outside === undefined) {
    examination.fail(
      "from-zero",
      "at zero pods nothing exports the metric, so nothing ever asks for the first pod",
      "add a trigger that does not come from the pods: external-push (the router's), or set minReplicaCount: 1",
    );
  } else examination.ok("from-zero", `at zero, the ${outside.type} trigger wakes it`);
  if (spec.advanced?.horizontalPodAutoscalerConfig?.behavior?.scaleDown !== undefined) {
    examination.warn(
      "to-zero",
      "KEDA goes to zero in one step, past behavior.scaleDown",
      "set minReplicaCount: 1 where pods must leave one by one",
    );
  }
}

function checkPeriods(examination: Examination, { spec }: ScaledObject): void {
  const { minReplicaCount = 0, idleReplicaCount, cooldownPeriod, pollingInterval } = spec;
  if (minReplicaCount === 0 || idleReplicaCount !== undefined) return;
  if (cooldownPeriod !== undefined) {
    examination.warn(
      "cooldown",
      `cooldownPeriod: ${cooldownPeriod} does nothing: it is for the way to zero, and minReplicaCount is ${minReplicaCount}`,
      "scale-down is paced by behavior.scaleDown.stabilizationWindowSeconds",
    );
  }
  if (pollingInterval !== undefined && pollingInterval > 30) {
    examination.warn(
      "polling-interval",
      `pollingInterval: ${pollingInterval} slows nothing down between ${minReplicaCount} and the maximum: the HPA asks every 15 s itself`,
      "to ask Prometheus less often set useCachedMetrics: true in the trigger",
    );
  }
}

function checkPaused(examination: Examination, { metadata }: ScaledObject): void {
  for (const name of ["paused", "paused-replicas", "paused-scale-in", "paused-scale-out"]) {
    const value = metadata.annotations?.[`autoscaling.keda.sh/${name}`];
    if (value === undefined || value === "false") continue;
    examination.warn(
      "paused",
      `autoscaling.keda.sh/${name}: "${value}"`,
      "remove the annotation to go on scaling",
    );
  }
}
