/** Services' addresses: EndpointSlices and Endpoints of the pods that a selector finds. */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { Endpoint, EndpointPort, EndpointSlice, Node, Pod, Service, ServicePort } from "../../types.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  sameJson,
  splitKey,
  startController,
} from "../controller.ts";
import { isPodReady, isPodTerminating } from "../pod-state.ts";
import { createTriggerTimes, withTriggerTime } from "./trigger-time.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const HEADLESS_LABEL = "service.kubernetes.io/headless";
const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
/** Addresses in one slice (`--max-endpoints-per-slice`). */
export const MAX_ENDPOINTS_PER_SLICE = 100;
/** Addresses in an Endpoints object, which is older than slices and holds all in one (`maxCapacity`). */
export const MAX_ENDPOINTS = 1_000;

/** Pods that resolve a port's name to the same numbers stand in slices together. */
interface PortGroup {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export function startEndpointSliceController(context: ControllerContext): void {
  const { api, informers } = context;
  const services = informers.of<Service>(RESOURCES.services);
  const pods = informers.of<Pod>(RESOURCES.pods);
  const nodes = informers.of<Node>(RESOURCES.nodes);
  const triggerTimes = createTriggerTimes();

  const controller = startController({
    context,
    name: "endpoint-slice-controller",
    async reconcile(key) {
      const service = await getIfExists<Service>(api, RESOURCES.services, splitKey(key) as { name: string });
      if (service === undefined) triggerTimes.forget(key);
      // Without a selector somebody else writes the slices; those of a deleted Service go with their owner.
      if (service === undefined || service.metadata.deletionTimestamp !== undefined) return undefined;
      if (service.spec.selector === undefined || service.spec.type === "ExternalName") return undefined;
      const selected = [...pods.objects.values()].filter((pod) => isSelected(service, pod));
      const changedAt = triggerTimes.next(key, service, selected);
      const members = selected
        .filter(hasAddress)
        .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      const groups = groupByPorts(service, members, (name) => nodes.objects.get(name));
      await writeSlices(service, groups, changedAt);
      await writeEndpoints(service, groups, changedAt);
      return undefined;
    },
  });
  controller.watch(RESOURCES.services);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod, previous) =>
    [...services.objects]
      .filter(
        ([, service]) =>
          isSelected(service, pod) || (previous !== undefined && isSelected(service, previous)),
      )
      .map(([key]) => key),
  );
  controller.watchMapped<EndpointSlice>(RESOURCES.endpointSlices, ({ metadata }) => {
    const service = metadata.labels?.[SERVICE_NAME_LABEL];
    return service === undefined ? [] : [`${metadata.namespace}/${service}`];
  });

  async function writeSlices(
    service: Service,
    groups: PortGroup[],
    changedAt: string | undefined,
  ): Promise<void> {
    const { namespace, name } = service.metadata;
    const labels = sliceLabels(service);
    const listed = await api.list<EndpointSlice>(RESOURCES.endpointSlices, {
      namespace,
      labelSelector: `${SERVICE_NAME_LABEL}=${name},${MANAGED_BY_LABEL}=endpointslice-controller.k8s.io`,
    });
    const wanted = groups.flatMap(({ ports, endpoints }) =>
      chunks(endpoints).map((part) => ({ ports, endpoints: part })),
    );
    // A Service without pods has one empty slice: it says "none", where no slice would say "not known".
    if (wanted.length === 0) wanted.push({ ports: [], endpoints: [] });
    const existing = listed.items.slice();
    for (const content of wanted) {
      const slice = existing.shift();
      if (slice === undefined) {
        await api.create<EndpointSlice>(RESOURCES.endpointSlices, {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: {
            name: "",
            generateName: `${name}-`,
            namespace,
            labels,
            annotations: withTriggerTime(undefined, changedAt),
            ownerReferences: [controllerReference(service, "v1", "Service")],
          },
          addressType: "IPv4",
          ...content,
        });
      } else {
        const { ports = [], endpoints = [], metadata } = slice;
        if (sameJson({ ports, endpoints, labels: metadata.labels }, { ...content, labels })) continue;
        await api.replace(RESOURCES.endpointSlices, {
          ...slice,
          ...content,
          metadata: { ...metadata, labels, annotations: withTriggerTime(metadata.annotations, changedAt) },
        });
      }
    }
    for (const slice of existing) await deleteIfExists(api, RESOURCES.endpointSlices, slice);
  }

  async function writeEndpoints(
    service: Service,
    groups: PortGroup[],
    changedAt: string | undefined,
  ): Promise<void> {
    const { namespace, name, labels } = service.metadata;
    const subsets = groups.map(subsetOf).filter((subset) => subset !== undefined);
    const existing = await getIfExists<KubernetesObject & { subsets?: unknown[] }>(api, RESOURCES.endpoints, {
      namespace,
      name,
    });
    if (existing !== undefined) {
      if (sameJson(existing.subsets ?? [], subsets)) return;
      const annotations = withTriggerTime(existing.metadata.annotations, changedAt);
      await api.replace(RESOURCES.endpoints, {
        ...existing,
        metadata: { ...existing.metadata, annotations },
        subsets,
      });
      return;
    }
    try {
      await api.create(RESOURCES.endpoints, {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: {
          name,
          namespace,
          annotations: withTriggerTime(undefined, changedAt),
          labels: {
            ...labels,
            ...headlessLabel(service),
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
          },
        },
        subsets,
      } as KubernetesObject);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }
}

/** The Service's own labels, and what says whose the slice is. */
function sliceLabels(service: Service): Record<string, string> {
  const { name, labels = {} } = service.metadata;
  const { [HEADLESS_LABEL]: _, ...own } = labels;
  return {
    ...own,
    ...headlessLabel(service),
    [MANAGED_BY_LABEL]: "endpointslice-controller.k8s.io",
    [SERVICE_NAME_LABEL]: name,
  };
}

const headlessLabel = ({ spec }: Service): Record<string, string> =>
  spec.clusterIP === "None" ? { [HEADLESS_LABEL]: "" } : {};

function isSelected(service: Service, pod: Pod): boolean {
  const { selector } = service.spec;
  if (selector === undefined || service.metadata.namespace !== pod.metadata.namespace) return false;
  return Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function hasAddress(pod: Pod): boolean {
  return pod.status?.podIP !== undefined && pod.status.phase !== "Succeeded" && pod.status.phase !== "Failed";
}

/** The endpoints of all pods, by the port numbers that their containers give the Service's ports. */
export function groupByPorts(
  service: Service,
  pods: Pod[],
  nodeOf: (name: string) => Node | undefined,
): PortGroup[] {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    const ports = (service.spec.ports ?? []).flatMap((port) => resolvePort(port, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, nodeOf));
    groups.set(key, group);
  }
  return [...groups.values()];
}

function resolvePort(
  { name, port, targetPort = port, protocol = "TCP", appProtocol }: ServicePort,
  pod: Pod,
): EndpointPort[] {
  const named = pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol);
  const number = typeof targetPort === "number" ? targetPort : named?.containerPort;
  if (number === undefined) return [];
  return [
    { name: name ?? "", port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) },
  ];
}

function endpointOf(service: Service, pod: Pod, nodeOf: (name: string) => Node | undefined): Endpoint {
  const { namespace, name, uid } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const terminating = isPodTerminating(pod);
  const ready = isPodReady(pod);
  const zone = nodeName && nodeOf(nodeName)?.metadata.labels?.["topology.kubernetes.io/zone"];
  return {
    addresses: [pod.status!.podIP!],
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (ready && !terminating),
      serving: ready,
      terminating,
    },
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone ? { zone } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

function subsetOf({ ports, endpoints }: PortGroup) {
  const address = ({ addresses: [ip], hostname, nodeName, targetRef }: Endpoint) => ({
    ip,
    hostname,
    nodeName,
    targetRef,
  });
  const kept = endpoints.filter(({ conditions }) => !conditions?.terminating).slice(0, MAX_ENDPOINTS);
  if (kept.length === 0) return undefined;
  const ready = kept.filter(({ conditions }) => conditions?.ready).map(address);
  const notReady = kept.filter(({ conditions }) => !conditions?.ready).map(address);
  return {
    ...(ready.length > 0 ? { addresses: ready } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
    ports: ports.map(({ name, ...port }) => (name === "" ? port : { name, ...port })),
  };
}

function chunks(endpoints: Endpoint[]): Endpoint[][] {
  const count = Math.ceil(endpoints.length / MAX_ENDPOINTS_PER_SLICE);
  return Array.from({ length: count }, (_, index) =>
    endpoints.slice(index * MAX_ENDPOINTS_PER_SLICE, (index + 1) * MAX_ENDPOINTS_PER_SLICE),
  );
}
