/** `kubectl apply` for the topology's own YAML. */
import type { GroupVersionResource, KubernetesApi } from "../model/kubernetes-api.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import { type Manifest, ManifestError } from "./manifests.ts";

const CLUSTER_WIDE = new Set<string>([
  "namespaces",
  "nodes",
  "persistentvolumes",
  "clusterroles",
  "clusterrolebindings",
  "customresourcedefinitions",
  "apiservices",
  "validatingwebhookconfigurations",
  "storageclasses",
  "priorityclasses",
]);

interface Kind {
  resource: GroupVersionResource;
  namespaced: boolean;
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Writes all objects as `kubectl apply` does, so that kubectl finds them unchanged afterwards. What somebody else has
 * set (replicas, status) stays.
 *
 * @throws ManifestError naming file and line.
 */
export async function applyManifests(api: KubernetesApi, manifests: Manifest[]): Promise<void> {
  const kinds = kindsOf(manifests);
  for (const { source, object } of manifests) {
    const kind = kinds.get(`${object.apiVersion}/${object.kind}`);
    if (kind === undefined) {
      throw new ManifestError(
        `${source}: no matches for kind "${object.kind}" in version "${object.apiVersion}"`,
      );
    }
    try {
      await applyObject(api, kind, object);
    } catch (error) {
      throw new ManifestError(
        `${source}: ${object.kind} ${object.metadata.name}: ${(error as Error).message}`,
      );
    }
  }
}

async function applyObject(
  api: KubernetesApi,
  { resource, namespaced }: Kind,
  object: Manifest["object"],
): Promise<void> {
  const { name, namespace: given = "default" } = object.metadata;
  const namespace = namespaced ? given : undefined;
  const metadata = namespaced ? { ...object.metadata, namespace } : object.metadata;
  const configuration = lastApplied({ ...object, metadata });
  const annotations = { ...metadata.annotations, [LAST_APPLIED]: configuration };
  const wanted = { ...object, metadata: { ...metadata, annotations } };
  const options = { fieldManager: "kubectl-client-side-apply", fieldValidation: "Strict" } as const;
  let existing: KubernetesObject;
  try {
    existing = await api.get(resource, { namespace, name });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    await api.create(resource, wanted, options);
    return;
  }
  const before = existing.metadata.annotations?.[LAST_APPLIED];
  if (before === configuration) return;
  const body = mergePatch(before === undefined ? {} : JSON.parse(before), wanted);
  await api.patch(resource, { namespace, name }, { type: "merge", body }, options);
}

/** As kubectl writes it: keys sorted, `annotations` always there, Go's escapes of HTML, a newline at the end. */
function lastApplied(object: KubernetesObject): string {
  const whole = {
    ...object,
    metadata: { ...object.metadata, annotations: object.metadata.annotations ?? {} },
  };
  const json = JSON.stringify(sortKeys(whole)).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${json}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

/** What makes an object as wanted: everything that is wanted, and null for what was wanted before and is no more. */
export function mergePatch(before: unknown, wanted: unknown): unknown {
  if (!isRecord(wanted)) return wanted;
  const old = isRecord(before) ? before : {};
  const removed = Object.keys(old).filter((key) => !(key in wanted));
  return Object.fromEntries([
    ...Object.entries(wanted).map(([key, value]) => [key, mergePatch(old[key], value)]),
    ...removed.map((key) => [key, null]),
  ]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The built-in kinds, and those that the manifests themselves define. */
function kindsOf(manifests: Manifest[]): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const resource of Object.values(RESOURCES)) {
    const { group, version } = resource;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    kinds.set(`${apiVersion}/${resource.kind}`, {
      resource,
      namespaced: !CLUSTER_WIDE.has(resource.resource),
    });
  }
  for (const { object } of manifests) {
    if (object.kind !== "CustomResourceDefinition") continue;
    const { group, versions, names, scope } = object.spec;
    for (const { name: version } of versions) {
      const resource = { group, version, resource: names.plural };
      kinds.set(`${group}/${version}/${names.kind}`, { resource, namespaced: scope === "Namespaced" });
    }
  }
  return kinds;
}
