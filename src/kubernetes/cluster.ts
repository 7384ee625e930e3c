/** Puts a cluster together: addresses and name server, API server, control plane. */
import { resolve } from "node:path";
import { oneAddressNetwork, oneAddressSockets } from "../base/one-address.ts";
import { programFile } from "../base/program-files.ts";
import { randomHex } from "../base/random.ts";
import type { SocketServer } from "../base/sockets.ts";
import type { System } from "../base/system.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { statusError } from "../model/kubernetes-status.ts";
import { isAllowed } from "./api-server/authorize.ts";
import { CONTROLLER_ACCOUNTS } from "./api-server/bootstrap/controller-roles.ts";
import { type ApiServer, createApiServer } from "./api-server/mod.ts";
import type { Cluster, ClusterOptions, RunningContainer } from "./cluster-types.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { startHorizontalPodAutoscalerController } from "./controllers/autoscaling/horizontal-pod-autoscaler.ts";
import { createMetricsClient } from "./controllers/autoscaling/horizontal-pod-autoscaler-metrics.ts";
import { Informers } from "./controllers/controller.ts";
import {
  builtInImages,
  createImageCatalogue,
  type ImageCatalogue,
  readImagesFile,
} from "./kubelet/image-catalogue.ts";
import { createLocalPodRuntime } from "./kubelet/local-pod-runtime.ts";
import { claimAddressRange } from "./network/address-range.ts";
import type { ServiceDirectory } from "./network/cluster-names.ts";
import { machineNameServers, startDnsServer } from "./network/dns-server.ts";
import { slicesOf } from "./network/service-proxy.ts";
import type { EndpointSlice, Pod, Service } from "./types.ts";
import { withFieldManager } from "./with-field-manager.ts";

/** How long the HPA's question for metrics may take, in milliseconds. */
const METRICS_TIMEOUT_MS = 10_000;

const CERTIFICATE_CREATION = {
  verb: "create",
  group: RESOURCES.certificateSigningRequests.group,
  resource: RESOURCES.certificateSigningRequests.resource,
};

interface Running {
  server: ApiServer;
  plane: ControlPlane;
  url: string;
  informers: Informers;
  dns: SocketServer;
  isOneAddress: boolean;
  stopDeciding: AbortController;
  stop: AbortController;
}

export function createCluster(options: ClusterOptions): Cluster {
  let running: Running | undefined;
  /** What is being stopped: its containers may still run, and somebody may want to end them at once. */
  let leaving: Running | undefined;
  const started = (): Running => {
    if (running === undefined) throw new Error("the cluster has not been started");
    return running;
  };
  const forwards = new Set<SocketServer>();
  return {
    async start() {
      running ??= await startCluster(options);
    },
    async stop({ keepPods = false } = {}) {
      if (running === undefined) return;
      const { server, plane, dns, stopDeciding, stop } = running;
      leaving = running;
      running = undefined;
      await Promise.all([...forwards].map((forward) => forward.close()));
      forwards.clear();
      // The API, names and Services stay until the last pod has said goodbye; nobody replaces what ends.
      stopDeciding.abort();
      await plane.kubelet.leave({ keepProcesses: keepPods });
      stop.abort();
      await plane.proxy.close();
      await server.close();
      await dns.close();
      leaving = undefined;
    },
    get api(): KubernetesApi {
      return started().server.api;
    },
    apiUrl: () => started().url,
    isOneAddress: () => started().isOneAddress,
    kubeconfig: () => started().server.kubeconfig(started().url),
    async forward(from, target) {
      const { plane, informers } = started();
      const forward = await options.sockets.listenTcp(from, (client) => {
        const service = informers
          .of<Service>(RESOURCES.services)
          .objects.get(`${target.namespace}/${target.service}`);
        const port = service?.spec.ports?.find(
          ({ name, port: number }) => target.port === name || target.port === number,
        );
        if (service === undefined || port === undefined) client.destroy();
        else void plane.proxy.connect(client, service, port);
      });
      forwards.add(forward);
      return {
        ...forward,
        close: async () => {
          forwards.delete(forward);
          await forward.close();
        },
      };
    },
    containers() {
      const cluster = running ?? leaving;
      return cluster === undefined ? [] : containersOf(cluster);
    },
  };
}

async function startCluster(options: ClusterOptions): Promise<Running> {
  /** What was begun, to be let go of when the rest fails: an open socket would keep the process, and its address. */
  const begun: (() => unknown)[] = [];
  try {
    return await startParts(options, begun);
  } catch (error) {
    for (const end of begun.reverse()) await Promise.resolve(end()).catch(() => {});
    throw error;
  }
}

async function startParts(options: ClusterOptions, begun: (() => unknown)[]): Promise<Running> {
  const { processes, apiAddress = {} } = options;
  const { clock, random, disk, log } = options.system;
  const dataDirectory = resolve(options.dataDirectory);
  await disk.makeDirectory(dataDirectory, { mode: 0o700 });
  const images = options.images ?? (await imagesOf(options, dataDirectory));
  const [stopDeciding, stop] = [new AbortController(), new AbortController()];
  const directory: { current: ServiceDirectory } = { current: EMPTY_DIRECTORY };
  const upstreams = await machineNameServers(disk);
  const { plan, dns, isOneAddress } = await claimAddressRange({
    disk,
    path: `${dataDirectory}/addresses`,
    prefix: options.addressPrefix,
    oneAddress: options.oneAddress,
    listenDns: (at) =>
      startDnsServer({ at, sockets: options.sockets, upstreams, directory: lazyDirectory(directory) }),
  });
  begun.push(() => dns.close());
  const portDirectory = isOneAddress ? `${dataDirectory}/ports` : undefined;
  const sockets =
    portDirectory === undefined ? options.sockets : oneAddressSockets(options.sockets, portDirectory);
  const network =
    portDirectory === undefined
      ? options.system.network
      : oneAddressNetwork(options.system.network, portDirectory);
  const system = { ...options.system, network };
  const server = await createApiServer({
    clock,
    random,
    disk,
    network,
    log,
    directory: dataDirectory,
    hosts: [plan.apiService],
    serviceAddresses: plan,
  });
  begun.push(
    () => server.close(),
    () => stop.abort(),
    () => stopDeciding.abort(),
  );
  const { host = "127.0.0.1", port = 0 } = apiAddress;
  const listening = await server.listen({ host, port });
  const { api } = server;
  const informers = new Informers({ api, clock, log, signal: stop.signal });
  directory.current = serviceDirectory(informers);
  const url = `https://${listening.host}:${listening.port}`;
  const plane = await startControlPlane({
    system,
    processes,
    sockets,
    api,
    informers,
    dataDirectory,
    clusterId: await clusterIdAt(system, `${dataDirectory}/cluster-id`),
    addresses: plan,
    dns,
    portDirectory,
    apiAddress: { host: listening.host, port: listening.port },
    ca: server.ca,
    signer: server.signer,
    mayCreateCertificate: (user, subresource) =>
      isAllowed(api.context.store, user, { ...CERTIFICATE_CREATION, subresource }),
    images,
    controllers: CONTROLLER_ACCOUNTS,
    issueToken: (pod, audience, seconds) => issueToken(server, pod, audience, seconds),
    servedResources: () => api.context.registry.all().filter(({ verbs }) => verbs === undefined),
    signal: stopDeciding.signal,
  });
  const { kubelet, runtime } = plane;
  server.setRuntime(
    createLocalPodRuntime({ kubelet, runtime, processes, sockets, disk, clock, signal: stop.signal }),
  );
  startHorizontalPodAutoscalerController({
    api: withFieldManager(api, "kube-controller-manager"),
    clock,
    log,
    metrics: createMetricsClient((path) => getJson(system, server, url, path)),
    signal: stopDeciding.signal,
    syncPeriodMs: options.horizontalPodAutoscalerSyncPeriodMs,
  });
  return { server, plane, url, informers, dns, isOneAddress, stopDeciding, stop };
}

async function imagesOf(
  { system, processes }: ClusterOptions,
  dataDirectory: string,
): Promise<ImageCatalogue> {
  const commandOf = (component: string) => [processes.executable, programFile("main"), "run", component];
  const file = `${dataDirectory}/images.yaml`;
  return {
    ...createImageCatalogue(builtInImages(commandOf), await readImagesFile(system.disk, file)),
    file,
  };
}

/** A name of this cluster that no other one has: programs are found again by it. */
async function clusterIdAt({ disk, random }: System, path: string): Promise<string> {
  const present = await disk.readFile(path).catch(() => undefined);
  if (present !== undefined) return new TextDecoder().decode(present).trim();
  const id = randomHex(random, 8);
  await disk.writeFile(path, `${id}\n`);
  return id;
}

async function issueToken(
  server: ApiServer,
  pod: Pod,
  audience: string | undefined,
  expirationSeconds: number,
): Promise<string> {
  const { namespace, name, uid } = pod.metadata;
  const accountName = pod.spec.serviceAccountName ?? "default";
  const account = await server.api.get(RESOURCES.serviceAccounts, { namespace, name: accountName });
  const subject = {
    namespace: namespace!,
    serviceAccount: accountName,
    uid: account.metadata.uid!,
    pod: { name, uid: uid! },
  };
  const { tokens } = server.api.context;
  return tokens!.issue(subject, expirationSeconds, audience === undefined ? undefined : [audience]).token;
}

async function getJson({ network }: System, server: ApiServer, url: string, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${server.adminToken}`, accept: "application/json" };
  const response = await network.fetch(url + path, { headers, ca: server.ca, timeoutMs: METRICS_TIMEOUT_MS });
  const text = await response.text();
  if (response.status === 200) return JSON.parse(text);
  throw statusError("ServiceUnavailable", messageOf(text) ?? `status ${response.status}`);
}

function messageOf(text: string): string | undefined {
  try {
    return JSON.parse(text).message;
  } catch {
    return undefined;
  }
}

const EMPTY_DIRECTORY: ServiceDirectory = { service: () => undefined, slices: () => [], services: () => [] };

/** The name server holds the range's address before there is anything to answer from. */
function lazyDirectory(directory: { current: ServiceDirectory }): ServiceDirectory {
  return {
    service: (namespace, name) => directory.current.service(namespace, name),
    slices: (namespace, service) => directory.current.slices(namespace, service),
    services: () => directory.current.services(),
  };
}

function serviceDirectory(informers: Informers): ServiceDirectory {
  const services = informers.of<Service>(RESOURCES.services);
  const slices = informers.of<EndpointSlice>(RESOURCES.endpointSlices);
  return {
    service: (namespace, name) => services.objects.get(`${namespace}/${name}`),
    slices: (namespace, service) => slicesOf(slices.objects.values(), namespace, service),
    services: () => [...services.objects.values()],
  };
}

function containersOf({ plane }: Running): RunningContainer[] {
  return [...plane.kubelet.workers.values()].flatMap((worker) =>
    worker.units.flatMap(({ spec, run }) => {
      if (run === undefined) return [];
      const { namespace, name } = worker.pod.metadata;
      const { pid, startedMs } = run.process;
      return [
        { namespace: namespace!, pod: name, container: spec.name, podIp: worker.ip ?? "", pid, startedMs },
      ];
    }),
  );
}
