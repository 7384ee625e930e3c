/** The programs that pods of the topology run, by image: the same rooms as live, given a simulated `System`. */
import { type HttpHandler, jsonResponse } from "../../base/network.ts";
import type { System } from "../../base/system.ts";
import { untilAborted } from "../../base/until-aborted.ts";
import { FACTORIES, loadConfig, Service } from "../../collector/mod.ts";
import { startKedaOperator } from "../../keda/mod.ts";
import type { Probe } from "../../kubernetes/mod.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { parseFlags, startServer } from "../../prometheus/mod.ts";
import { Router, RouterMetrics, TierScaler } from "../../router/mod.ts";
import { CONTENT_TYPES, negotiateFormat, renderExposition } from "../../telemetry/mod.ts";
import { createJournalEngine, runTestDb, type TenantEngine } from "../../test-db/mod.ts";
import { externalScalerHandler } from "../../wire/keda/external-scaler.ts";
import { DEFAULT_BURST, DEFAULT_QPS, throttledApi } from "../../wire/kubernetes/throttled-api.ts";
import { MembershipClient, membershipName } from "../../wire/kubernetes/tier-membership.ts";
import { virtualOtlpExporter } from "./otlp-exporter.ts";
import { activeWindowMsOf } from "./world-objects.ts";

export interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value?: string }[];
  ports?: { name?: string; containerPort: number }[];
  startupProbe?: Probe;
  readinessProbe?: Probe;
  livenessProbe?: Probe;
}

export interface ProgramContext {
  system: System;
  api: KubernetesApi;
  pod: KubernetesObject;
  podIp: string;
  container: Container;
  env: Record<string, string>;
  /** Looks at the databases that a pod opens. */
  watchEngine: (engine: TenantEngine) => TenantEngine;
}

/** Runs until the system's signal aborts. Throws when it can't go on. */
export type PodProgram = (context: ProgramContext) => Promise<void>;

/** `percolate/test-db:0.1.0` → `percolate/test-db` */
export function repositoryOf(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

/** An image's program; undefined for images that virtual time has no program for. */
export function programOf(image: string): PodProgram | undefined {
  const repository = repositoryOf(image);
  return Object.hasOwn(PROGRAMS, repository) ? PROGRAMS[repository] : undefined;
}

const PROGRAMS: Record<string, PodProgram> = {
  "percolate/test-db": runTestDbPod,
  "percolate/router": runRouterPod,
  "prom/prometheus": runPrometheusPod,
  "ghcr.io/kedacore/keda": runKedaPod,
  "otel/opentelemetry-collector-contrib": runCollectorPod,
};

async function runTestDbPod(context: ProgramContext): Promise<void> {
  const { system, api, pod, podIp, container, env, watchEngine } = context;
  await runTestDb(
    {
      host: "0.0.0.0",
      port: 8000,
      dataDirectory: "/data",
      pod: pod.metadata.name,
      podIp,
      namespace: pod.metadata.namespace!,
      tier: env.TIER ?? "small",
      activeWindowMs: activeWindowMsOf(container.args),
      leaveLimitMs: 55_000,
      api,
      engine: watchEngine(createJournalEngine(system.disk)),
      exporter:
        env.OTEL_SDK_DISABLED === "true" ? undefined : virtualOtlpExporter(system.clock, system.network),
    },
    system,
  );
}

async function runRouterPod({ system, api, pod, env }: ProgramContext): Promise<void> {
  const { clock, random, log, network, signal } = system;
  const tier = env.TIER ?? "small";
  const following = new AbortController();
  const membership = new MembershipClient({
    api,
    clock,
    random,
    log,
    namespace: pod.metadata.namespace!,
    name: membershipName(tier),
    signal: following.signal,
  });
  let known = false;
  void membership.follow().then(() => (known = true));
  const metrics = new RouterMetrics(clock, tier, {
    pending: () => router.pending,
    epoch: () => membership.current.epoch,
  });
  const router = new Router({ clock, random, log, network, membership, metrics });
  const scaler = new TierScaler({
    clock,
    network,
    pending: { count: () => router.pending, onChange: (listener) => router.onPending(listener) },
    membership: () => membership.current,
  });
  const handler: HttpHandler = (request) => {
    const path = request.target.split("?", 1)[0];
    if (path === "/readyz") return jsonResponse(known && !signal.aborted ? 200 : 503, {});
    if (path === "/healthz") return jsonResponse(200, {});
    if (path !== "/metrics") return router.handle(request);
    const format = negotiateFormat(request.headers.accept);
    const body = renderExposition(metrics.registry.collect(), format);
    return { status: 200, headers: { "content-type": CONTENT_TYPES[format] }, body };
  };
  const servers = await Promise.all([
    network.serve({ host: "0.0.0.0", port: 8080 }, handler),
    network.serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, externalScalerHandler(scaler)),
  ]);
  await untilAborted(signal);
  scaler.close();
  await Promise.all(servers.map((server) => server.close(30_000)));
  following.abort(new Error("the router has ended"));
}

async function runPrometheusPod({ system, container }: ProgramContext): Promise<void> {
  const server = await startServer(parseFlags(container.args ?? []), system, () => {});
  await untilAborted(system.signal);
  await server.stop();
}

async function runKedaPod({ system, api, container }: ProgramContext): Promise<void> {
  const { clock, network, log, signal } = system;
  const limit = {
    clock,
    qps: numberFlag(container, "--kube-api-qps", DEFAULT_QPS),
    burst: numberFlag(container, "--kube-api-burst", DEFAULT_BURST),
  };
  const operator = startKedaOperator({ api: throttledApi(api, limit), clock, network, log, signal });
  let ready = false;
  const health: HttpHandler = ({ target }) => jsonResponse(target === "/readyz" && !ready ? 500 : 200, {});
  const servers = await Promise.all([
    network.serve({ host: "0.0.0.0", port: 6443 }, operator.externalMetrics),
    network.serve({ host: "0.0.0.0", port: 8081 }, health),
    network.serve({ host: "0.0.0.0", port: 8080 }, () => ({ status: 200, body: operator.metrics.text() })),
  ]);
  await operator.started;
  ready = true;
  await untilAborted(signal);
  await Promise.all(servers.map((server) => server.close()));
}

function numberFlag({ args = [] }: Container, flag: string, fallback: number): number {
  const given = args.findLast((arg) => arg.startsWith(`${flag}=`));
  return given === undefined ? fallback : Number(given.slice(flag.length + 1));
}

async function runCollectorPod({ system, container, env }: ProgramContext): Promise<void> {
  const { clock, random, network, disk, log, print, signal } = system;
  const uris = (container.args ?? []).map((arg) => arg.replace(/^--config=/, ""));
  const providers = { env: (name: string) => env[name] };
  const config = await loadConfig(uris, { disk, providers, factories: FACTORIES, warn: () => {} });
  const parts = { log, clock, random, network, disk, print, memoryUsage: () => 0 };
  const service = new Service(config, FACTORIES, parts);
  await service.start();
  await untilAborted(signal);
  await service.shutdown();
}
