/**
 * The addresses of Services as objects: the range as the ServiceCIDR `kubernetes`, and an IPAddress for each address that
 * a Service has. Upstream the API server keeps them (`pkg/registry/core/service/ipallocator`) and hands out addresses by
 * them; here they are kept after the fact. Other ranges that somebody adds are ready, and not used.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Condition, Service } from "../../types.ts";
import { type ControllerContext, getIfExists, startController } from "../controller.ts";

const MANAGED_BY = "ipaddress.kubernetes.io/managed-by";
const FAMILY = "ipaddress.kubernetes.io/ip-family";
const ALLOCATOR = "ipallocator.k8s.io";
const RANGE_FINALIZER = "networking.k8s.io/service-cidr-finalizer";
const RANGE_CONTROLLER = "service-cidr-controller";

interface ServiceRange extends KubernetesObject {
  status?: { conditions?: Condition[] };
}

/** The range that Services get their addresses from. */
export const serviceRange = (cidr: string): KubernetesObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "ServiceCIDR",
  metadata: { name: "kubernetes" },
  spec: { cidrs: [cidr] },
});

/** Keeps an IPAddress for each address of a Service. */
export function startServiceAddressController(context: ControllerContext): void {
  const { api } = context;
  const services = context.informers.of<Service>(RESOURCES.services);
  const controller = startController({
    context,
    name: "service-ip-address",
    async reconcile(address) {
      const owner = [...services.objects.values()].find((service) => addressesOf(service).includes(address));
      const present = await getIfExists(api, RESOURCES.ipAddresses, { name: address });
      if (owner !== undefined) {
        if (isParent(present, owner)) return undefined;
        if (present === undefined) await api.create(RESOURCES.ipAddresses, addressObject(address, owner));
      }
      // An address that somebody made for a purpose of their own stays.
      if (present === undefined || present.metadata.labels?.[MANAGED_BY] !== ALLOCATOR) return undefined;
      await api.delete(RESOURCES.ipAddresses, { name: address });
      // Another Service has got it in the meantime.
      return owner === undefined ? undefined : 0;
    },
  });
  controller.watchMapped<Service>(RESOURCES.services, (service, previous) => {
    const before = previous === undefined ? [] : addressesOf(previous);
    return [...new Set([...addressesOf(service), ...before])];
  });
  controller.watch(RESOURCES.ipAddresses);
}

/** Says of every range that it is ready. */
export function startServiceRangeController(context: ControllerContext): void {
  const { api, clock } = context;
  const controller = startController({
    context,
    name: RANGE_CONTROLLER,
    async reconcile(name) {
      const found = await getIfExists<ServiceRange>(api, RESOURCES.serviceCidrs, { name });
      if (found === undefined) return undefined;
      const { finalizers = [], deletionTimestamp } = found.metadata;
      const isHeld = finalizers.includes(RANGE_FINALIZER);
      if (deletionTimestamp !== undefined) {
        const others = finalizers.filter((finalizer) => finalizer !== RANGE_FINALIZER);
        const body = { metadata: { finalizers: others } };
        if (isHeld) await api.patch(RESOURCES.serviceCidrs, { name }, { type: "merge", body });
        return undefined;
      }
      if (!isHeld) {
        const body = { metadata: { finalizers: [...finalizers, RANGE_FINALIZER] } };
        await api.patch(RESOURCES.serviceCidrs, { name }, { type: "merge", body });
      }
      if (found.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"))
        return undefined;
      const condition = {
        type: "Ready",
        status: "True",
        reason: "",
        message: "Kubernetes Service CIDR is ready",
        lastTransitionTime: kubernetesTime(clock.now()),
      };
      const body = {
        apiVersion: "networking.k8s.io/v1",
        kind: "ServiceCIDR",
        metadata: { name },
        status: { conditions: [condition] },
      };
      await api.patch(
        RESOURCES.serviceCidrs,
        { name, subresource: "status" },
        { type: "apply", body },
        { fieldManager: RANGE_CONTROLLER, force: true },
      );
      return undefined;
    },
  });
  controller.watch(RESOURCES.serviceCidrs);
}

function addressesOf({ spec }: Service): string[] {
  const addresses = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return addresses.filter((address) => address !== "" && address !== "None");
}

function isParent(address: KubernetesObject | undefined, { metadata }: Service): boolean {
  const { namespace, name } = address?.spec?.parentRef ?? {};
  return address !== undefined && namespace === metadata.namespace && name === metadata.name;
}

function addressObject(address: string, { metadata }: Service): KubernetesObject {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  const { namespace, name } = metadata;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: { name: address, labels: { [FAMILY]: family, [MANAGED_BY]: ALLOCATOR } },
    spec: { parentRef: { group: "", name, namespace, resource: "services" } },
  };
}
