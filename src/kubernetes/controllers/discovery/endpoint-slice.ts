/** Services' addresses: EndpointSlices and Endpoints of the pods that a selector finds (Kubernetes 1.35). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { EndpointSlice, Node, Pod, Service } from "../../types.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  sameJson,
  splitKey,
  startController,
} from "../controller.ts";
import { type EndpointSubset, subsetsOf, truncateSubsets } from "./endpoints-subsets.ts";
import { groupByPorts, hasAddress, isSelected, type PortGroup, selectorOf } from "./service-endpoints.ts";
import { packSlices } from "./slice-packing.ts";
import { createTriggerTimes, withTriggerTime } from "./trigger-time.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const HEADLESS_LABEL = "service.kubernetes.io/headless";
const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
const ENDPOINTS_MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by";
const OVER_CAPACITY_ANNOTATION = "endpoints.kubernetes.io/over-capacity";
const CONTROLLER = "endpointslice-controller.k8s.io";

type Endpoints = KubernetesObject & { subsets?: EndpointSubset[] };

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
      const service = await getIfExists<Service>(api, RESOURCES.services, splitKey(key));
      if (service === undefined) {
        triggerTimes.forget(key);
        await deleteEndpoints(context, key);
        return undefined;
      }
      // Without a selector somebody else writes the slices; those of a deleted Service go with their owner.
      if (service.metadata.deletionTimestamp !== undefined) return undefined;
      if (selectorOf(service) === undefined || service.spec.type === "ExternalName") return undefined;
      const selected = [...pods.objects.values()].filter((pod) => isSelected(service, pod));
      const changedAt = triggerTimes.next(key, service, selected);
      const members = selected
        .filter(hasAddress)
        .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      const groups = groupByPorts(service, members, (name) => nodes.objects.get(name));
      await writeSlices(context, service, groups, changedAt);
      await writeEndpoints(context, service, subsetsOf(service, members), changedAt);
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
}

async function writeSlices(
  { api }: ControllerContext,
  service: Service,
  groups: PortGroup[],
  changedAt: string | undefined,
): Promise<void> {
  const { namespace, name, uid } = service.metadata;
  const labels = sliceLabels(service);
  const { items } = await api.list<EndpointSlice>(RESOURCES.endpointSlices, {
    namespace,
    labelSelector: `${SERVICE_NAME_LABEL}=${name},${MANAGED_BY_LABEL}=${CONTROLLER}`,
  });
  // One of an earlier Service of this name goes with that.
  const isOwn = ({ metadata }: EndpointSlice) => metadata.ownerReferences?.some((owner) => owner.uid === uid);
  // Of the labels that say whose it is none is checked, as upstream.
  const isStale = ({ metadata }: EndpointSlice) =>
    !sameJson(withoutReserved(metadata.labels), withoutReserved(service.metadata.labels));
  const changes = packSlices(items.filter(isOwn), groups, isStale);
  for (const content of changes.create) {
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
  }
  for (const { slice, content } of changes.update) {
    const annotations = withTriggerTime(slice.metadata.annotations, changedAt);
    const metadata = { ...slice.metadata, labels, annotations };
    await api.replace(RESOURCES.endpointSlices, { ...slice, ...content, metadata });
  }
  for (const slice of [...changes.remove, ...items.filter((each) => !isOwn(each))])
    await deleteIfExists(api, RESOURCES.endpointSlices, slice);
}

async function writeEndpoints(
  { api }: ControllerContext,
  service: Service,
  all: EndpointSubset[],
  changedAt: string | undefined,
): Promise<void> {
  const { namespace, name } = service.metadata;
  const { subsets, isCut } = truncateSubsets(all);
  const labels = endpointsLabels(service);
  const existing = await getIfExists<Endpoints>(api, RESOURCES.endpoints, { namespace, name });
  const isMarked = existing?.metadata.annotations?.[OVER_CAPACITY_ANNOTATION] !== undefined;
  if (
    existing !== undefined &&
    isMarked === isCut &&
    sameJson({ subsets: existing.subsets ?? [], labels: existing.metadata.labels }, { subsets, labels })
  )
    return;
  const { [OVER_CAPACITY_ANNOTATION]: _, ...others } = existing?.metadata.annotations ?? {};
  const marked = isCut ? { ...others, [OVER_CAPACITY_ANNOTATION]: "truncated" } : others;
  const annotations = withTriggerTime(marked, changedAt);
  try {
    if (existing !== undefined) {
      const metadata = { ...existing.metadata, labels, annotations };
      await api.replace<Endpoints>(RESOURCES.endpoints, { ...existing, metadata, subsets });
      return;
    }
    const metadata = { name, namespace, labels, annotations };
    await api.create<Endpoints>(RESOURCES.endpoints, {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata,
      subsets,
    } as Endpoints);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}

/** Endpoints have no owner; those of a Service that has gone are nobody's. */
async function deleteEndpoints({ api }: ControllerContext, key: string): Promise<void> {
  const endpoints = await getIfExists<Endpoints>(api, RESOURCES.endpoints, splitKey(key));
  const isOurs = endpoints?.metadata.labels?.[ENDPOINTS_MANAGED_BY_LABEL] === "endpoint-controller";
  if (isOurs) await deleteIfExists(api, RESOURCES.endpoints, endpoints);
}

const RESERVED_LABELS = new Set([SERVICE_NAME_LABEL, HEADLESS_LABEL, MANAGED_BY_LABEL]);

const withoutReserved = (labels: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !RESERVED_LABELS.has(key)));

/** The Service's own labels, and what says whose the slice is. */
function sliceLabels(service: Service): Record<string, string> {
  const { name, labels } = service.metadata;
  return {
    ...withoutReserved(labels),
    ...headlessLabel(service),
    [MANAGED_BY_LABEL]: CONTROLLER,
    [SERVICE_NAME_LABEL]: name,
  };
}

function endpointsLabels(service: Service): Record<string, string> {
  const { [HEADLESS_LABEL]: _, ...own } = service.metadata.labels ?? {};
  return { ...own, ...headlessLabel(service), [ENDPOINTS_MANAGED_BY_LABEL]: "endpoint-controller" };
}

const headlessLabel = ({ spec }: Service): Record<string, string> =>
  spec.clusterIP === "None" ? { [HEADLESS_LABEL]: "" } : {};
