/**
 * A cluster in one process and in virtual time: the API's store, the real controllers, a virtual kubelet, names and
 * addresses on a virtual network. Given the same seed it does the same to the byte.
 */
import { silentLogger } from "../../base/log.ts";
import { type Random, randomInteger, seededRandom } from "../../base/random.ts";
import {
  type AutoscalerSettings,
  ClusterStore,
  createMetricsClient,
  type Decision,
  Informers,
  type Scale,
  startDeploymentController,
  startHorizontalPodAutoscalerController,
  startReplicaSetController,
  startStatefulSetController,
} from "../../kubernetes/mod.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, parseApiVersion } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { SeededStreams } from "../virtual/seeded-streams.ts";
import { VirtualClock } from "../virtual/virtual-clock.ts";
import { VirtualNetwork } from "../virtual/virtual-network.ts";
import { readOnlyApiHandler } from "./api-over-network.ts";
import { registerKedaKinds } from "./autoscaled-cluster.ts";
import { OpenTenants } from "./open-tenants.ts";
import type { PodProgram } from "./pod-program.ts";
import { KUBELET_ADDRESS, VirtualKubelet } from "./virtual-kubelet.ts";

/** Where the API server, and the controllers with it, is. */
export const API_ADDRESS = "10.0.0.1";

/** Linux' `TCP_RTO_MIN`, `TCP_RTO_MAX` and `tcp_retries2`. */
const RETRANSMISSION_MIN_MS = 200;
const RETRANSMISSION_MAX_MS = 120_000;
const MAX_RETRANSMISSIONS = 15;

/** From milliseconds to milliseconds, most in between as a triangle over their middle. */
export interface StartupTime {
  minMs: number;
  maxMs: number;
}

export interface SimulatedClusterOptions {
  seed: number;
  /** Of a pod's start, by the pod's name. */
  startup: (pod: string) => StartupTime;
  /** One way on the network. @default 0.2 to 1 ms, seeded */
  latencyMs?: { min: number; max: number };
  autoscaler?: AutoscalerSettings & { syncPeriodMs?: number };
  onPod?: (pod: string, what: string) => void;
  onDecision?: (decision: Decision, scale: Scale) => void;
  /** Programs in place of the real ones, by image without tag. */
  modelled?: Record<string, PodProgram>;
  /** Told of a tenant that two pods have open. */
  onConflict?: (text: string) => void;
}

export class SimulatedCluster {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly api: KubernetesApi;
  readonly kubelet: VirtualKubelet;
  readonly openTenants: OpenTenants;
  /** Faults: by pod, in milliseconds. */
  readonly diskDelays = new Map<string, number>();
  readonly clockSkews = new Map<string, number>();
  /** Of messages that are lost, and sent again by TCP after a while: 0.1 is one in ten. */
  lossRate = 0;
  extraLatencyMs = 0;
  readonly #informers: Informers;
  readonly #stop = new AbortController();
  readonly #options: SimulatedClusterOptions;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    const { clock } = this;
    const { seed, latencyMs = { min: 0.2, max: 1 } } = options;
    this.random = seededRandom(seed);
    const ways = new SeededStreams(seed ^ 0x5bd1e995);
    this.network = new VirtualNetwork({
      clock,
      retransmits: true,
      delayMs: (from, to) => {
        // The kubelet is on its pods' node.
        if (from === KUBELET_ADDRESS || to === KUBELET_ADDRESS) return 0;
        const random = ways.of(`${from} ${to}`);
        const spread = latencyMs.min + random.float() * (latencyMs.max - latencyMs.min);
        return spread + this.extraLatencyMs + this.#retransmissionMs(random);
      },
      resolve: (name, from) => this.#resolve(name, from),
    });
    const store = new ClusterStore({ clock, random: seededRandom(seed ^ 0x1b873593) });
    registerKedaKinds(store);
    this.api = store;
    this.openTenants = new OpenTenants(options.onConflict);
    const { signal } = this.#stop;
    this.#informers = new Informers({ api: store, clock, log: silentLogger, signal });
    const starts = new SeededStreams(seed ^ 0x9e3779b9);
    const processes = new SeededStreams(seed ^ 0x85ebca6b);
    this.kubelet = new VirtualKubelet({
      api: store,
      clock,
      randomOf: (pod) => processes.of(pod),
      network: this.network,
      informers: this.#informers,
      openTenants: this.openTenants,
      modelled: options.modelled,
      signal,
      startupMs: ({ metadata }) => {
        const { minMs, maxMs } = options.startup(metadata.name);
        const random = starts.of(podOf(metadata.name));
        return minMs + ((random.float() + random.float()) / 2) * (maxMs - minMs);
      },
      diskDelayMs: (pod) => this.diskDelays.get(pod) ?? 0,
      clockSkewMs: (pod) => this.clockSkews.get(pod) ?? 0,
      onChange: (pod, what) => options.onPod?.(pod, what),
    });
  }

  /** What a message is late for having been lost: it comes again after TCP's timeout, and may be lost again. */
  #retransmissionMs(random: Random): number {
    let lateMs = 0;
    if (this.lossRate === 0) return lateMs;
    let timeoutMs = RETRANSMISSION_MIN_MS;
    for (let sent = 0; sent < MAX_RETRANSMISSIONS && random.float() < this.lossRate; sent++) {
      lateMs += timeoutMs;
      timeoutMs = Math.min(2 * timeoutMs, RETRANSMISSION_MAX_MS);
    }
    return lateMs;
  }

  /** Starts controllers and the API on the network. */
  async start(): Promise<void> {
    const { clock, api, random } = this;
    const { signal } = this.#stop;
    const context = { api, clock, random, log: silentLogger, informers: this.#informers, signal };
    startStatefulSetController(context);
    startReplicaSetController(context);
    startDeploymentController(context);
    this.#informers.of(RESOURCES.services);
    await this.network.host(API_ADDRESS).serve({ host: API_ADDRESS, port: 443 }, readOnlyApiHandler(api));
    startHorizontalPodAutoscalerController({
      ...this.#options.autoscaler,
      api,
      clock,
      log: silentLogger,
      signal,
      metrics: createMetricsClient((path) => this.#aggregated(path)),
      onDecision: (_, decision, scale) => this.#options.onDecision?.(decision, scale),
    });
    await clock.advance(1);
  }

  stop(): void {
    this.#stop.abort();
  }

  async apply(objects: KubernetesObject[]): Promise<void> {
    for (const object of objects) {
      const resource = resourceOf(object);
      if (resource === undefined) continue;
      try {
        await this.api.create(resource, structuredClone(object));
      } catch (error) {
        if (!isStatus(error, "AlreadyExists")) throw error;
      }
    }
  }

  /** The HPA's questions go to whoever serves the group, over the network, as the aggregator sends them. */
  async #aggregated(path: string): Promise<unknown> {
    if (!path.startsWith("/apis/external.metrics.k8s.io/")) {
      throw new Error("the server could not find the requested resource");
    }
    const url = `http://keda-metrics-apiserver.keda.svc:6443${path}`;
    const response = await this.network.host(API_ADDRESS).fetch(url, { timeoutMs: 30_000 });
    const answer = JSON.parse(await response.text());
    if (response.status !== 200) throw new Error(answer.message);
    return answer;
  }

  /** `router` in the namespace of who asks, `router.percolate-test.svc.cluster.local`, and pods of headless services. */
  #resolve(name: string, from: string): string | undefined {
    const parts = name.split(".");
    const [first, second = this.kubelet.namespaceAt(from) ?? "percolate-test"] = parts;
    const service = this.#informers
      .of<KubernetesObject>(RESOURCES.services)
      .objects.get(`${second}/${first}`);
    if (service !== undefined) {
      const addresses = this.kubelet.readyAddresses(second, service.spec.selector ?? {});
      return addresses.length === 0 ? undefined : addresses[randomInteger(this.random, addresses.length)];
    }
    return this.kubelet.addressOf(first);
  }
}

/** `router-5c4f9d-x2b7q` → `router`: the random part of a Deployment's pods must not decide anything. */
function podOf(name: string): string {
  return name.replace(/-[a-z0-9]{8,10}-[a-z0-9]{5}$/, "");
}

const KINDS: Record<string, GroupVersionResource> = {
  Namespace: RESOURCES.namespaces,
  ConfigMap: RESOURCES.configMaps,
  Service: RESOURCES.services,
  StatefulSet: RESOURCES.statefulSets,
  Deployment: RESOURCES.deployments,
  ServiceAccount: RESOURCES.serviceAccounts,
};

/** Undefined for kinds that nothing in virtual time looks at (RBAC, APIServices, definitions). */
export function resourceOf({
  apiVersion = "v1",
  kind = "",
}: KubernetesObject): GroupVersionResource | undefined {
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind];
  const { group, version } = parseApiVersion(apiVersion);
  return group === "keda.sh" ? { group, version, resource: `${kind.toLowerCase()}s` } : undefined;
}
