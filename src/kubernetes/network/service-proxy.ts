/**
 * kube-proxy: listens at each Service's cluster IP and passes connections on to its ready endpoints, chosen at random.
 * Between two programs on one machine there is no packet to rewrite, hence a proxy ("userspace mode").
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type Random, randomInteger } from "../../base/random.ts";
import { joinSockets, type SocketAddress, type SocketServer, type Sockets } from "../../base/sockets.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { objectKey } from "../../wire/kubernetes/informer.ts";
import type { Informers } from "../controllers/controller.ts";
import type { EndpointSlice, Service, ServicePort } from "../types.ts";
import { isHeadless } from "./cluster-names.ts";

/** How long one endpoint may take to accept, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000;
/**
 * How long a connection waits while the Service has no ready endpoint, in milliseconds. Kubernetes refuses at once; here
 * a pod that comes up would make half a dozen others log errors for no reason.
 */
const NO_ENDPOINT_WAIT_MS = 250;

export interface ServiceProxyOptions {
  informers: Informers;
  sockets: Sockets;
  random: Random;
  clock: Clock;
  log: Logger;
}

export interface ServiceProxy {
  /** The endpoints that a connection to a Service's port may go to now. */
  endpoints(service: Service, port: ServicePort): SocketAddress[];
  /** Passes an open connection on to an endpoint; ends it when there is none. */
  connect(client: Duplex, service: Service, port: ServicePort): Promise<void>;
  close(): Promise<void>;
}

export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { informers, sockets, random, clock, log } = options;
  const slices = informers.of<EndpointSlice>(RESOURCES.endpointSlices);
  const listeners = new Map<string, { server: Promise<SocketServer | undefined>; address: string }>();
  let closed = false;

  function endpoints(service: Service, port: ServicePort): SocketAddress[] {
    const { namespace, name } = service.metadata;
    const all = slicesOf(slices.objects.values(), namespace!, name).flatMap((slice) => {
      const target = slice.ports?.find((candidate) => (candidate.name ?? "") === (port.name ?? ""));
      if (target?.port === undefined) return [];
      return (slice.endpoints ?? []).map(({ addresses, conditions = {} }) => ({
        at: { host: addresses[0], port: target.port! },
        conditions,
      }));
    });
    const ready = all.filter(({ conditions }) => conditions.ready !== false);
    // Those on their way out still serve where there is nobody else.
    const leaving = all.filter(({ conditions }) => conditions.serving && conditions.terminating);
    return (ready.length > 0 ? ready : leaving).map(({ at }) => at);
  }

  async function connect(client: Duplex, service: Service, port: ServicePort): Promise<void> {
    if (endpoints(service, port).length === 0) await clock.sleep(NO_ENDPOINT_WAIT_MS);
    const candidates = endpoints(service, port);
    while (candidates.length > 0 && !client.destroyed) {
      const [target] = candidates.splice(randomInteger(random, candidates.length), 1);
      const upstream = await sockets.connectTcp(target, CONNECT_TIMEOUT_MS).catch(() => undefined);
      if (upstream !== undefined) return joinSockets(client, upstream);
    }
    client.destroy();
  }

  function listen(service: Service, port: ServicePort): void {
    const key = `${objectKey(service)} ${service.spec.clusterIP}:${port.port}/${port.name ?? ""}`;
    if (listeners.has(key)) return;
    const at = { host: service.spec.clusterIP!, port: port.port };
    const server = sockets
      .listenTcp(at, (client) => void connect(client, service, port))
      .catch((error: unknown) => {
        log.error("cannot listen for Service", {
          service: objectKey(service),
          address: `${at.host}:${at.port}`,
          error,
        });
        return undefined;
      });
    listeners.set(key, { server, address: `${at.host}:${at.port}` });
  }

  function sync(service: Service | undefined, previous: Service | undefined): void {
    if (closed) return;
    const name = objectKey((service ?? previous)!);
    const wanted = new Set<string>();
    if (service !== undefined && hasClusterIp(service)) {
      for (const port of service.spec.ports ?? []) {
        if ((port.protocol ?? "TCP") !== "TCP") continue;
        wanted.add(`${name} ${service.spec.clusterIP}:${port.port}/${port.name ?? ""}`);
      }
    }
    const unwanted = [...listeners].filter(([key]) => key.startsWith(`${name} `) && !wanted.has(key));
    for (const [key, { server }] of unwanted) {
      listeners.delete(key);
      void server.then((open) => open?.close());
    }
    if (service === undefined) return;
    for (const port of service.spec.ports ?? []) {
      if (wanted.has(`${name} ${service.spec.clusterIP}:${port.port}/${port.name ?? ""}`))
        listen(service, port);
    }
  }

  informers.onChange<Service>(RESOURCES.services, sync);
  return {
    endpoints,
    connect,
    async close() {
      closed = true;
      const servers = await Promise.all([...listeners.values()].map(({ server }) => server));
      listeners.clear();
      await Promise.all(servers.map((server) => server?.close()));
    },
  };
}

/** The slices of one Service. */
export function slicesOf(
  slices: Iterable<EndpointSlice>,
  namespace: string,
  service: string,
): EndpointSlice[] {
  return [...slices].filter(
    ({ metadata }) =>
      metadata.namespace === namespace && metadata.labels?.["kubernetes.io/service-name"] === service,
  );
}

function hasClusterIp(service: Service): boolean {
  return service.spec.type !== "ExternalName" && !isHeadless(service) && Boolean(service.spec.clusterIP);
}
