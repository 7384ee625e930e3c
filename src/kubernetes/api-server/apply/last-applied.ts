/**
 * Objects that `kubectl apply` made on the client's side and now applies on the server's: what it said then is its own,
 * and no conflict (apimachinery `managedfields/internal/lastapplied*.go`).
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { rootNode } from "../patch/merge-node.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { FieldSet } from "./field-set.ts";
import { compareFields, fieldsOf } from "./object-fields.ts";

/** The manager that moves from one way to the other; others have to force. */
export const KUBECTL = "kubectl";
const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** The fields that the last client-side apply set and that still have its values. */
export function lastAppliedFields(info: ResourceInfo, live: KubernetesObject): FieldSet {
  const applied = readAnnotation(live);
  if (applied?.apiVersion !== live.apiVersion) return new FieldSet();
  const node = rootNode(info);
  const { added, modified, removed } = compareFields(applied, live, node);
  return [added, modified, removed].reduce(FieldSet.difference, fieldsOf(applied, node));
}

function readAnnotation({ metadata }: KubernetesObject): KubernetesObject | undefined {
  try {
    const applied: unknown = JSON.parse(metadata.annotations?.[ANNOTATION] ?? "");
    return isJsonObject(applied) ? (applied as unknown as KubernetesObject) : undefined;
  } catch {
    return undefined;
  }
}

/** The annotation follows what is applied, so that a client-side apply later goes on from there. */
export function keepLastApplied(object: KubernetesObject, config: unknown): void {
  const annotations = object.metadata.annotations;
  if (!annotations?.[ANNOTATION] || !isJsonObject(config)) return;
  const metadata = isJsonObject(config.metadata) ? { ...config.metadata } : {};
  if (isJsonObject(metadata.annotations)) {
    const { [ANNOTATION]: _, ...others } = metadata.annotations;
    metadata.annotations = others;
  }
  object.metadata.annotations = { ...annotations, [ANNOTATION]: `${sortedJson({ ...config, metadata })}\n` };
}

/** Members in the order of their names, as Go writes maps. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, member) =>
    isJsonObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
