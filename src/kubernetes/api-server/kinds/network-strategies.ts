/** Services, endpoints, network policies and ingress classes: defaults (`pkg/apis/core/v1`, `discovery/v1`, `networking/v1`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { deepEqual } from "../deep-equal.ts";
import { validateEndpointSlice, validateEndpoints } from "./endpoints-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { validateNetworkPolicy } from "./network-policy-validation.ts";
import {
  validateAddressObject,
  validateIngress,
  validateIngressClass,
  validateLease,
  validateRuntimeClass,
  validateServiceRange,
} from "./network-validation.ts";
import { assignNodePorts, keepNodePorts } from "./node-ports.ts";
import { setDefault } from "./pod-defaults.ts";
import { assignServiceAddress, keepServiceAddress } from "./service-address.ts";
import { setIpFamilies } from "./service-families.ts";
import { validateService } from "./service-validation.ts";

export const serviceStrategy: KindStrategy = {
  setDefaults(service) {
    service.spec ??= {};
    const { spec } = service;
    setDefault(spec, "type", "ClusterIP");
    setDefault(spec, "sessionAffinity", "None");
    setAffinityTimeout(spec);
    for (const port of spec.ports ?? []) {
      setDefault(port, "protocol", "TCP");
      setDefault(port, "targetPort", port.port);
    }
    if (spec.type === "ExternalName") return;
    setDefault(spec, "internalTrafficPolicy", "Cluster");
    if (isReachable(spec)) setDefault(spec, "externalTrafficPolicy", "Cluster");
    if (spec.type === "LoadBalancer") setDefault(spec, "allocateLoadBalancerNodePorts", true);
  },
  prepareForCreate(service, context) {
    service.status = { loadBalancer: {} };
    const { spec } = service;
    if (spec?.clusterIP && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
    if (spec !== undefined && spec.type !== "ExternalName") setIpFamilies(service);
    assignServiceAddress(service, context);
    assignNodePorts(service, context);
  },
  prepareForUpdate(service, previous, context) {
    service.spec ??= {};
    dropTypeFields(service.spec, previous.spec ?? {});
    keepServiceAddress(service, previous, context);
    if (service.spec?.type !== "ExternalName") setIpFamilies(service, previous.spec);
    keepNodePorts(service, previous);
    assignNodePorts(service, context);
  },
  validate: validateService,
  fields: {
    "spec.clusterIP": (service) => service.spec?.clusterIP,
    "spec.type": (service) => service.spec?.type,
  },
};

/** What only the type that a Service had can have goes with it, unless it was changed as well (`dropTypeDependentFields`). */
// biome-ignore lint/suspicious/noExplicitAny: a Service's spec
function dropTypeFields(spec: any, before: any): void {
  if (before.type === spec.type) return;
  const drop = (field: string) => {
    if (deepEqual(spec[field], before[field])) delete spec[field];
  };
  if (before.type === "LoadBalancer") {
    drop("allocateLoadBalancerNodePorts");
    drop("loadBalancerClass");
    drop("healthCheckNodePort");
  }
  if (isReachable(before) && !isReachable(spec)) drop("externalTrafficPolicy");
  const had = ["NodePort", "LoadBalancer"].includes(before.type);
  if (!had || ["NodePort", "LoadBalancer"].includes(spec.type)) return;
  const portsOf = ({ ports = [] }: { ports?: { nodePort?: number }[] }) =>
    ports.map(({ nodePort }) => nodePort);
  if (deepEqual(portsOf(spec), portsOf(before))) for (const port of spec.ports ?? []) delete port.nodePort;
}

/** From outside of the cluster. */
// biome-ignore lint/suspicious/noExplicitAny: a Service's spec
function isReachable(spec: any): boolean {
  return spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
}

/** Three hours. */
const AFFINITY_TIMEOUT_SECONDS = 10_800;

// biome-ignore lint/suspicious/noExplicitAny: a Service's spec
function setAffinityTimeout(spec: any): void {
  if (spec.sessionAffinity !== "ClientIP") delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_TIMEOUT_SECONDS } };
}

interface Port {
  name?: string;
  protocol?: string;
}

export const endpointsStrategy: KindStrategy = {
  setDefaults(object) {
    const { subsets } = object as KubernetesObject & { subsets?: { ports?: Port[] }[] };
    for (const { ports } of subsets ?? [])
      for (const port of ports ?? []) setDefault(port, "protocol", "TCP");
  },
  validate: validateEndpoints,
};

interface Slice extends KubernetesObject {
  endpoints?: { deprecatedTopology?: unknown }[];
}

/** The version before had it; this one only keeps what is there. */
function dropTopology(object: KubernetesObject): void {
  for (const endpoint of (object as Slice).endpoints ?? []) delete endpoint.deprecatedTopology;
}

export const endpointSliceStrategy: KindStrategy = {
  prepareForCreate: dropTopology,
  prepareForUpdate(object, previous) {
    if (!deepEqual((object as Slice).endpoints, (previous as Slice).endpoints)) dropTopology(object);
  },
  setDefaults(object) {
    const { ports } = object as KubernetesObject & { ports?: Port[] };
    for (const port of ports ?? []) {
      setDefault(port, "name", "");
      setDefault(port, "protocol", "TCP");
    }
  },
  validate: validateEndpointSlice,
};

export const networkPolicyStrategy: KindStrategy = {
  setDefaults(policy) {
    policy.spec ??= {};
    const { spec } = policy;
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports ?? []) setDefault(port, "protocol", "TCP");
    if ((spec.policyTypes ?? []).length > 0) return;
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  },
  validate: validateNetworkPolicy,
};

export const ingressStrategy: KindStrategy = { validate: validateIngress };
export const leaseStrategy: KindStrategy = { validate: validateLease };
export const serviceRangeStrategy: KindStrategy = { validate: validateServiceRange };
export const addressStrategy: KindStrategy = { validate: validateAddressObject };
export const runtimeClassStrategy: KindStrategy = { validate: validateRuntimeClass };

export const ingressClassStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec?.parameters !== undefined) setDefault(spec.parameters, "scope", "Cluster");
  },
  validate: validateIngressClass,
};
