/** `fieldRef` and `resourceFieldRef`: a pod's own facts as text (kubelet `fieldpath`, `resource`). */
import { quoteGo } from "../../model/go-quote.ts";
import { scaledQuantity } from "../../model/quantity.ts";
import type { Container, Node, Pod } from "../types.ts";

/** @throws when the path is none of those that Kubernetes allows. */
export function fieldValue(pod: Pod, path: string): string {
  const { metadata, spec, status } = pod;
  const subscript = /^metadata\.(annotations|labels)\['(.+)'\]$/.exec(path);
  if (subscript !== null) return metadata[subscript[1] as "annotations" | "labels"]?.[subscript[2]] ?? "";
  const read: Record<string, () => string | undefined> = {
    "metadata.name": () => metadata.name,
    "metadata.namespace": () => metadata.namespace,
    "metadata.uid": () => metadata.uid,
    "metadata.annotations": () => formatMap(metadata.annotations),
    "metadata.labels": () => formatMap(metadata.labels),
    "spec.nodeName": () => spec.nodeName,
    "spec.serviceAccountName": () => spec.serviceAccountName,
    "status.hostIP": () => status?.hostIP,
    "status.hostIPs": () => status?.hostIPs?.map(({ ip }) => ip).join(","),
    "status.podIP": () => status?.podIP,
    "status.podIPs": () => status?.podIPs?.map(({ ip }) => ip).join(","),
  };
  if (!Object.hasOwn(read, path)) throw new Error(`unsupported fieldPath: ${path}`);
  return read[path]() ?? "";
}

/** `key="escaped value"`, a line each, sorted: the format of a downward API file. */
function formatMap(map: Record<string, string> = {}): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${quoteGo(value)}`)
    .join("\n");
}

/** The container of that name, of those that resources can be told of. */
export function containerNamed({ spec }: Pod, name: string | undefined): Container | undefined {
  return [...spec.containers, ...(spec.initContainers ?? [])].find((container) => container.name === name);
}

/**
 * `limits.cpu`, `requests.memory`, … divided by the divisor, rounded up. A limit that is not set is what the node has.
 *
 * @throws when the resource is none of those that Kubernetes allows.
 */
export function resourceValue(
  container: Container,
  resource: string,
  divisor: string | undefined,
  node: Node,
): string {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource);
  if (match === null) throw new Error(`unsupported container resource : ${resource}`);
  const [, kind, name] = match;
  // CPUs are counted in thousandths, whatever the divisor.
  const amountOf = (quantity: string | number) => scaledQuantity(quantity, name === "cpu" ? 3 : 0);
  const own = container.resources?.[kind as "limits" | "requests"]?.[name] ?? "0";
  const hasNodes = kind === "limits" && !name.startsWith("hugepages-") && amountOf(own) === 0;
  const amount = amountOf(hasNodes ? (node.status?.allocatable?.[name] ?? own) : own);
  return String(Math.ceil(amount / (amountOf(divisor ?? "0") || amountOf("1"))));
}
