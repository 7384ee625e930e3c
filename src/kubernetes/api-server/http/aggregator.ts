/**
 * APIs that other servers serve: an APIService names the Service behind a group version, requests go there with the
 * user in headers (kube-aggregator). Also says in each APIService whether its server answers.
 */
import type { Clock } from "../../../base/clock.ts";
import type { HttpRequest, HttpResponse, Network, TlsIdentity } from "../../../base/network.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { apiVersionOf, type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus, statusError } from "../../../model/kubernetes-status.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { serviceEndpoint } from "../service-endpoint.ts";
import type { User } from "../user.ts";
import type { LegacyResource, RemoteGroup } from "./discovery.ts";
import type { RequestInfo } from "./request-info.ts";

const COLLECTION = "apiregistration.k8s.io/apiservices";
/** A server that does not answer discovery within this time is not available. */
export const DISCOVERY_TIMEOUT_MS = 5_000;
/** How long a server's resource list is believed. */
const DISCOVERY_CACHE_MS = 10_000;
const CHECK_INTERVAL_MS = 10_000;
const MAX_DISCOVERY_BYTES = 4 * 1024 * 1024;

interface ApiService extends KubernetesObject {
  spec: {
    group: string;
    version: string;
    service?: { namespace: string; name: string; port?: number };
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
  };
}

export interface AggregatorOptions {
  api: ClusterStore;
  network: Network;
  clock: Clock;
  /** By what the servers know that it is the API server who says which user asks. */
  identity?: TlsIdentity;
}

export class Aggregator {
  readonly #api: ClusterStore;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #identity: TlsIdentity | undefined;
  readonly #lists = new Map<string, { atMs: number; resources: Promise<LegacyResource[] | undefined> }>();

  constructor({ api, network, clock, identity }: AggregatorOptions) {
    this.#identity = identity;
    this.#api = api;
    this.#network = network;
    this.#clock = clock;
  }

  /** Looks after the status of APIServices until the signal aborts. */
  start(signal: AbortSignal): void {
    const check = () => void this.#checkAll().catch(() => {});
    const timer = this.#clock.every(CHECK_INTERVAL_MS, check);
    const { store } = this.#api.context;
    // What is served here is always available: only other servers are asked.
    const isRemote = ({ spec }: KubernetesObject) => spec?.service !== undefined;
    const listeners = [
      store.listen(COLLECTION, ({ object }) => isRemote(object) && Promise.resolve().then(check)),
      store.listen(
        "discovery.k8s.io/endpointslices",
        () => this.#remote().length > 0 && Promise.resolve().then(check),
      ),
    ];
    signal.addEventListener("abort", () => {
      timer.cancel();
      for (const stop of listeners) stop();
    });
    check();
  }

  groups(): RemoteGroup[] {
    return this.#remote().map((service) => ({
      group: service.spec.group,
      version: service.spec.version,
      resources: () => this.#resources(service),
    }));
  }

  /** Passes a request on when its group belongs to another server. */
  async handle(request: HttpRequest, info: RequestInfo, user: User): Promise<HttpResponse | undefined> {
    const service = this.#remote().find(
      ({ spec }) => spec.group === info.group && spec.version === info.version,
    );
    if (service === undefined) return undefined;
    const headers: Record<string, string> = {};
    for (const name of ["accept", "content-type", "user-agent"]) {
      if (request.headers[name] !== undefined) headers[name] = request.headers[name];
    }
    const hasBody = !["GET", "HEAD", "DELETE"].includes(request.method);
    try {
      const response = await this.#send(service, request.target, {
        method: request.method,
        headers,
        headerLines: userHeaders(user),
        body: hasBody ? request.body : undefined,
        signal: request.signal,
      });
      const type = response.headers["content-type"];
      return {
        status: response.status,
        headers: type === undefined ? {} : { "content-type": type },
        body: response.body,
      };
    } catch (error) {
      if (isStatus(error, "NotFound")) {
        throw statusError("ServiceUnavailable", "the server is currently unable to handle the request");
      }
      if (isStatus(error) || request.signal.aborted) throw error;
      throw statusError("ServiceUnavailable", `error trying to reach service: ${(error as Error).message}`);
    }
  }

  #remote(): ApiService[] {
    const all = [...this.#api.context.store.scan(COLLECTION)] as ApiService[];
    return all.filter(({ spec }) => spec?.service !== undefined);
  }

  #send(service: ApiService, target: string, options: Parameters<Network["fetch"]>[1]) {
    const { service: reference, caBundle } = service.spec;
    const { namespace, name, port = 443 } = reference!;
    const endpoint = serviceEndpoint(this.#api.context.store, namespace, name, port);
    // The certificate is for the Service's name and not for the endpoint's address: it is checked when there is an
    // authority to check it with, which is not so for servers that sign their own.
    const trust = caBundle ? { ca: Buffer.from(caBundle, "base64").toString() } : { insecure: true };
    return this.#network.fetch(`https://${endpoint.host}:${endpoint.port}${target}`, {
      ...options,
      ...trust,
      identity: this.#identity,
    });
  }

  #resources(service: ApiService): Promise<LegacyResource[] | undefined> {
    const key = service.metadata.name;
    const kept = this.#lists.get(key);
    const now = this.#clock.monotonic();
    if (kept !== undefined && now - kept.atMs < DISCOVERY_CACHE_MS) return kept.resources;
    const resources = this.#askResources(service);
    this.#lists.set(key, { atMs: now, resources });
    resources.then((found) => found === undefined && this.#lists.delete(key));
    return resources;
  }

  async #askResources(service: ApiService): Promise<LegacyResource[] | undefined> {
    try {
      const path = `/apis/${apiVersionOf(service.spec.group, service.spec.version)}`;
      const response = await this.#send(service, path, {
        headers: { accept: "application/json" },
        headerLines: userHeaders({ name: "system:aggregator", groups: ["system:masters"] }),
        timeoutMs: DISCOVERY_TIMEOUT_MS,
      });
      if (response.status !== 200) return undefined;
      const list = JSON.parse(await response.text(MAX_DISCOVERY_BYTES)) as { resources?: LegacyResource[] };
      return list.resources ?? [];
    } catch {
      return undefined;
    }
  }

  async #checkAll(): Promise<void> {
    for (const service of [...this.#api.context.store.scan(COLLECTION)] as ApiService[]) {
      if (service.spec.service === undefined && service.status !== undefined) continue;
      const [status, reason, message] = await this.#availability(service);
      await this.#report(service, status, reason, message);
    }
  }

  async #availability(service: ApiService): Promise<[status: string, reason: string, message: string]> {
    const { spec } = service;
    if (spec.service === undefined) return ["True", "Local", "Local APIServices are always available"];
    const { namespace, name, port = 443 } = spec.service;
    try {
      serviceEndpoint(this.#api.context.store, namespace, name, port);
    } catch (error) {
      if (isStatus(error, "NotFound")) {
        return ["False", "ServiceNotFound", `service/${name} in ${JSON.stringify(namespace)} is not present`];
      }
      const message = `endpoints for service/${name} in ${JSON.stringify(namespace)} have no addresses with port name ""`;
      return ["False", "MissingEndpoints", message];
    }
    if ((await this.#resources(service)) !== undefined) return ["True", "Passed", "all checks passed"];
    return ["False", "FailedDiscoveryCheck", "failing or missing response from the server"];
  }

  async #report(service: ApiService, status: string, reason: string, message: string): Promise<void> {
    const known = (service.status?.conditions ?? []).find(
      (each: { type: string }) => each.type === "Available",
    );
    if (known?.status === status && known.reason === reason) return;
    const lastTransitionTime =
      known?.status === status ? known.lastTransitionTime : kubernetesTime(this.#clock.now());
    const conditions = [{ type: "Available", status, reason, message, lastTransitionTime }];
    try {
      await this.#api.updateStatus(RESOURCES.apiServices, { ...service, status: { conditions } });
    } catch (error) {
      if (!isStatus(error, "Conflict", "NotFound")) throw error;
    }
  }
}

/** How an aggregated server learns who is asking (request-header authentication). */
function userHeaders(user: User): Record<string, string[]> {
  return { "x-remote-user": [user.name], "x-remote-group": [...user.groups] };
}
