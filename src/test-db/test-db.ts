/** The database pod put together: volume, custody, membership, server, telemetry, and the order of start and end. */
import type { HttpServer } from "../base/network.ts";
import type { System } from "../base/system.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { type ExporterFactory, ServiceTelemetry } from "../telemetry/mod.ts";
import { MembershipClient, membershipName } from "../wire/kubernetes/tier-membership.ts";
import { ActivityFile } from "./activity-file.ts";
import { Custody, type MembershipView } from "./custody.ts";
import { isScaledAway } from "./ending.ts";
import { createHttpPeers } from "./peers.ts";
import { createServer } from "./server.ts";
import { SingleMembership } from "./single-membership.ts";
import type { TenantEngine } from "./tenant-database.ts";
import { TenantVolume } from "./tenant-volume.ts";
import { rememberedMembership, type TierMembershipStore, TierPodLife } from "./tier-pod.ts";

export interface TestDbOptions {
  host: string;
  port: number;
  dataDirectory: string;
  pod: string;
  /** The address that other pods and the router reach this one by. */
  podIp: string;
  namespace: string;
  tier: string;
  /** Leaving takes no longer than this: less than the pod's termination grace period. */
  leaveLimitMs: number;
  activeWindowMs?: number;
  /** The cluster. Absent: a tier of one. */
  api?: KubernetesApi;
  engine: TenantEngine;
  exporter?: ExporterFactory;
}

/** Requests that run when the pod ends have this long to finish. */
const DRAIN_MS = 5_000;
/** Asking the API why, and telling it that the pod goes away, may take this long. */
const API_LIMIT_MS = 3_000;
/**
 * The SDK is loaded when the pod has been ready for this long: loading it holds up everything else, and a pod that was
 * woken by waiting requests has them to answer first.
 */
const CONNECT_DELAY_MS = 2_500;

type Membership = TierMembershipStore & MembershipView;

/** Runs until `system.signal` aborts and everything is handed over or settled. */
export async function runTestDb(options: TestDbOptions, system: System): Promise<void> {
  const { clock, random, disk, network } = system;
  const { engine, dataDirectory: directory, pod, tier } = options;
  const telemetry = new ServiceTelemetry({ ...options, clock, random, log: system.log, env: system.env });
  const { log } = telemetry;
  const following = new AbortController();
  const volume = new TenantVolume({ disk, random, engine, directory });
  await volume.load();
  const membership = await openMembership(options, system, following.signal);
  const activity = telemetry.activeTenants;
  const activityFile = new ActivityFile({ disk, clock, log, path: `${directory}/activity.json`, activity });
  // A copy in doubt counts too: where the tenant turns out to be elsewhere, it is forgotten with the copy.
  await activityFile.load((tenant) => volume.file(tenant) !== undefined);
  const peers = createHttpPeers(network);
  const kept = {
    touch: (tenant: string, atMs: number) => activity.touch(tenant, atMs),
    kept: () => activityFile.arrived(),
    lastSeenMs: (tenant: string) => activity.lastSeenMs(tenant),
    forget: (tenant: string) => activity.forget(tenant),
  };
  const custody = new Custody({ self: pod, clock, log, membership, volume, peers, activity: kept });
  let ending = false;
  const notReady = () =>
    ending ? "the pod is ending" : life?.joined ? undefined : "the pod has not joined yet";
  let life: TierPodLife | undefined;
  const handler = createServer({ clock, random, telemetry, custody, pod, tier, notReady });
  const server = await network.serve({ host: options.host, port: options.port }, handler);
  const address = `http://${options.podIp.includes(":") ? `[${options.podIp}]` : options.podIp}:${server.port}`;
  life = new TierPodLife({ name: pod, address, clock, disk, log, directory, membership, custody, volume });
  log.info("serving", { address, tenants: volume.tenants().length });
  activityFile.start();
  try {
    await joinTier(life, system, options);
    const connecting = clock.after(CONNECT_DELAY_MS, () => void telemetry.connect());
    await aborted(system.signal);
    connecting.cancel();
    ending = true;
    await endLife(life, options, system, telemetry);
  } finally {
    await close(server, custody, telemetry);
    await activityFile.stop();
    following.abort(new Error("the pod has ended"));
  }
}

async function openMembership(
  options: TestDbOptions,
  { clock, random, log, disk }: System,
  signal: AbortSignal,
): Promise<Membership> {
  const { api, namespace, tier, dataDirectory } = options;
  if (api === undefined) return new SingleMembership();
  const name = membershipName(tier);
  const remembered = await rememberedMembership(disk, dataDirectory);
  const client = new MembershipClient({ api, clock, random, log, namespace, name, signal, remembered });
  void client.follow();
  return client;
}

/** Joins, however long the API is away; ends early when the pod is asked to. */
async function joinTier(
  life: TierPodLife,
  { clock, log, signal }: System,
  { pod }: TestDbOptions,
): Promise<void> {
  const retryMs = 1_000;
  while (!signal.aborted && !life.joined) {
    try {
      await life.join();
    } catch (error) {
      if ((error as Error).name === "ForeignVolumeError") throw error;
      log.warn("cannot join the tier", { pod, error, retry_ms: retryMs });
      await clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function endLife(
  life: TierPodLife,
  { api, namespace, pod, leaveLimitMs }: TestDbOptions,
  { clock }: System,
  { log }: ServiceTelemetry,
): Promise<void> {
  const limit = new AbortController();
  const timer = clock.after(leaveLimitMs, () => limit.abort(new Error("the time to hand over is up")));
  try {
    const asking = api === undefined ? undefined : wantsToLeave(api, namespace, pod, log);
    // Without an answer it keeps its tenants, which is always safe.
    const away = life.joined && (await Promise.race([asking, clock.sleep(API_LIMIT_MS)])) === true;
    log.info(away ? "scaled away: handing over" : "ending: the tenants stay on the volume");
    const outcome = away ? await life.leave(limit.signal) : "stays";
    if (outcome === "last") log.info("the last pod of the tier: the tenants stay on the volume");
    if (outcome !== "left" && life.joined) {
      await Promise.race([life.goAway(), clock.sleep(API_LIMIT_MS)]);
    }
  } catch (error) {
    log.error("could not leave in order: the tenants stay on the volume", { error });
  } finally {
    timer.cancel();
    await life.stop();
  }
}

async function wantsToLeave(
  api: KubernetesApi,
  namespace: string,
  pod: string,
  log: ServiceTelemetry["log"],
): Promise<boolean> {
  try {
    return await isScaledAway(api, namespace, pod);
  } catch (error) {
    log.warn("cannot ask why the pod ends: it keeps its tenants", { error });
    return false;
  }
}

async function close(server: HttpServer, custody: Custody, telemetry: ServiceTelemetry): Promise<void> {
  await server.close(DRAIN_MS);
  await custody.close();
  await telemetry.shutdown();
}
