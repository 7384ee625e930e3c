/** Which endpoints a Service's pods are (`k8s.io/endpointslice` 0.35 `utils.go`, `trafficdist`). */
import type { Endpoint, EndpointPort, Node, Pod, Service, ServicePort } from "../../types.ts";
import { isPodFinished, isPodReady, isPodTerminating } from "../pod-state.ts";
import { sortSlicePorts } from "./port-order.ts";

/** Pods that resolve a port's name to the same numbers stand in slices together. */
export interface PortGroup {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

/** Undefined where somebody else writes the endpoints. An empty selector is none. */
export function selectorOf({ spec: { selector = {} } }: Service): Record<string, string> | undefined {
  return Object.keys(selector).length === 0 ? undefined : selector;
}

export function isSelected(service: Service, pod: Pod): boolean {
  const selector = selectorOf(service);
  if (selector === undefined || service.metadata.namespace !== pod.metadata.namespace) return false;
  return Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value);
}

/** Whether the pod can be reached, or could be until a moment ago. */
export const hasAddress = (pod: Pod): boolean => Boolean(pod.status?.podIP) && !isPodFinished(pod);

/** The endpoints of all pods, by the port numbers that their containers give the Service's ports. */
export function groupByPorts(
  service: Service,
  pods: Pod[],
  nodeOf: (name: string) => Node | undefined,
): PortGroup[] {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    const ports = sortSlicePorts(portsOf(service, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, nodeOf));
    groups.set(key, group);
  }
  return [...groups.values()];
}

export function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => resolvePort(port, pod));
}

function resolvePort(
  { name, port, targetPort = port, protocol = "TCP", appProtocol }: ServicePort,
  { spec }: Pod,
): EndpointPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const named = [...spec.containers, ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol);
  const number = typeof targetPort === "number" ? targetPort : named?.containerPort;
  if (number === undefined) return [];
  return [
    { name: name ?? "", port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) },
  ];
}

export function endpointOf(service: Service, pod: Pod, nodeOf: (name: string) => Node | undefined): Endpoint {
  const { namespace, name, uid } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const terminating = isPodTerminating(pod);
  const serving = isPodReady(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodeName && nodeOf(nodeName)?.metadata.labels?.["topology.kubernetes.io/zone"];
  const endpoint: Endpoint = {
    addresses: [pod.status!.podIP!],
    conditions: { ready, serving, terminating },
    ...(hostname && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  const hints = ready ? hintsOf(service, endpoint) : undefined;
  return hints === undefined ? endpoint : { ...endpoint, hints };
}

const CLOSE = new Set(["PreferClose", "PreferSameZone", "PreferSameNode"]);

/** Whom an endpoint is meant for, where the Service prefers the near ones (`trafficDistribution`). */
function hintsOf({ spec, metadata }: Service, { zone, nodeName }: Endpoint): Endpoint["hints"] {
  const { trafficDistribution = "" } = spec;
  if (!CLOSE.has(trafficDistribution) || wantsTopologyHints(metadata.annotations)) return undefined;
  const forNodes = trafficDistribution === "PreferSameNode" && nodeName ? [{ name: nodeName }] : undefined;
  if (zone === undefined && forNodes === undefined) return undefined;
  return { ...(zone && { forZones: [{ name: zone }] }), ...(forNodes && { forNodes }) };
}

/** The older way to ask for hints goes before; it has no effect here. */
function wantsTopologyHints(annotations: Record<string, string> = {}): boolean {
  const mode =
    annotations["service.kubernetes.io/topology-aware-hints"] ??
    annotations["service.kubernetes.io/topology-mode"];
  return mode === "Auto" || mode === "auto";
}
