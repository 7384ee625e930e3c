/** Puts the API server together: storage, identity, handler, upgrades. */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import { isMissing } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { HttpHandler, HttpServer, Network, TlsIdentity, UpgradeHandler } from "../../base/network.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { type Random, randomHex } from "../../base/random.ts";
import type { Issuer } from "../../wire/x509/certificate.ts";
import type { PodRuntime } from "../pod-runtime.ts";
import { createAuthenticator } from "./authenticate.ts";
import { bootstrapCluster } from "./bootstrap.ts";
import { clusterIdentity } from "./certificate-authority.ts";
import { ClusterStore } from "./cluster-store.ts";
import { startLocalApiServices } from "./custom/local-api-services.ts";
import { Aggregator } from "./http/aggregator.ts";
import { createApiHandler } from "./http/api-handler.ts";
import { type FieldDescriptions, readFieldDescriptions } from "./http/field-descriptions.ts";
import { METRICS_GROUP, metricsResponse } from "./http/metrics-api.ts";
import { proxyResponse } from "./http/proxy-handler.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { ObjectLog } from "./object-log.ts";
import { ServiceAccountTokens } from "./service-account-token.ts";
import type { ServiceAddresses } from "./service-addresses.ts";
import { createUpgradeHandler } from "./streaming/upgrade-handler.ts";

export interface ApiServerOptions {
  clock: Clock;
  random: Random;
  disk: Disk;
  network: Network;
  log: Logger;
  /** Objects are kept in `objects/`, keys and certificates in `pki/`, the administrator's token in `admin.token`. */
  directory: string;
  /** Addresses under which clients reach the server, besides 127.0.0.1, localhost and `kubernetes.default.svc`. */
  hosts?: readonly string[];
  /** Where cluster IPs come from. @default Services get none */
  serviceAddresses?: ServiceAddresses;
}

export interface ApiServer {
  api: ClusterStore;
  handler: HttpHandler;
  upgrade: UpgradeHandler;
  tls: TlsIdentity;
  /** PEM of the cluster's authority. */
  ca: string;
  /** What signs certificates that the cluster issues. */
  signer: Issuer;
  adminToken: string;
  /** Where logs, exec and figures come from: set when the kubelet is there. */
  setRuntime(runtime: PodRuntime): void;
  /** Serves at an address; more than one is possible. */
  listen(at: { host: string; port: number }): Promise<HttpServer>;
  /** A kubeconfig with the administrator's token, to be written with mode 0600. */
  kubeconfig(server: string): string;
  /** Ends watches and makes everything durable. */
  close(): Promise<void>;
}

const CLUSTER_HOSTS = [
  "127.0.0.1",
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, random, disk, network, log, directory, serviceAddresses } = options;
  const hosts = [...CLUSTER_HOSTS, ...(options.hosts ?? [])];
  await disk.makeDirectory(directory, { mode: 0o700 });
  const identity = await clusterIdentity({ disk, clock, random, directory: `${directory}/pki`, hosts });
  const adminToken = await tokenAt(disk, random, `${directory}/admin.token`);
  const objects = await ObjectLog.open(disk, clock, `${directory}/objects`, (error) =>
    log.error("objects not made durable", { error }),
  );
  const api = new ClusterStore({
    clock,
    random,
    log,
    changeLog: objects.log,
    restore: objects.objects,
    firstRevision: objects.firstRevision,
    serviceAddresses,
  });
  const { store } = api.context;
  objects.log.attach(store);
  const tokens = new ServiceAccountTokens(identity.tokenKey, clock);
  api.context.tokens = tokens;
  api.context.network = network;
  await bootstrapCluster(api, identity);
  startLocalApiServices(api);
  const stop = new AbortController();
  const aggregator = new Aggregator({ api, network, clock, identity: identity.frontProxy.tls });
  aggregator.start(stop.signal);
  const authenticator = createAuthenticator(adminToken, tokens, store);
  let runtime: PodRuntime | undefined;
  let descriptions: Promise<FieldDescriptions> | undefined;
  let address = "127.0.0.1";
  const handler = createApiHandler({
    api,
    authenticator,
    discovery: {
      resources: () => api.context.registry.all(),
      remoteGroups: () => [METRICS_GROUP, ...aggregator.groups()],
      serverAddress: () => address,
    },
    clock,
    log,
    documents: new Map(),
    // Read when someone asks for the first time.
    descriptions: () => (descriptions ??= readFieldDescriptions(disk, PACKAGE_ROOT)),
    runtime: () => runtime,
    elsewhere: async (request, info, user) =>
      (await metricsResponse(info, store, runtime, request.headers.accept)) ??
      (await proxyResponse(request, info, store, network)) ??
      aggregator.handle(request, info, user),
    stopping: stop.signal,
  });
  const upgrade = createUpgradeHandler({ api, authenticator, runtime: () => runtime, clock, log });
  const servers: HttpServer[] = [];
  return {
    api,
    handler,
    upgrade,
    tls: identity.tls,
    ca: identity.ca,
    signer: identity.signer,
    adminToken,
    setRuntime(given) {
      runtime = given;
    },
    async listen(at) {
      const trust = { tls: identity.tls, clientCa: identity.ca, isClientCertificateOptional: true };
      const server = await network.serve({ ...at, ...trust, onUpgrade: upgrade }, handler);
      servers.push(server);
      address = `${server.host}:${server.port}`;
      return server;
    },
    kubeconfig: (server) => kubeconfig({ server, ca: identity.ca, token: adminToken }),
    async close() {
      stop.abort();
      await Promise.all(servers.map((server) => server.close()));
      await objects.log.close();
    },
  };
}

/** The token of an earlier run, or a new one. */
async function tokenAt(disk: Disk, random: Random, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await disk.readFile(path)).trim();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const token = randomHex(random, 32);
  await disk.writeFile(path, `${token}\n`, { mode: 0o600 });
  return token;
}
