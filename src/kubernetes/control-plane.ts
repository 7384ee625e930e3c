/**
 * Everything of a cluster but its API server: controllers, scheduler, nodes, kubelet, proxy. They share one set of
 * informers, and know each other only through the API.
 */
import type { Processes } from "../base/process.ts";
import { PACKAGE_ROOT, programFile } from "../base/program-files.ts";
import type { Sockets } from "../base/sockets.ts";
import type { System } from "../base/system.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { createEventRecorder } from "../wire/kubernetes/event-recorder.ts";
import type { Issuer } from "../wire/x509/certificate.ts";
import { startServerLease } from "./api-server/server-lease.ts";
import { CONTROL_PLANE_HOST } from "./control-plane-host.ts";
import { startDaemonSetController } from "./controllers/apps/daemon-set.ts";
import { startDeploymentController } from "./controllers/apps/deployment.ts";
import { startReplicaSetController, startReplicationController } from "./controllers/apps/replica-set.ts";
import { startStatefulSetController } from "./controllers/apps/stateful-set.ts";
import { startCronJobController } from "./controllers/batch/cron-job.ts";
import { startJobController } from "./controllers/batch/job.ts";
import {
  type MayCreate,
  startCertificateApprovingController,
} from "./controllers/certificates/certificate-approving.ts";
import { startCertificateCleaner } from "./controllers/certificates/certificate-cleaner.ts";
import { startCertificateSigningController } from "./controllers/certificates/certificate-signing.ts";
import type { ControllerContext, Informers } from "./controllers/controller.ts";
import { startClusterRoleAggregationController } from "./controllers/core/cluster-role-aggregation.ts";
import { createControllerAccounts } from "./controllers/core/controller-accounts.ts";
import { startGarbageCollector } from "./controllers/core/garbage-collector.ts";
import { startNamespaceController } from "./controllers/core/namespace.ts";
import { startNodeTaintController, startTaintEvictionController } from "./controllers/core/node-taints.ts";
import { startNodeTtlController } from "./controllers/core/node-ttl.ts";
import { startResourceQuotaController } from "./controllers/core/resource-quota.ts";
import type { ServedResource } from "./controllers/core/served-resource.ts";
import { createIfMissing, startServiceAccountController } from "./controllers/core/service-account.ts";
import { startEndpointSliceController } from "./controllers/discovery/endpoint-slice.ts";
import { startFlowSchemaController } from "./controllers/flowcontrol/flow-schema-status.ts";
import {
  serviceRange,
  startServiceAddressController,
  startServiceRangeController,
} from "./controllers/networking/service-addresses.ts";
import { startPodDisruptionBudgetController } from "./controllers/policy/pod-disruption-budget.ts";
import { startEphemeralVolumeController } from "./controllers/storage/ephemeral-volume.ts";
import { startPersistentVolumeControllers } from "./controllers/storage/persistent-volume.ts";
import { DEFAULT_STORAGE_CLASS, PROVISIONER } from "./controllers/storage/volume-provisioning.ts";
import { ContainerRuntime } from "./kubelet/container-runtime.ts";
import type { ImageCatalogue } from "./kubelet/image-catalogue.ts";
import { Kubelet } from "./kubelet/kubelet.ts";
import { recordNodeEvents } from "./kubelet/node-events.ts";
import { writeToolShims } from "./kubelet/tool-shims.ts";
import { DEFAULT_NODES, startVirtualNodes } from "./kubelet/virtual-nodes.ts";
import type { AddressPlan } from "./network/address-plan.ts";
import { type ServiceProxy, startServiceProxy } from "./network/service-proxy.ts";
import { daemonPlacement } from "./scheduler/filters.ts";
import { startScheduler } from "./scheduler/scheduler.ts";
import type { Pod } from "./types.ts";
import { withFieldManager } from "./with-field-manager.ts";

/** How long programs go on without a control plane, in milliseconds. */
export const HEARTBEAT_LIMIT_MS = 10 * 60_000;

export interface ControlPlaneOptions {
  system: System;
  processes: Processes;
  sockets: Sockets;
  api: KubernetesApi;
  informers: Informers;
  dataDirectory: string;
  /** Tells this cluster's processes from those of other ones. */
  clusterId: string;
  addresses: AddressPlan;
  dns: { host: string; port: number };
  /** Where the machine has one loopback address: see `PodEnvironment`. */
  portDirectory?: string;
  /** Where the API server listens. */
  apiAddress: { host: string; port: number };
  /** PEM of the cluster's authority. */
  ca: string;
  /** Signs certificates in the authority's name. */
  signer: Issuer;
  mayCreateCertificate: MayCreate;
  images: ImageCatalogue;
  issueToken(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  /** The controllers that upstream has accounts for. */
  controllers: Iterable<string>;
  /** All that the API serves and that can be listed, watched and deleted. */
  servedResources(): ServedResource[];
  /** Ends controllers and kubelet; informers and proxy go on for pods that are still on their way out. */
  signal: AbortSignal;
}

export interface ControlPlane {
  kubelet: Kubelet;
  proxy: ServiceProxy;
  runtime: ContainerRuntime;
}

/** Resolves when running processes have been adopted. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { system, sockets, informers, signal } = options;
  const { clock, random, log } = system;
  const api = withFieldManager(options.api, "kube-controller-manager");
  const context: ControllerContext = { api, clock, random, log, informers, signal };
  const apiServer = withFieldManager(options.api, "kube-apiserver");
  await createBasics({ ...options, api: apiServer });
  await startServerLease({ api: apiServer, clock, random, log, hostname: CONTROL_PLANE_HOST, signal });
  await createControllerAccounts(context, options.controllers);
  await startVirtualNodes({
    api: withFieldManager(options.api, "kubelet"),
    clock,
    addresses: options.addresses,
    nodes: DEFAULT_NODES,
    machine: options.processes.machine,
    signal,
  });
  const { kubelet, runtime } = await createKubelet(options);
  await kubelet.start();
  recordNodeEvents({
    kubelet: createEventRecorder({
      api: withFieldManager(options.api, "kubelet"),
      clock,
      component: "kubelet",
    }),
    controller: createEventRecorder({ api, clock, component: "node-controller" }),
    informers,
    nodes: DEFAULT_NODES.map(({ name }) => name),
  });
  const proxy = startServiceProxy({ informers, sockets, random, clock, log });
  startServiceAccountController(context, options.ca);
  startPersistentVolumeControllers(context, {
    disk: system.disk,
    directory: `${options.dataDirectory}/volumes`,
  });
  startEphemeralVolumeController(context);
  startStatefulSetController(context);
  startReplicaSetController(context);
  startReplicationController(context);
  startDeploymentController(context);
  startDaemonSetController(context, daemonPlacement);
  startJobController(context);
  startCronJobController(context);
  startEndpointSliceController(context);
  startPodDisruptionBudgetController(context);
  startScheduler({ ...context, api: withFieldManager(options.api, "kube-scheduler") });
  startNodeTaintController(context);
  startTaintEvictionController(context);
  startGarbageCollector(context, { resources: () => options.servedResources() });
  const namespacedResources = () => options.servedResources().filter(({ namespaced }) => namespaced);
  startNamespaceController(context, { namespacedResources });
  startClusterRoleAggregationController(context);
  startResourceQuotaController(context, { namespacedResources });
  startNodeTtlController(context);
  startFlowSchemaController(context);
  startServiceAddressController({ ...context, api: apiServer });
  startServiceRangeController(context);
  startCertificateApprovingController(context, options.mayCreateCertificate);
  startCertificateSigningController(context, options);
  startCertificateCleaner(context);
  return { kubelet, proxy, runtime };
}

async function createKubelet(
  options: ControlPlaneOptions,
): Promise<{ kubelet: Kubelet; runtime: ContainerRuntime }> {
  const { system, processes, sockets, informers, dataDirectory, signal } = options;
  const api = withFieldManager(options.api, "kubelet");
  const { clock, disk, network, log, env } = system;
  const directory = `${dataDirectory}/pods`;
  const toolDirectory = `${dataDirectory}/bin`;
  for (const folder of [directory, `${dataDirectory}/volumes`])
    await disk.makeDirectory(folder, { mode: 0o700 });
  await writeToolShims(disk, toolDirectory, processes.executable);
  const runtime = new ContainerRuntime({ processes, disk, clock, directory, clusterId: options.clusterId });
  const kubelet = new Kubelet({
    api,
    clock,
    disk,
    network,
    sockets,
    processes,
    log,
    events: createEventRecorder({ api, clock, component: "kubelet" }),
    runtime,
    images: options.images,
    surroundings: {
      dns: options.dns,
      portDirectory: options.portDirectory,
      heartbeatPath: `${dataDirectory}/heartbeat`,
      heartbeatLimitMs: HEARTBEAT_LIMIT_MS,
      toolDirectory,
      path: env.PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      preloadPath: programFile("preload"),
      hostDirectories: [PACKAGE_ROOT, `${dataDirectory}/compile-cache`, `${dataDirectory}/volumes`],
      compileCacheDirectory: `${dataDirectory}/compile-cache`,
    },
    token: options.issueToken,
    informers,
    addresses: options.addresses,
    nodes: DEFAULT_NODES,
    signal,
  });
  return { kubelet, runtime };
}

/** What every cluster has from the start. */
async function createBasics(options: ControlPlaneOptions): Promise<void> {
  const { api, addresses } = options;
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    const namespace: KubernetesObject = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    await createIfMissing({ api }, RESOURCES.namespaces, namespace);
  }
  await createIfMissing({ api }, RESOURCES.storageClasses, {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name: DEFAULT_STORAGE_CLASS,
      annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
    },
    provisioner: PROVISIONER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
  } as KubernetesObject);
  await createApiService(options);
  await createIfMissing({ api }, RESOURCES.serviceCidrs, serviceRange(addresses.serviceRange));
  const dnsPort = options.dns.port;
  await createIfMissing({ api }, RESOURCES.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kube-dns", namespace: "kube-system", labels: { "k8s-app": "kube-dns" } },
    spec: {
      type: "ClusterIP",
      clusterIP: addresses.dns,
      ports: [{ name: "dns", port: dnsPort, protocol: "UDP", targetPort: dnsPort }],
    },
  });
}

/** The Service `default/kubernetes`: how pods reach the API. Its endpoint is where the API server listens this time. */
async function createApiService({ api, addresses, apiAddress, dns }: ControlPlaneOptions): Promise<void> {
  const labels = { component: "apiserver", provider: "kubernetes" };
  const metadata = { name: "kubernetes", namespace: "default", labels };
  // Ordinary users can't listen on 443; pods learn the port from KUBERNETES_SERVICE_PORT either way.
  const port = dns.port === 53 ? 443 : 6443;
  const ports = [{ name: "https", port, protocol: "TCP", targetPort: apiAddress.port }];
  await createIfMissing({ api }, RESOURCES.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "ClusterIP", ipFamilyPolicy: "SingleStack", clusterIP: addresses.apiService, ports },
  });
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [apiAddress.host], conditions: { ready: true } }],
    ports: [{ name: "https", port: apiAddress.port, protocol: "TCP" }],
  };
  await createIfMissing({ api }, RESOURCES.endpointSlices, slice);
  const { endpoints, ports: slicePorts } = slice;
  await api.patch(RESOURCES.endpointSlices, metadata, {
    type: "merge",
    body: { endpoints, ports: slicePorts },
  });
  const subsets = [{ addresses: [{ ip: apiAddress.host }], ports: slicePorts }];
  const legacy = { apiVersion: "v1", kind: "Endpoints", metadata, subsets };
  await createIfMissing({ api }, RESOURCES.endpoints, legacy);
  await api.patch(RESOURCES.endpoints, metadata, { type: "merge", body: { subsets } });
}
