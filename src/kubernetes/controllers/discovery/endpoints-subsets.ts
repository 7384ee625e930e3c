/**
 * The older form of a Service's endpoints, all in one object (Kubernetes 1.35 `endpoints_controller.go`,
 * `pkg/api/v1/endpoints`).
 */
import type { Endpoint, EndpointPort, Pod, Service } from "../../types.ts";
import { isPodTerminating } from "../pod-state.ts";
import { sortCorePorts } from "./port-order.ts";
import { endpointOf, portsOf } from "./service-endpoints.ts";

/** Addresses in an Endpoints object (`maxCapacity`). */
export const MAX_ENDPOINTS = 1_000;

export interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef: Endpoint["targetRef"];
}

export interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: EndpointPort[];
}

interface Member {
  address: EndpointAddress;
  isReady: boolean;
}

/** Ports that the same pods have stand together, each pod's address by its readiness. */
export function subsetsOf(service: Service, pods: Pod[]): EndpointSubset[] {
  const { ports = [], clusterIP, publishNotReadyAddresses = false } = service.spec;
  const isHeadless = clusterIP === "None";
  const byPort = new Map<string, { port: EndpointPort | undefined; members: Member[] }>();
  for (const pod of pods) {
    if (isPodTerminating(pod) && !publishNotReadyAddresses) continue;
    const member = memberOf(service, pod);
    const its = ports.length > 0 ? portsOf(service, pod) : isHeadless ? [undefined] : [];
    for (const port of its) {
      const key = JSON.stringify(port);
      const entry = byPort.get(key) ?? { port, members: [] };
      entry.members.push(member);
      byPort.set(key, entry);
    }
  }
  const byMembers = Map.groupBy(byPort.values(), ({ members }) =>
    members.map(({ address }) => address.targetRef!.uid).join(),
  );
  return [...byMembers.values()].map((entries) =>
    subsetOf(
      entries[0].members,
      entries.flatMap(({ port }) => port ?? []),
    ),
  );
}

function memberOf(service: Service, pod: Pod): Member {
  const { addresses, hostname, nodeName, targetRef, conditions } = endpointOf(service, pod, () => undefined);
  const address = {
    ip: addresses[0],
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef,
  };
  return { address, isReady: conditions!.ready! };
}

function subsetOf(members: Member[], ports: EndpointPort[]): EndpointSubset {
  const of = (isReady: boolean) =>
    members
      .filter((member) => member.isReady === isReady)
      .map(({ address }) => address)
      .sort((a, b) => (a.ip < b.ip ? -1 : 1));
  const [ready, notReady] = [of(true), of(false)];
  return {
    ...(ready.length > 0 ? { addresses: ready } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
    ...(ports.length > 0
      ? { ports: sortCorePorts(ports).map(({ name, ...port }) => (name ? { name, ...port } : port)) }
      : {}),
  };
}

const count = (subsets: EndpointSubset[], which: "addresses" | "notReadyAddresses"): number =>
  subsets.reduce((sum, subset) => sum + (subset[which]?.length ?? 0), 0);

/**
 * Of more than 1,000 addresses each subset keeps its share, ready ones first (`truncateEndpoints`).
 *
 * @returns also whether there were more
 */
export function truncateSubsets(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; isCut: boolean } {
  const [ready, notReady] = [count(subsets, "addresses"), count(subsets, "notReadyAddresses")];
  if (ready + notReady <= MAX_ENDPOINTS) return { subsets, isCut: false };
  const isReadyCut = ready > MAX_ENDPOINTS;
  const [which, total] = isReadyCut
    ? (["addresses", ready] as const)
    : (["notReadyAddresses", notReady] as const);
  const most = isReadyCut ? MAX_ENDPOINTS : MAX_ENDPOINTS - ready;
  let room = most;
  const cut = subsets.map(({ addresses, notReadyAddresses, ports }) => {
    const all = { addresses, notReadyAddresses }[which] ?? [];
    const kept = all.slice(0, Math.min(room, Math.ceil((all.length / total) * most)));
    room -= kept.length;
    const left = isReadyCut ? [kept, []] : [addresses ?? [], kept];
    return {
      ...(left[0].length > 0 ? { addresses: left[0] } : {}),
      ...(left[1].length > 0 ? { notReadyAddresses: left[1] } : {}),
      ...(ports && { ports }),
    };
  });
  return { subsets: cut, isCut: true };
}
