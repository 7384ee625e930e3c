/** Discovery of targets in a Kubernetes cluster (`discovery/kubernetes/kubernetes.go`). */
import type { Logger } from "../../base/log.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { createKubernetesClient } from "../../wire/kubernetes/client.ts";
import { createInClusterClient, inClusterNamespace } from "../../wire/kubernetes/in-cluster.ts";
import { type Informer, objectKey, startInformer } from "../../wire/kubernetes/informer.ts";
import type { KubernetesDiscoveryConfig, KubernetesRole } from "../config/discovery-config.ts";
import type { HttpClientConfig } from "../config/http-client-config.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import { createHttpClient } from "./http-client.ts";
import { clusterOfKubeconfig } from "./kubeconfig.ts";
import { buildGroup, type Lookup, sourceOf } from "./kubernetes-targets.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

const RESOURCE_OF: Record<KubernetesRole, GroupVersionResource> = {
  pod: RESOURCES.pods,
  service: RESOURCES.services,
  node: RESOURCES.nodes,
  endpoints: RESOURCES.endpoints,
  endpointslice: RESOURCES.endpointSlices,
  ingress: { group: "networking.k8s.io", version: "v1", resource: "ingresses" },
};

/** @throws Error when there is no cluster to ask */
export async function createKubernetesDiscovery(
  config: KubernetesDiscoveryConfig,
  system: DiscoverySystem,
  log: Logger,
): Promise<Discoverer> {
  const api = await clientFor(config, system);
  const namespaces = [...(config.namespaces?.names ?? [])];
  if (config.namespaces?.own_namespace) namespaces.push(await inClusterNamespace(system));
  const scopes = namespaces.length === 0 ? [undefined] : namespaces;
  return {
    async run(update, signal) {
      const follower = new Follower(config, api, system, log, update, signal);
      await Promise.all(scopes.map((namespace) => follower.follow(namespace)));
    },
  };
}

async function clientFor(config: KubernetesDiscoveryConfig, system: DiscoverySystem): Promise<KubernetesApi> {
  if (config.kubeconfig_file !== "") {
    const text = new TextDecoder().decode(await system.disk.readFile(config.kubeconfig_file));
    const { server, client } = clusterOfKubeconfig(config.kubeconfig_file, text);
    return clientBy(client, server, system);
  }
  if (config.api_server === undefined) return createInClusterClient(system);
  return clientBy(config, config.api_server.replace(/\/$/, ""), system);
}

/** The client whose requests go the way that the configuration says: who it is, whom it trusts, by which proxy. */
function clientBy(config: HttpClientConfig, server: string, system: DiscoverySystem): KubernetesApi {
  const { request } = createHttpClient(config, system);
  return createKubernetesClient({ network: { fetch: request }, server });
}

/** Follows the objects of a role, and those that its targets take labels from. */
class Follower {
  readonly #config: KubernetesDiscoveryConfig;
  readonly #role: KubernetesRole;
  readonly #api: KubernetesApi;
  readonly #system: DiscoverySystem;
  readonly #log: Logger;
  readonly #update: (groups: TargetGroup[]) => void;
  readonly #signal: AbortSignal;

  constructor(
    config: KubernetesDiscoveryConfig,
    api: KubernetesApi,
    system: DiscoverySystem,
    log: Logger,
    update: (groups: TargetGroup[]) => void,
    signal: AbortSignal,
  ) {
    this.#config = config;
    this.#role = config.role as KubernetesRole;
    this.#api = api;
    this.#system = system;
    this.#log = log.with({ discovery: "kubernetes" });
    this.#update = update;
    this.#signal = signal;
  }

  async follow(namespace: string | undefined): Promise<void> {
    const attach = this.#config.attach_metadata;
    let main: Informer<KubernetesObject> | undefined;
    let isSynced = false;
    const rebuild = () => {
      if (isSynced && main !== undefined) this.#update([...main.objects.values()].map(build));
    };
    /** Objects that others take labels from: a change makes all groups anew. */
    const side = (role: KubernetesRole | undefined, resource: GroupVersionResource, wanted = true) => {
      if (!wanted) return undefined;
      return this.#inform(role, resource, resource === RESOURCES.nodes ? undefined : namespace, {
        onAdd: rebuild,
        onUpdate: (object, previous) => {
          if (isRelevant(object, previous)) rebuild();
        },
        onDelete: rebuild,
      });
    };
    const isEndpoints = this.#role === "endpoints" || this.#role === "endpointslice";
    const sides = {
      pods: side("pod", RESOURCES.pods, isEndpoints),
      services: side("service", RESOURCES.services, isEndpoints),
      nodes: side("node", RESOURCES.nodes, attach?.node === true && this.#role !== "node"),
      namespaces: attach?.namespace
        ? this.#inform(undefined, RESOURCES.namespaces, undefined, {
            // One that comes or goes does so with what is in it.
            onUpdate: (object, previous) => {
              if (isRelevant(object, previous)) rebuild();
            },
          })
        : undefined,
      replicaSets: side(undefined, RESOURCES.replicaSets, attach?.deployment === true),
      jobs: side(undefined, RESOURCES.jobs, attach?.cronjob === true),
    };
    const finder = (informer: Informer<KubernetesObject> | undefined) =>
      informer === undefined ? undefined : (key: string) => informer.objects.get(key);
    const lookup: Lookup = {
      pod: finder(sides.pods) ?? (() => undefined),
      service: finder(sides.services) ?? (() => undefined),
      node: finder(sides.nodes),
      namespace: finder(sides.namespaces),
      replicaSet: finder(sides.replicaSets),
      job: finder(sides.jobs),
      jobNames: attach?.job === true,
    };
    const build = (object: KubernetesObject) => buildGroup(this.#role, object, lookup);
    await Promise.all(Object.values(sides).map((informer) => informer?.synced));
    const scope = this.#role === "node" ? undefined : namespace;
    main = this.#inform(this.#role, RESOURCE_OF[this.#role], scope, {
      onAdd: (object) => isSynced && this.#update([build(object)]),
      onUpdate: (object) => isSynced && this.#update([build(object)]),
      onDelete: (object) => this.#update([{ source: sourceOf(this.#role, object), targets: [], labels: {} }]),
    });
    await main.synced;
    isSynced = true;
    rebuild();
  }

  #inform(
    role: KubernetesRole | undefined,
    resource: GroupVersionResource,
    namespace: string | undefined,
    handlers: {
      onAdd?: (object: KubernetesObject) => void;
      onUpdate?: (object: KubernetesObject, previous: KubernetesObject) => void;
      onDelete?: (object: KubernetesObject) => void;
    },
  ): Informer<KubernetesObject> {
    const { metrics } = this.#system;
    const counted = (event: string) => role !== undefined && metrics.kubernetesEvents.add(1, event, role);
    const selector = this.#config.selectors?.find((each) => each.role === role);
    return startInformer({
      api: this.#api,
      clock: this.#system.clock,
      resource,
      select: {
        ...(namespace === undefined ? {} : { namespace }),
        ...(selector?.label ? { labelSelector: selector.label } : {}),
        ...(selector?.field ? { fieldSelector: selector.field } : {}),
      },
      signal: this.#signal,
      onAdd: (object) => {
        counted("add");
        handlers.onAdd?.(object);
      },
      onUpdate: (object, previous) => {
        counted("update");
        handlers.onUpdate?.(object, previous);
      },
      onDelete: (object) => {
        counted("delete");
        handlers.onDelete?.(object);
      },
      onError: (error, retryMs) => {
        metrics.kubernetesFailures.add(1);
        this.#log.error("failed to list or watch", {
          resource: resource.resource,
          err: error,
          retry_ms: retryMs,
        });
      },
    });
  }
}

/** Heartbeats change an object every few seconds and no label with it. */
function isRelevant(object: KubernetesObject, previous: KubernetesObject): boolean {
  const shown = (each: KubernetesObject) => {
    const { labels, annotations, ownerReferences } = each.metadata;
    const { podIP, hostIP, phase, conditions } = each.status ?? {};
    const ready = (conditions ?? []).map(
      (one: { type: string; status: string }) => `${one.type}${one.status}`,
    );
    return JSON.stringify([
      objectKey(each),
      labels,
      annotations,
      ownerReferences,
      podIP,
      hostIP,
      phase,
      ready,
      each.spec,
    ]);
  };
  return shown(object) !== shown(previous);
}
