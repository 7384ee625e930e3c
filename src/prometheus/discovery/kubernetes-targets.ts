/** The target groups of Kubernetes objects, with upstream's meta labels (`discovery/kubernetes/*.go`). */
import type { KubernetesObject, ObjectMeta } from "../../model/kubernetes-object.ts";
import type { KubernetesRole } from "../config/discovery-config.ts";
import { sanitizeLabelName, type TargetGroup } from "./target-group.ts";

const META = "__meta_kubernetes_";

/** What a group is built with: other objects, found by `namespace/name`, where the configuration asks for them. */
export interface Lookup {
  pod(key: string): KubernetesObject | undefined;
  service(key: string): KubernetesObject | undefined;
  /** undefined: metadata of nodes is not attached. */
  node?: (name: string) => KubernetesObject | undefined;
  namespace?: (name: string) => KubernetesObject | undefined;
  replicaSet?: (key: string) => KubernetesObject | undefined;
  job?: (key: string) => KubernetesObject | undefined;
  /** Attach the name of the job that owns a pod. */
  jobNames: boolean;
}

type LabelSet = Record<string, string>;

interface Container {
  name: string;
  image?: string;
  ports?: { name?: string; containerPort: number; protocol?: string }[];
}

const SOURCES: Record<KubernetesRole, string> = {
  pod: "pod",
  service: "svc",
  endpoints: "endpoints",
  endpointslice: "endpointslice",
  node: "node",
  ingress: "ingress",
};

/** The group's source, which also names it when the object is gone. */
export function sourceOf(role: KubernetesRole, object: KubernetesObject): string {
  const { namespace, name } = object.metadata;
  return role === "node" ? `node/${name}` : `${SOURCES[role]}/${namespace}/${name}`;
}

export function buildGroup(role: KubernetesRole, object: KubernetesObject, lookup: Lookup): TargetGroup {
  const source = sourceOf(role, object);
  const { targets, labels } = BUILDERS[role](object, lookup);
  if (lookup.namespace !== undefined && object.metadata.namespace !== undefined)
    Object.assign(labels, namespaceLabels(lookup.namespace(object.metadata.namespace)));
  return { source, targets, labels };
}

type Builder = (object: KubernetesObject, lookup: Lookup) => { targets: LabelSet[]; labels: LabelSet };

const BUILDERS: Record<KubernetesRole, Builder> = {
  pod: buildPod,
  service: buildService,
  node: buildNode,
  endpoints: buildEndpoints,
  endpointslice: buildEndpointSlice,
  ingress: buildIngress,
};

/** `JoinHostPort`: an IPv6 address gets brackets. */
function hostPort(host: string, port: number | string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function metaLabels(role: string, metadata: ObjectMeta): LabelSet {
  const labels: LabelSet = { [`${META}${role}_name`]: metadata.name };
  for (const [name, value] of Object.entries(metadata.labels ?? {})) {
    labels[`${META}${role}_label_${sanitizeLabelName(name)}`] = value;
    labels[`${META}${role}_labelpresent_${sanitizeLabelName(name)}`] = "true";
  }
  for (const [name, value] of Object.entries(metadata.annotations ?? {})) {
    labels[`${META}${role}_annotation_${sanitizeLabelName(name)}`] = value;
    labels[`${META}${role}_annotationpresent_${sanitizeLabelName(name)}`] = "true";
  }
  return labels;
}

function namespaceLabels(namespace: KubernetesObject | undefined): LabelSet {
  if (namespace === undefined) return {};
  const { [`${META}namespace_name`]: _, ...labels } = metaLabels("namespace", namespace.metadata);
  return labels;
}

function attachedNodeLabels(name: string | undefined, lookup: Lookup): LabelSet {
  const node = name === undefined ? undefined : lookup.node?.(name);
  return node === undefined ? {} : metaLabels("node", node.metadata);
}

// ---- pods ----

function controllerOf(metadata: ObjectMeta) {
  return metadata.ownerReferences?.find((owner) => owner.controller === true);
}

function podLabels(pod: KubernetesObject, lookup: Lookup): LabelSet {
  const { status = {}, spec = {}, metadata } = pod;
  const ready = (status.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
  const labels: LabelSet = {
    [`${META}pod_ip`]: status.podIP ?? "",
    [`${META}pod_ready`]: String(ready?.status ?? "unknown").toLowerCase(),
    [`${META}pod_phase`]: status.phase ?? "",
    [`${META}pod_node_name`]: spec.nodeName ?? "",
    [`${META}pod_host_ip`]: status.hostIP ?? "",
    [`${META}pod_uid`]: metadata.uid ?? "",
    ...metaLabels("pod", metadata),
  };
  const owner = controllerOf(metadata);
  if (owner === undefined) return labels;
  labels[`${META}pod_controller_kind`] = owner.kind;
  labels[`${META}pod_controller_name`] = owner.name;
  const ownerKey = `${metadata.namespace}/${owner.name}`;
  const grandOwner = (object: KubernetesObject | undefined, kind: string) => {
    const found = object === undefined ? undefined : controllerOf(object.metadata);
    return found?.kind === kind ? found.name : undefined;
  };
  if (owner.kind === "ReplicaSet") {
    const deployment = grandOwner(lookup.replicaSet?.(ownerKey), "Deployment");
    if (deployment !== undefined) labels[`${META}pod_deployment_name`] = deployment;
  } else if (owner.kind === "Job") {
    if (lookup.jobNames) labels[`${META}pod_job_name`] = owner.name;
    const cronJob = grandOwner(lookup.job?.(ownerKey), "CronJob");
    if (cronJob !== undefined) labels[`${META}pod_cronjob_name`] = cronJob;
  }
  return labels;
}

function containersOf(pod: KubernetesObject): { container: Container; isInit: boolean }[] {
  const all = (list: Container[] | undefined, isInit: boolean) =>
    (list ?? []).map((container) => ({ container, isInit }));
  return [...all(pod.spec?.containers, false), ...all(pod.spec?.initContainers, true)];
}

function containerLabels(container: Container, isInit: boolean): LabelSet {
  return {
    [`${META}pod_container_name`]: container.name,
    [`${META}pod_container_image`]: container.image ?? "",
    [`${META}pod_container_init`]: String(isInit),
  };
}

function portLabels(port: NonNullable<Container["ports"]>[number]): LabelSet {
  return {
    [`${META}pod_container_port_name`]: port.name ?? "",
    [`${META}pod_container_port_number`]: String(port.containerPort),
    [`${META}pod_container_port_protocol`]: port.protocol ?? "TCP",
  };
}

function buildPod(pod: KubernetesObject, lookup: Lookup) {
  const ip: string = pod.status?.podIP ?? "";
  // A pod that is starting or was evicted has none; one on a node that was not selected is not wanted.
  const isForeign = lookup.node !== undefined && lookup.node(pod.spec?.nodeName ?? "") === undefined;
  if (ip === "" || isForeign) return { targets: [], labels: {} };
  const labels = {
    ...podLabels(pod, lookup),
    [`${META}namespace`]: pod.metadata.namespace ?? "",
    ...attachedNodeLabels(pod.spec?.nodeName, lookup),
  };
  const targets = containersOf(pod).flatMap(({ container, isInit }) => {
    const statuses: { name: string; containerID?: string }[] =
      (isInit ? pod.status?.initContainerStatuses : pod.status?.containerStatuses) ?? [];
    const own = {
      ...containerLabels(container, isInit),
      [`${META}pod_container_id`]: statuses.find((each) => each.name === container.name)?.containerID ?? "",
    };
    const ports = container.ports ?? [];
    if (ports.length === 0) return [{ __address__: ip, ...own }];
    return ports.map((port) => ({
      __address__: hostPort(ip, port.containerPort),
      ...own,
      ...portLabels(port),
    }));
  });
  return { targets, labels };
}

// ---- services, nodes, ingresses ----

function buildService(service: KubernetesObject) {
  const { spec = {}, status, metadata } = service;
  const targets = (spec.ports ?? []).map((port: { name?: string; port: number; protocol?: string }) => {
    const target: LabelSet = {
      __address__: hostPort(`${metadata.name}.${metadata.namespace}.svc`, port.port),
      [`${META}service_port_name`]: port.name ?? "",
      [`${META}service_port_number`]: String(port.port),
      [`${META}service_port_protocol`]: port.protocol ?? "TCP",
      [`${META}service_type`]: spec.type ?? "ClusterIP",
    };
    if (spec.type === "ExternalName") target[`${META}service_external_name`] = spec.externalName ?? "";
    else target[`${META}service_cluster_ip`] = spec.clusterIP ?? "";
    if (spec.type === "LoadBalancer") {
      const ips = (status?.loadBalancer?.ingress ?? []).flatMap((each: { ip?: string }) => each.ip ?? []);
      target[`${META}service_loadbalancer_ip`] = ips.length > 0 ? ips.join(",") : (spec.loadBalancerIP ?? "");
    }
    return target;
  });
  const labels = { [`${META}namespace`]: metadata.namespace ?? "", ...metaLabels("service", metadata) };
  return { targets, labels };
}

const ADDRESS_ORDER = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

function buildNode(node: KubernetesObject) {
  const { status = {}, spec = {}, metadata } = node;
  const labels: LabelSet = { [`${META}node_provider_id`]: spec.providerID ?? "" };
  for (const condition of status.conditions ?? []) {
    const type = sanitizeLabelName(String(condition.type).toLowerCase());
    labels[`${META}node_condition_${type}`] = String(condition.status).toLowerCase();
  }
  Object.assign(labels, metaLabels("node", metadata));
  const addresses = new Map<string, string>();
  for (const { type, address } of status.addresses ?? [])
    if (!addresses.has(type)) addresses.set(type, address);
  const type = ADDRESS_ORDER.find((each) => addresses.has(each));
  if (type === undefined) return { targets: [], labels };
  const port = status.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  const target: LabelSet = { __address__: hostPort(addresses.get(type)!, port), instance: metadata.name };
  for (const [each, address] of addresses) target[sanitizeLabelName(`${META}node_address_${each}`)] = address;
  return { targets: [target], labels };
}

function buildIngress(ingress: KubernetesObject) {
  const { spec = {}, metadata } = ingress;
  const tlsHosts: string[] = (spec.tls ?? []).flatMap((each: { hosts?: string[] }) => each.hosts ?? []);
  const isTls = (host: string) =>
    tlsHosts.some(
      (each) => each === host || (each.startsWith("*.") && host.slice(host.indexOf(".")) === each.slice(1)),
    );
  const targets = (spec.rules ?? []).flatMap(
    (rule: { host?: string; http?: { paths?: { path?: string }[] } }) => {
      const host = rule.host ?? "";
      return (rule.http?.paths ?? [{}]).map((each) => ({
        __address__: host,
        [`${META}ingress_scheme`]: isTls(host) ? "https" : "http",
        [`${META}ingress_host`]: host,
        [`${META}ingress_path`]: each.path ?? "/",
      }));
    },
  );
  const labels: LabelSet = {
    [`${META}namespace`]: metadata.namespace ?? "",
    ...metaLabels("ingress", metadata),
  };
  if (spec.ingressClassName) labels[`${META}ingress_class_name`] = spec.ingressClassName;
  return { targets, labels };
}

// ---- endpoints and endpoint slices ----

interface ObjectReference {
  kind?: string;
  namespace?: string;
  name?: string;
}

function podOf(reference: ObjectReference | undefined, lookup: Lookup): KubernetesObject | undefined {
  if (reference?.kind !== "Pod") return undefined;
  return lookup.pod(`${reference.namespace}/${reference.name}`);
}

/** Labels of the pod behind an address, and of its container with the port. */
function labelsOfPod(pod: KubernetesObject, port: number | undefined, lookup: Lookup): LabelSet {
  const labels = podLabels(pod, lookup);
  for (const { container, isInit } of containersOf(pod)) {
    const match = container.ports?.find((each) => each.containerPort === port);
    if (match !== undefined) Object.assign(labels, containerLabels(container, isInit), portLabels(match));
  }
  return labels;
}

/** Ports of pods that no endpoint stands for. */
function remainingPorts(seen: Map<KubernetesObject, Set<number | undefined>>, lookup: Lookup): LabelSet[] {
  return [...seen].flatMap(([pod, ports]) => {
    const ip: string = pod.status?.podIP ?? "";
    if (ip === "") return [];
    return containersOf(pod).flatMap(({ container, isInit }) =>
      (container.ports ?? [])
        .filter((port) => !ports.has(port.containerPort))
        .map((port) => ({
          __address__: hostPort(ip, port.containerPort),
          ...containerLabels(container, isInit),
          ...portLabels(port),
          ...podLabels(pod, lookup),
        })),
    );
  });
}

function addressLabels(
  target: LabelSet,
  reference: ObjectReference | undefined,
  nodeName: string | undefined,
  port: number | undefined,
  seen: Map<KubernetesObject, Set<number | undefined>>,
  lookup: Lookup,
): LabelSet {
  if (lookup.node !== undefined)
    Object.assign(target, attachedNodeLabels(reference?.kind === "Node" ? reference.name : nodeName, lookup));
  const pod = podOf(reference, lookup);
  if (pod === undefined) return target;
  const ports = seen.get(pod) ?? new Set();
  seen.set(pod, ports.add(port));
  return { ...target, ...labelsOfPod(pod, port, lookup) };
}

function serviceLabels(key: string, lookup: Lookup): LabelSet {
  const service = lookup.service(key);
  return service === undefined ? {} : metaLabels("service", service.metadata);
}

function buildEndpoints(endpoints: KubernetesObject, lookup: Lookup) {
  const { metadata } = endpoints;
  const { subsets = [] } = endpoints as KubernetesObject & { subsets?: EndpointSubset[] };
  const seen = new Map<KubernetesObject, Set<number | undefined>>();
  const targets: LabelSet[] = [];
  const add = (address: EndpointAddress, port: EndpointPort, isReady: boolean) => {
    const target: LabelSet = {
      __address__: hostPort(address.ip, port.port ?? 0),
      [`${META}endpoint_port_name`]: port.name ?? "",
      [`${META}endpoint_port_protocol`]: port.protocol ?? "TCP",
      [`${META}endpoint_ready`]: String(isReady),
    };
    if (address.targetRef !== undefined) {
      target[`${META}endpoint_address_target_kind`] = address.targetRef.kind ?? "";
      target[`${META}endpoint_address_target_name`] = address.targetRef.name ?? "";
    }
    if (address.nodeName !== undefined) target[`${META}endpoint_node_name`] = address.nodeName;
    if (address.hostname) target[`${META}endpoint_hostname`] = address.hostname;
    targets.push(addressLabels(target, address.targetRef, address.nodeName, port.port, seen, lookup));
  };
  for (const subset of subsets) {
    for (const port of subset.ports ?? []) {
      for (const address of subset.addresses ?? []) add(address, port, true);
      for (const address of subset.notReadyAddresses ?? []) add(address, port, false);
    }
  }
  targets.push(...remainingPorts(seen, lookup));
  const labels = {
    [`${META}namespace`]: metadata.namespace ?? "",
    ...serviceLabels(`${metadata.namespace}/${metadata.name}`, lookup),
    ...metaLabels("endpoints", metadata),
  };
  return { targets, labels };
}

interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: ObjectReference;
}

interface EndpointPort {
  name?: string;
  port?: number;
  protocol?: string;
  appProtocol?: string;
}

interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: EndpointPort[];
}

interface SliceEndpoint {
  addresses: string[];
  conditions?: Record<string, boolean | undefined>;
  hostname?: string;
  nodeName?: string;
  zone?: string;
  targetRef?: ObjectReference;
}

function buildEndpointSlice(object: KubernetesObject, lookup: Lookup) {
  const slice = object as KubernetesObject & {
    addressType?: string;
    endpoints?: SliceEndpoint[];
    ports?: EndpointPort[];
  };
  const { metadata } = slice;
  const seen = new Map<KubernetesObject, Set<number | undefined>>();
  const targets = (slice.endpoints ?? []).flatMap((endpoint) =>
    (slice.ports ?? []).flatMap((port) =>
      endpoint.addresses.map((address) =>
        addressLabels(
          sliceLabels(endpoint, port, address),
          endpoint.targetRef,
          endpoint.nodeName,
          port.port,
          seen,
          lookup,
        ),
      ),
    ),
  );
  targets.push(...remainingPorts(seen, lookup));
  const service = metadata.labels?.["kubernetes.io/service-name"];
  const labels = {
    [`${META}namespace`]: metadata.namespace ?? "",
    [`${META}endpointslice_address_type`]: slice.addressType ?? "",
    ...metaLabels("endpointslice", metadata),
    ...(service === undefined ? {} : serviceLabels(`${metadata.namespace}/${service}`, lookup)),
  };
  return { targets, labels };
}

function sliceLabels(endpoint: SliceEndpoint, port: EndpointPort, address: string): LabelSet {
  const target: LabelSet = { __address__: port.port === undefined ? address : hostPort(address, port.port) };
  const set = (name: string, value: unknown) => {
    if (value !== undefined && value !== null) target[`${META}endpointslice_${name}`] = String(value);
  };
  set("port_name", port.name);
  set("port_protocol", port.protocol);
  set("port", port.port);
  set("port_app_protocol", port.appProtocol);
  set("endpoint_conditions_ready", endpoint.conditions?.ready);
  set("endpoint_conditions_serving", endpoint.conditions?.serving);
  set("endpoint_conditions_terminating", endpoint.conditions?.terminating);
  set("endpoint_hostname", endpoint.hostname);
  set("address_target_kind", endpoint.targetRef?.kind);
  set("address_target_name", endpoint.targetRef?.name);
  set("endpoint_node_name", endpoint.nodeName);
  set("endpoint_zone", endpoint.zone);
  return target;
}
