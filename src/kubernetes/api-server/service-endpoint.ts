/** Where a Service's requests go: a ready endpoint's address and port. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { notFound, statusError } from "../../model/kubernetes-status.ts";
import { type ObjectStore, storageKey } from "./object-store.ts";

interface SlicePort {
  name?: string;
  port?: number;
}

interface Slice extends KubernetesObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
  ports?: SlicePort[];
}

/**
 * @param port a number or name of one of the Service's ports; absent: its first
 * @throws KubernetesError 404 without such a Service, 503 without a ready endpoint
 */
export function serviceEndpoint(
  store: ObjectStore,
  namespace: string,
  name: string,
  port?: number | string,
): { host: string; port: number } {
  const service = store.get("/services", storageKey(namespace, name));
  if (service === undefined) throw notFound({ group: "", resource: "services" }, name);
  const ports: { name?: string; port: number }[] = service.spec?.ports ?? [];
  const wanted = ports.find((each) => port === undefined || each.port === Number(port) || each.name === port);
  if (wanted === undefined) {
    throw statusError(
      "ServiceUnavailable",
      `no service port ${JSON.stringify(String(port))} found for service ${JSON.stringify(name)}`,
    );
  }
  for (const slice of store.scan("discovery.k8s.io/endpointslices", `${namespace}/`) as Iterable<Slice>) {
    if (slice.metadata.labels?.["kubernetes.io/service-name"] !== name) continue;
    const target = slice.ports?.find((each) => (each.name ?? "") === (wanted.name ?? ""));
    const endpoint = slice.endpoints?.find((each) => each.conditions?.ready !== false);
    if (target?.port !== undefined && endpoint !== undefined)
      return { host: endpoint.addresses[0], port: target.port };
  }
  throw statusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`);
}
