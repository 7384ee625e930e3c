/** What scenarios name, on any Kubernetes API: pods by pattern, workloads to scale, objects to patch. */
import { type Random, randomInteger } from "../../base/random.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { ACTIVE_WINDOW_MS } from "../../telemetry/mod.ts";
import type { Scenario } from "../scenario/scenario.ts";

export const NAMESPACE = "percolate-test";
export const TIER = "test-db-small";

/** So many of the pods that there are instead are named. */
const MAX_NAMED_PODS = 15;

/**
 * Pods that the targets mean: `prometheus-0`; `router-*`, all that begin so; `test-db-small-?`, one of them by chance, or
 * none where there is none. @throws Error when one means none
 */
export async function podsMeant(
  api: KubernetesApi,
  targets: string[],
  random: Random,
): Promise<KubernetesObject[]> {
  const { items } = await api.list(RESOURCES.pods);
  items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return targets.flatMap((target) => {
    const isPattern = /[*?]$/.test(target);
    const found = items.filter(({ metadata: { name } }) =>
      isPattern ? name.startsWith(target.slice(0, -1)) : name === target,
    );
    if (target.endsWith("?")) return found.length === 0 ? [] : [found[randomInteger(random, found.length)]];
    if (found.length === 0) {
      const names = items.map(({ metadata }) => metadata.name).slice(0, MAX_NAMED_PODS);
      throw new Error(`there is no pod ${target}; there are ${names.join(", ")}`);
    }
    return found;
  });
}

export async function deletePods(api: KubernetesApi, pods: KubernetesObject[]): Promise<void> {
  for (const { metadata } of pods) {
    const { namespace, name } = metadata;
    await api.delete(RESOURCES.pods, { namespace, name });
  }
}

const PATCHABLE: Record<string, GroupVersionResource> = {
  ConfigMap: RESOURCES.configMaps,
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  ScaledObject: { group: "keda.sh", version: "v1alpha1", resource: "scaledobjects" },
};

/** `StatefulSet/test-db-small` as the API has it. @throws Error for kinds that can't be patched */
export function resourceNamed(object: string): [resource: GroupVersionResource, name: string] {
  const [kind, name] = object.split("/");
  if (!Object.hasOwn(PATCHABLE, kind)) {
    throw new Error(`${kind} can't be patched; there are ${Object.keys(PATCHABLE).join(", ")}`);
  }
  return [PATCHABLE[kind], name];
}

export async function patchObject(
  api: KubernetesApi,
  object: string,
  body: Record<string, unknown>,
): Promise<void> {
  const [resource, name] = resourceNamed(object);
  await api.patch(
    resource,
    { namespace: await namespaceOf(api, resource, name), name },
    { type: "merge", body },
  );
}

/** Sets replicas; answers how to put them back. */
export async function scaleWorkloads(
  api: KubernetesApi,
  workloads: Record<string, number>,
): Promise<() => Promise<void>> {
  const before: [object: string, replicas: number][] = [];
  for (const [object, replicas] of Object.entries(workloads)) {
    const [resource, name] = resourceNamed(object);
    const namespace = await namespaceOf(api, resource, name);
    const { spec } = await api.get(resource, { namespace, name });
    before.push([object, spec.replicas ?? 1]);
    await patchObject(api, object, { spec: { replicas } });
  }
  return async () => {
    for (const [object, replicas] of before) await patchObject(api, object, { spec: { replicas } });
  };
}

/** The tier's namespace, or where else the only one of the name is: `Deployment/keda-operator`. */
async function namespaceOf(
  api: KubernetesApi,
  resource: GroupVersionResource,
  name: string,
): Promise<string> {
  const { items } = await api.list(resource, { fieldSelector: `metadata.name=${name}` });
  const namespaces = items.map(({ metadata }) => metadata.namespace!);
  if (namespaces.length === 0) throw new Error(`there is no ${resource.resource} ${name}`);
  return namespaces.includes(NAMESPACE) ? NAMESPACE : namespaces[0];
}

/** The HPA's messages without the selectors in Go's notation, which say nothing here. */
export function withoutSelectors(message: string): string {
  return message.replaceAll(/\(&LabelSelector\{.*?\{\},\}\)|\/&LabelSelector\{.*?\{\},\}/g, "");
}

/** What a scenario changes of the manifests. */
export type ManifestChanges = Pick<Scenario, "patches" | "activeWindowMs">;

/** A manifest with the scenario's merge patch applied, and the database's with its active window. */
export function patched<T extends KubernetesObject>(object: T, changes: ManifestChanges): T {
  const { patches, activeWindowMs } = changes;
  const name = `${object.kind}/${object.metadata.name}`;
  const merged = patches[name] === undefined ? object : (mergePatch(object, patches[name]) as unknown as T);
  if (activeWindowMs === undefined || name !== `StatefulSet/${TIER}`) return merged;
  const changed = structuredClone(merged);
  const [container] = changed.spec.template.spec.containers;
  const others = (container.args ?? []).filter((arg: string) => !arg.startsWith(ACTIVE_WINDOW_FLAG));
  container.args = [...others, `${ACTIVE_WINDOW_FLAG}${activeWindowMs / 1000}`];
  return changed;
}

const ACTIVE_WINDOW_FLAG = "--active-window=";

/** The active window among a database container's arguments. @default test-db's, five minutes */
export function activeWindowMsOf(args: string[] = []): number {
  const given = args.findLast((arg) => arg.startsWith(ACTIVE_WINDOW_FLAG));
  return given === undefined ? ACTIVE_WINDOW_MS : Number(given.slice(ACTIVE_WINDOW_FLAG.length)) * 1000;
}

/** RFC 7386, except that containers are merged by their names, as `kubectl patch` does. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const entries = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) entries.delete(key);
    else if (key === "containers") entries.set(key, mergeByName(entries.get(key), value));
    else entries.set(key, mergePatch(entries.get(key), value));
  }
  return Object.fromEntries(entries);
}

function mergeByName(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(target) || !Array.isArray(patch)) return patch;
  const merged = new Map<unknown, unknown>(target.map((item) => [item.name, item]));
  for (const item of patch) merged.set(item.name, mergePatch(merged.get(item.name), item));
  return [...merged.values()];
}
