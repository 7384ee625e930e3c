/** The live half of `explain`: what KEDA tells the HPA when it is asked now, and what the triggers' queries answer. */
import type { Machine } from "../../base/machine.ts";
import type { Network } from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { COMPOSITE_METRIC, isPaused, type ScaledObject, usesModifiers } from "../../keda/mod.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

const GROUP = { group: "external.metrics.k8s.io", version: "v1beta1" };

export async function printAnswers(
  { network, print }: Pick<Machine, "network" | "print">,
  api: KubernetesApi,
  object: ScaledObject,
  replicas: number,
  prometheusUrl: string | undefined,
): Promise<void> {
  await printMetrics(print, api, object);
  const areAllEmpty = await printQueries({ network, print }, object, prometheusUrl);
  if (replicas > 0 || !areAllEmpty || object.spec.triggers.some(({ type }) => type !== "prometheus")) return;
  print(
    "  with no pod there is no metric: these triggers alone never wake the workload (add an external-push one)\n",
  );
}

/** Each external metric, as the HPA would be told it. While KEDA is paused nobody asks. */
async function printMetrics(
  print: (text: string) => void,
  api: KubernetesApi,
  object: ScaledObject,
): Promise<void> {
  const { metadata, status } = object;
  const names = usesModifiers(object) ? [COMPOSITE_METRIC] : (status?.externalMetricNames ?? []);
  if (names.length === 0 || isPaused(object)) return;
  print("\nKEDA's answers to the HPA, now\n");
  const options = {
    namespace: metadata.namespace,
    labelSelector: `scaledobject.keda.sh/name=${metadata.name}`,
  };
  for (const resource of names) {
    try {
      const { items } = await api.list<KubernetesObject & { value?: string }>(
        { ...GROUP, resource },
        options,
      );
      print(`  ${resource} = ${items.map(({ value }) => value).join(", ") || "nothing"}\n`);
    } catch (error) {
      print(`  ${resource}: ${(error as Error).message}\n`);
    }
  }
}

/** What the triggers' queries answer now. Tells whether none has an answer. */
async function printQueries(
  { network, print }: Pick<Machine, "network" | "print">,
  { spec }: ScaledObject,
  url: string | undefined,
): Promise<boolean> {
  const triggers = spec.triggers.filter(({ type }) => type === "prometheus");
  if (url === undefined || triggers.length === 0) return false;
  let areAllEmpty = true;
  print("\nQueries, now\n");
  for (const { metadata } of triggers) {
    const target = `${url.replace(/\/$/, "")}/api/v1/query?${new URLSearchParams({ query: metadata.query })}`;
    const answer = await answerOf(network, target, metadata.ignoreNullValues !== "false");
    if (!answer.startsWith(NOTHING)) areAllEmpty = false;
    print(`  ${metadata.query}${answer}\n`);
  }
  return areAllEmpty;
}

const NOTHING = " = nothing";

/** ` = 7`, or why there is no number and what KEDA makes of that. */
async function answerOf(network: Network, target: string, ignoresNothing: boolean): Promise<string> {
  try {
    const response = await network.fetch(target, { timeoutMs: 5_000 });
    const text = await response.text();
    if (response.status !== 200) return `: status ${response.status}: ${text.slice(0, 200)}`;
    const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
    const values = data.result.map(({ value }) => value[1]);
    if (values.length > 1) return ` = ${values.join(", ")}, of which KEDA takes only one: an error`;
    if (values.length === 1) return ` = ${values[0]}`;
    return ignoresNothing
      ? `${NOTHING}, which KEDA reads as 0`
      : `${NOTHING}, which is an error to KEDA (ignoreNullValues: "false")`;
  } catch (error) {
    return `: ${describeNetworkError(error)}`;
  }
}
