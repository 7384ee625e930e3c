/** Endpoints of Services: `discovery.k8s.io/v1` slices, and the older Endpoints that kubectl 1.20 still asks for. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { compareStrings } from "../../model/labels.ts";
import { objectKey } from "../../wire/kubernetes/informer.ts";
import type { Endpoint, EndpointPort, EndpointSlice, Node, Pod, Service, ServicePort } from "../types.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  sameJson,
  splitKey,
  startController,
} from "./controller.ts";

/** maxEndpointsPerSlice: past it a Service gets another slice. */
export const MAX_ENDPOINTS_PER_SLICE = 100;
const SERVICE_NAME = "kubernetes.io/service-name";
const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";

export function startEndpointSliceController(context: ControllerContext): void {
  const { informers } = context;
  const controller = startController({
    context,
    name: "endpointslice-controller",
    reconcile: (key) => reconcile(context, key),
  });
  const services = informers.of<Service>(RESOURCES.services);
  informers.of(RESOURCES.nodes);
  controller.watch(RESOURCES.services);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod, previous) =>
    [...services.objects.values()]
      .filter((service) => selects(service, pod) || (previous !== undefined && selects(service, previous)))
      .map(objectKey),
  );
  // A slice that was changed or deleted by someone else is put right.
  controller.watchMapped<EndpointSlice>(RESOURCES.endpointSlices, ({ metadata }) => {
    const service = metadata.labels?.[SERVICE_NAME];
    return service === undefined ? [] : [`${metadata.namespace}/${service}`];
  });
}

function selects(service: Service, pod: Pod): boolean {
  const { selector } = service.spec;
  if (selector === undefined || Object.keys(selector).length === 0) return false;
  if (service.metadata.namespace !== pod.metadata.namespace) return false;
  return Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value);
}

async function reconcile(context: ControllerContext, key: string): Promise<undefined> {
  const { api } = context;
  const { namespace, name } = splitKey(key);
  const service = await getIfExists<Service>(api, RESOURCES.services, { namespace, name });
  const slices = await ownSlices(context, namespace!, name);
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
    for (const slice of slices) await deleteIfExists(api, RESOURCES.endpointSlices, slice);
    const endpoints = await getIfExists(api, RESOURCES.endpoints, { namespace, name });
    if (endpoints !== undefined) await deleteIfExists(api, RESOURCES.endpoints, endpoints);
    return;
  }
  // Without a selector the endpoints are whoever's who made the Service.
  if (service.spec.selector === undefined || service.spec.type === "ExternalName") return;
  const pods = (await api.list<Pod>(RESOURCES.pods, { namespace })).items.filter(
    (pod) => selects(service, pod) && pod.status?.podIP && !isOver(pod),
  );
  const nodes = context.informers.of<Node>(RESOURCES.nodes).objects;
  const wanted = wantedSlices(service, pods, nodes);
  await writeSlices(context, service, slices, wanted);
  await writeEndpoints(context, service, wanted);
}

async function ownSlices(context: ControllerContext, namespace: string, name: string): Promise<EndpointSlice[]> {
  const labelSelector = `${SERVICE_NAME}=${name},${MANAGED_BY}=endpointslice-controller.k8s.io`;
  return (await context.api.list<EndpointSlice>(RESOURCES.endpointSlices, { namespace, labelSelector })).items;
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

interface WantedSlice {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

/** Pods whose ports have the same numbers share slices; a Service of no pods has one empty slice. */
function wantedSlices(service: Service, pods: Pod[], nodes: ReadonlyMap<string, Node>): WantedSlice[] {
  const groups = new Map<string, WantedSlice>();
  for (const pod of pods.toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name))) {
    const ports = (service.spec.ports ?? []).flatMap((port) => endpointPort(port, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, nodes));
    groups.set(key, group);
  }
  if (groups.size === 0) return [{ ports: [], endpoints: [] }];
  return [...groups.values()].flatMap(({ ports, endpoints }) => {
    const count = Math.ceil(endpoints.length / MAX_ENDPOINTS_PER_SLICE);
    return Array.from({ length: count }, (_, index) => ({
      ports,
      endpoints: endpoints.slice(index * MAX_ENDPOINTS_PER_SLICE, (index + 1) * MAX_ENDPOINTS_PER_SLICE),
    }));
  });
}

/** None when the pod has no port of the name that the Service's `targetPort` gives. */
function endpointPort(port: ServicePort, pod: Pod): EndpointPort[] {
  const target = port.targetPort ?? port.port;
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const number =
    typeof target === "number"
      ? target
      : [...pod.spec.containers, ...sidecars]
          .flatMap(({ ports = [] }) => ports)
          .find(({ name, protocol = "TCP" }) => name === target && protocol === (port.protocol ?? "TCP"))?.containerPort;
  if (number === undefined) return [];
  const { name = "", protocol = "TCP", appProtocol } = port;
  return [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
}

function endpointOf(service: Service, pod: Pod, nodes: ReadonlyMap<string, Node>): Endpoint {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const serving = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodes.get(pod.spec.nodeName ?? "")?.metadata.labels?.["topology.kubernetes.io/zone"];
  const { hostname, subdomain } = pod.spec;
  const hasName = hostname !== undefined && subdomain === service.metadata.name;
  return {
    addresses: [pod.status!.podIP!],
    conditions: { ready, serving, terminating },
    ...(hasName ? { hostname } : {}),
    nodeName: pod.spec.nodeName,
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(zone === undefined ? {} : { zone }),
  };
}

async function writeSlices(
  context: ControllerContext,
  service: Service,
  present: EndpointSlice[],
  wanted: WantedSlice[],
): Promise<void> {
  const { api } = context;
  const { name, namespace, labels = {} } = service.metadata;
  const left = [...present];
  const isHeadless = service.spec.clusterIP === "None";
  for (const { ports, endpoints } of wanted) {
    const same = left.findIndex((slice) => sameJson(slice.ports, ports));
    const [slice] = same === -1 ? left.splice(0, 1) : left.splice(same, 1);
    const metadata = {
      name: "",
      namespace,
      labels: {
        ...labels,
        [MANAGED_BY]: "endpointslice-controller.k8s.io",
        [SERVICE_NAME]: name,
        ...(isHeadless ? { "service.kubernetes.io/headless": "" } : {}),
      },
      ownerReferences: [controllerReference(service, "v1", "Service")],
    };
    if (slice === undefined) {
      await api.create<EndpointSlice>(RESOURCES.endpointSlices, {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { ...metadata, generateName: `${name}-` },
        addressType: "IPv4",
        ports,
        endpoints,
      });
      continue;
    }
    const isSame =
      sameJson(slice.ports, ports) &&
      sameJson(slice.endpoints, endpoints) &&
      sameJson(slice.metadata.labels, metadata.labels);
    if (isSame) continue;
    const changed = { ...slice, ports, endpoints, metadata: { ...slice.metadata, labels: metadata.labels } };
    await api.replace<EndpointSlice>(RESOURCES.endpointSlices, changed);
  }
  for (const slice of left) await deleteIfExists(api, RESOURCES.endpointSlices, slice);
}

async function writeEndpoints(context: ControllerContext, service: Service, wanted: WantedSlice[]): Promise<void> {
  const { api } = context;
  const { name, namespace, labels } = service.metadata;
  const address = ({ addresses, nodeName, targetRef, hostname }: Endpoint) => ({
    ip: addresses[0],
    ...(hostname === undefined ? {} : { hostname }),
    nodeName,
    targetRef,
  });
  const subsets = wanted
    .filter(({ endpoints }) => endpoints.length > 0)
    .map(({ ports, endpoints }) => {
      const ready = endpoints.filter(({ conditions }) => conditions?.ready).map(address);
      const notReady = endpoints.filter(({ conditions }) => !conditions?.ready && !conditions?.terminating).map(address);
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ports,
      };
    })
    .filter((subset) => "addresses" in subset || "notReadyAddresses" in subset);
  const present = await getIfExists<KubernetesObject & { subsets?: unknown[] }>(api, RESOURCES.endpoints, {
    namespace,
    name,
  });
  if (present !== undefined && sameJson(present.subsets ?? [], subsets)) return;
  const object = {
    ...(present ?? { apiVersion: "v1", kind: "Endpoints" }),
    metadata: present?.metadata ?? { name, namespace, labels },
    ...(subsets.length === 0 ? { subsets: undefined } : { subsets }),
  };
  try {
    if (present === undefined) await api.create(RESOURCES.endpoints, object);
    else await api.replace(RESOURCES.endpoints, object);
  } catch (error) {
    if (!isStatus(error, "NotFound", "AlreadyExists")) throw error;
  }
}
