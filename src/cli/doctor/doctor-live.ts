/** What only a running cluster shows: conditions, and what the queries answer. */
import type { Network } from "../../base/network.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import { conditionOf, SCALED_OBJECTS } from "../../keda/mod.ts";
import type { HorizontalPodAutoscaler } from "../../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { Examination, type Finding, type Found } from "./doctor-finding.ts";

const QUERY_TIMEOUT_MS = 5_000;

/** Everything that the checks of manifests look at, as the cluster has it. */
export async function objectsOf(api: KubernetesApi): Promise<Found[]> {
  const resources = [
    SCALED_OBJECTS,
    RESOURCES.statefulSets,
    RESOURCES.deployments,
    RESOURCES.configMaps,
    RESOURCES.services,
  ];
  const kinds = ["ScaledObject", "StatefulSet", "Deployment", "ConfigMap", "Service"];
  const lists = await Promise.all(
    resources.map((resource) => api.list(resource).catch(() => ({ items: [] as KubernetesObject[] }))),
  );
  // Items of a list carry no kind.
  return lists.flatMap(({ items }, index) =>
    items.map((object) => ({ object: { ...object, kind: kinds[index] }, source: "" })),
  );
}

export async function examineConditions(api: KubernetesApi, found: Found<ScaledObject>): Promise<Finding[]> {
  const examination = new Examination(found);
  const { object } = found;
  const ready = conditionOf(object, "Ready");
  if (ready?.status === "True") examination.ok("ready", "KEDA is ready to scale it");
  else
    examination.fail(
      "ready",
      `not ready: ${ready?.reason ?? "KEDA has not looked at it"}: ${ready?.message ?? ""}`,
    );
  if (conditionOf(object, "Fallback")?.status === "True")
    examination.warn(
      "in-fallback",
      "the fallback speaks: a trigger fails",
      "see kubectl describe scaledobject",
    );
  const name = object.status?.hpaName;
  if (name === undefined) return examination.findings;
  const key = { namespace: object.metadata.namespace, name };
  const hpa = await api
    .get<HorizontalPodAutoscaler>(RESOURCES.horizontalPodAutoscalers, key)
    .catch(() => undefined);
  const active = hpa?.status?.conditions?.find(({ type }) => type === "ScalingActive");
  if (active?.status === "False" && active.reason !== "ScalingDisabled")
    examination.fail("hpa", `the HPA can't scale: ${active.reason}: ${active.message}`);
  return examination.findings;
}

/** Asks the triggers' queries, and whether their series exist twice. */
export async function examineQueries(
  network: Network,
  prometheusUrl: string,
  found: Found<ScaledObject>,
): Promise<Finding[]> {
  const examination = new Examination(found);
  for (const { type, metadata } of found.object.spec.triggers) {
    if (type !== "prometheus") continue;
    try {
      const values = await ask(network, prometheusUrl, metadata.query);
      if (values.length === 1) examination.ok("answer", `${metadata.query} = ${values[0]}`);
      else if (values.length === 0) examination.warn("answer", `${metadata.query} answers with nothing`);
      else examination.fail("answer", `${metadata.query} answers with ${values.length} elements`, "sum(…)");
      await checkTwice(examination, network, prometheusUrl, metadata.query);
    } catch (error) {
      examination.fail("answer", `${metadata.query}: ${(error as Error).message}`);
    }
  }
  return examination.findings;
}

/** A pod exports a series of a metric once; the same labels under another `instance` or `job` are the other pipeline's. */
async function checkTwice(
  examination: Examination,
  network: Network,
  url: string,
  query: string,
): Promise<void> {
  const selector = /[a-zA-Z_:][\w:]*(?:\{[^}]*\})/.exec(query)?.[0];
  if (selector === undefined) return;
  const twice = await ask(network, url, `count by (pod) (${selector}) > 1`);
  if (twice.length === 0) {
    examination.ok("counted-once", `no pod has ${selector} twice`);
    return;
  }
  examination.fail(
    "counted-once",
    `${twice.length} pods have ${selector} more than once: they are counted that often`,
    "give the Collector's remote write a namespace; after a restart of Prometheus, wait for its lookback",
  );
}

async function ask(network: Network, url: string, query: string): Promise<string[]> {
  const target = `${url.replace(/\/$/, "")}/api/v1/query?${new URLSearchParams({ query })}`;
  const response = await network.fetch(target, { timeoutMs: QUERY_TIMEOUT_MS });
  const answer = JSON.parse(await response.text()) as {
    status: string;
    error?: string;
    data: { result: { value: [number, string] }[] };
  };
  if (answer.status !== "success") throw new Error(answer.error ?? `status ${response.status}`);
  return answer.data.result.map(({ value }) => value[1]);
}
