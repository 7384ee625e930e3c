/**
 * Which slices a Service's endpoints go into (`k8s.io/endpointslice` 0.35 `reconciler.go`): an endpoint stays where it is,
 * new ones fill slices that change anyway, and few slices change.
 */
import type { Endpoint, EndpointPort, EndpointSlice } from "../../types.ts";
import { sameJson } from "../controller.ts";
import { sortSlicePorts } from "./port-order.ts";
import type { PortGroup } from "./service-endpoints.ts";

/** Addresses in one slice (`--max-endpoints-per-slice`). */
export const MAX_ENDPOINTS_PER_SLICE = 100;

export interface SliceContent {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export interface SliceChanges {
  create: SliceContent[];
  /** Labels are brought up to date with any change. */
  update: { slice: EndpointSlice; content: SliceContent }[];
  remove: EndpointSlice[];
}

const keyOf = (ports: EndpointPort[]): string => JSON.stringify(sortSlicePorts(ports).map(orderedPort));
const orderedPort = ({ name, port, protocol, appProtocol }: EndpointPort) => [
  name,
  port,
  protocol,
  appProtocol,
];

/** Endpoints with the same identity are one that has changed. */
const identityOf = ({ addresses, hostname = "", targetRef }: Endpoint): string =>
  [addresses.toSorted().join(), hostname, targetRef?.namespace, targetRef?.name].join(" ");

/**
 * @param existing those that the Service owns
 * @param labelsAreStale whether a slice has other labels than it should
 */
export function packSlices(
  existing: EndpointSlice[],
  groups: PortGroup[],
  labelsAreStale: (slice: EndpointSlice) => boolean,
): SliceChanges {
  const byPorts = Map.groupBy(existing, ({ ports }) => keyOf(ports ?? []));
  const changes: SliceChanges = { create: [], update: [], remove: [] };
  for (const group of groups) {
    const slices = byPorts.get(keyOf(group.ports)) ?? [];
    byPorts.delete(keyOf(group.ports));
    const packed = packGroup(slices, group, labelsAreStale);
    changes.create.push(...packed.create);
    changes.update.push(...packed.update);
    changes.remove.push(...packed.remove);
  }
  changes.remove.push(...[...byPorts.values()].flat());
  keepPlaceholder(existing, changes, labelsAreStale);
  reuse(changes);
  return changes;
}

/** The slices of one set of ports. */
function packGroup(
  slices: EndpointSlice[],
  { ports, endpoints }: PortGroup,
  labelsAreStale: (slice: EndpointSlice) => boolean,
): SliceChanges {
  const desired = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const changed = new Map<EndpointSlice, Endpoint[]>();
  const unchanged: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  for (const slice of slices) {
    const present = slice.endpoints ?? [];
    const kept = present.flatMap((endpoint) => {
      const found = desired.get(identityOf(endpoint));
      desired.delete(identityOf(endpoint));
      return found ?? [];
    });
    const isSame = kept.length === present.length && sameJson(kept, present);
    if (!isSame && kept.length === 0) remove.push(slice);
    else if (!isSame || labelsAreStale(slice)) changed.set(slice, kept);
    else unchanged.push(slice);
  }
  const left = [...desired.values()];
  for (const kept of [...changed.values()].sort((a, b) => b.length - a.length))
    kept.push(...left.splice(0, Math.max(0, MAX_ENDPOINTS_PER_SLICE - kept.length)));
  const create: SliceContent[] = [];
  while (left.length > 0) {
    const room = sliceWithRoom(unchanged, left.length);
    const added = left.splice(0, MAX_ENDPOINTS_PER_SLICE);
    if (room === undefined) create.push({ ports, endpoints: added });
    else changed.set(room, [...(room.endpoints ?? []), ...added]);
  }
  const update = [...changed].map(([slice, kept]) => ({ slice, content: { ports, endpoints: kept } }));
  return { create, update, remove };
}

/** The one that so many endpoints make as full as can be. */
function sliceWithRoom(slices: EndpointSlice[], count: number): EndpointSlice | undefined {
  if (count >= MAX_ENDPOINTS_PER_SLICE) return undefined;
  let best: EndpointSlice | undefined;
  let least = MAX_ENDPOINTS_PER_SLICE;
  for (const slice of slices) {
    const left = MAX_ENDPOINTS_PER_SLICE - count - (slice.endpoints ?? []).length;
    if (left < 0 || left >= least) continue;
    [best, least] = [slice, left];
  }
  return best;
}

/** A Service without pods has one empty slice: it says "none", where no slice would say "not known". */
function keepPlaceholder(
  existing: EndpointSlice[],
  changes: SliceChanges,
  labelsAreStale: (slice: EndpointSlice) => boolean,
): void {
  if (changes.remove.length < existing.length || changes.create.length > 0) return;
  const [only, ...others] = changes.remove;
  const isPlaceholder =
    only !== undefined &&
    others.length === 0 &&
    (only.ports ?? []).length === 0 &&
    (only.endpoints ?? []).length === 0 &&
    !labelsAreStale(only);
  if (isPlaceholder) changes.remove = [];
  else changes.create.push({ ports: [], endpoints: [] });
}

/** A slice that would go becomes one that is to come. */
function reuse({ create, update, remove }: SliceChanges): void {
  while (create.length > 0 && remove.length > 0)
    update.push({ slice: remove.shift()!, content: create.pop()! });
}
