/**
 * What names mean in the cluster: the DNS specification of Kubernetes (kubernetes/dns `docs/specification.md`, 1.1.0)
 * as CoreDNS' `kubernetes` plugin answers it, for IPv4.
 *
 * - `<service>.<ns>.svc.<zone>`: the cluster IP, or every ready endpoint of a headless Service.
 * - `<hostname>.<service>.<ns>.svc.<zone>`, `<a-b-c-d>.<service>…`: one endpoint of a headless Service.
 * - `_<port>._<protocol>.<service>.<ns>.svc.<zone>`: SRV.
 * - `<a-b-c-d>.<ns>.pod.<zone>`: the address itself.
 * - `d.c.b.a.in-addr.arpa`: PTR.
 */
import type { EndpointSlice, Service } from "../types.ts";
import type { DnsAnswer, DnsRecord } from "./dns-message.ts";
import { RECORD_TYPES } from "./dns-message.ts";

export const CLUSTER_DOMAIN = "cluster.local";

/** CoreDNS' default is 5 s; endpoints here change with a test's every step. */
const TTL_SECONDS = 1;

/** Where the records come from. */
export interface ServiceDirectory {
  service(namespace: string, name: string): Service | undefined;
  /** Slices of one Service. */
  slices(namespace: string, service: string): EndpointSlice[];
  services(): Service[];
}

interface Target {
  address: string;
  /** The first label under a headless Service. */
  host: string;
}

/** The answer for a name of the cluster's zones; undefined for the rest of the world. */
export function answerClusterName(
  directory: ServiceDirectory,
  name: string,
  type: number,
): DnsAnswer | undefined {
  if (name.endsWith(".in-addr.arpa")) return reverse(directory, name);
  if (name === CLUSTER_DOMAIN) return found([]);
  if (!name.endsWith(`.${CLUSTER_DOMAIN}`)) return undefined;
  const labels = name.slice(0, -CLUSTER_DOMAIN.length - 1).split(".");
  const kind = labels.pop();
  const namespace = labels.pop();
  if (kind === "pod" && namespace !== undefined && labels.length === 1)
    return podAnswer(name, labels[0], type);
  if (kind !== "svc") return MISSING;
  if (namespace === undefined) return found([]);
  const serviceName = labels.pop();
  if (serviceName === undefined) {
    return directory.services().some((service) => service.metadata.namespace === namespace)
      ? found([])
      : MISSING;
  }
  const service = directory.service(namespace, serviceName);
  return service === undefined ? MISSING : serviceAnswer(directory, service, name, labels, type);
}

function serviceAnswer(
  directory: ServiceDirectory,
  service: Service,
  name: string,
  labels: string[],
  type: number,
): DnsAnswer {
  if (service.spec.type === "ExternalName") {
    const target = service.spec.externalName!;
    return labels.length > 0 ? MISSING : found([{ name, ttlSeconds: TTL_SECONDS, type: "CNAME", target }]);
  }
  if (labels.length === 2 && labels[0].startsWith("_")) {
    return portAnswer(directory, service, name, labels[0].slice(1), labels[1].slice(1), type);
  }
  const targets = targetsOf(directory, service);
  if (labels.length === 0) {
    // A headless Service without a ready endpoint has no name; one with a cluster IP always has.
    return targets.length === 0 ? MISSING : addresses(name, targets, type);
  }
  if (labels.length > 1 || !isHeadless(service)) return MISSING;
  const matching = targets.filter(
    (target) => target.host === labels[0] || dashed(target.address) === labels[0],
  );
  return matching.length === 0 ? MISSING : addresses(name, matching, type);
}

function portAnswer(
  directory: ServiceDirectory,
  service: Service,
  name: string,
  portName: string,
  protocol: string,
  type: number,
): DnsAnswer {
  const { namespace, name: serviceName } = service.metadata;
  const zone = `${serviceName}.${namespace}.svc.${CLUSTER_DOMAIN}`;
  const isWanted = (port: { name?: string; protocol?: string }) =>
    port.name === portName && (port.protocol ?? "TCP").toLowerCase() === protocol;
  const srv = (port: number, target: string): DnsRecord => {
    return { name, ttlSeconds: TTL_SECONDS, type: "SRV", priority: 0, weight: 100, port, target };
  };
  const records = isHeadless(service)
    ? directory
        .slices(namespace!, serviceName)
        .flatMap((slice) =>
          (slice.ports ?? [])
            .filter(isWanted)
            .flatMap((port) =>
              targetsOf(directory, service).map((target) => srv(port.port!, `${target.host}.${zone}`)),
            ),
        )
    : (service.spec.ports ?? []).filter(isWanted).map((port) => srv(port.port, zone));
  if (records.length === 0) return MISSING;
  return found(type === RECORD_TYPES.SRV || type === RECORD_TYPES.ANY ? records : []);
}

function targetsOf(directory: ServiceDirectory, service: Service): Target[] {
  const { namespace, name } = service.metadata;
  if (!isHeadless(service)) {
    return service.spec.clusterIP ? [{ address: service.spec.clusterIP, host: "" }] : [];
  }
  return directory
    .slices(namespace!, name)
    .flatMap((slice) => slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false || service.spec.publishNotReadyAddresses)
    .flatMap((endpoint) =>
      endpoint.addresses.map((address) => ({ address, host: endpoint.hostname ?? dashed(address) })),
    );
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === "None";
}

function podAnswer(name: string, label: string, type: number): DnsAnswer {
  if (!/^\d{1,3}(-\d{1,3}){3}$/.test(label)) return MISSING;
  return addresses(name, [{ address: label.replaceAll("-", "."), host: "" }], type);
}

function reverse(directory: ServiceDirectory, name: string): DnsAnswer | undefined {
  const address = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
  for (const service of directory.services()) {
    const zone = `${service.metadata.name}.${service.metadata.namespace}.svc.${CLUSTER_DOMAIN}`;
    const target = targetsOf(directory, service).find((candidate) => candidate.address === address);
    if (target === undefined) continue;
    const host = target.host === "" ? zone : `${target.host}.${zone}`;
    return found([{ name, ttlSeconds: TTL_SECONDS, type: "PTR", target: host }]);
  }
  return undefined;
}

function addresses(name: string, targets: Target[], type: number): DnsAnswer {
  if (type !== RECORD_TYPES.A && type !== RECORD_TYPES.ANY) return found([]);
  return found(targets.map(({ address }) => ({ name, ttlSeconds: TTL_SECONDS, type: "A", address })));
}

const MISSING: DnsAnswer = { code: "NXDOMAIN", authoritative: true, answers: [] };

function found(answers: DnsRecord[]): DnsAnswer {
  return { code: "NOERROR", authoritative: true, answers };
}

function dashed(address: string): string {
  return address.replaceAll(".", "-");
}
