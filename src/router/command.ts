/** `topology run router`: see `mod.ts`. */
import { parseArgs } from "node:util";
import { type HttpHandler, jsonResponse } from "../base/network.ts";
import { numberFlag, programCommand } from "../base/program-command.ts";
import type { System } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { CONTENT_TYPES, negotiateFormat, renderExposition } from "../telemetry/mod.ts";
import { externalScalerHandler } from "../wire/keda/external-scaler.ts";
import { createInClusterClient, inClusterNamespace } from "../wire/kubernetes/in-cluster.ts";
import { MembershipClient, membershipName } from "../wire/kubernetes/tier-membership.ts";
import { MAX_PENDING, MAX_WAIT_MS, Router } from "./router.ts";
import { RouterMetrics } from "./router-metrics.ts";
import { TierScaler } from "./tier-scaler.ts";

const USAGE = `usage: topology run router [flags]

  --port PORT           HTTP: requests of tenants, /metrics, /healthz and /readyz (default 8080)
  --scaler-port PORT    gRPC: KEDA's external-push scaler (default 6000)
  --host ADDRESS        to listen on (default 0.0.0.0)
  --tier NAME           the tier whose pods get the requests (default small, or the environment's TIER)
  --max-wait SECONDS    a request waits this long for its tenant's pod (default ${MAX_WAIT_MS / 1000})
  --max-pending N       requests that wait at a time (default ${MAX_PENDING})
`;

const FLAGS = {
  port: { type: "string", default: "8080" },
  "scaler-port": { type: "string", default: "6000" },
  host: { type: "string", default: "0.0.0.0" },
  tier: { type: "string" },
  "max-wait": { type: "string", default: String(MAX_WAIT_MS / 1000) },
  "max-pending": { type: "string", default: String(MAX_PENDING) },
  help: { type: "boolean", default: false },
} as const;

export const command = programCommand({ name: "router", usage: USAGE, parse, run });

function parse(args: string[]) {
  const { values } = parseArgs({ args, options: FLAGS, strict: true });
  return {
    ...values,
    port: numberFlag("port", values.port, 0, 65_535),
    scalerPort: numberFlag("scaler-port", values["scaler-port"], 0, 65_535),
    maxWaitMs: numberFlag("max-wait", values["max-wait"], 0, 3_600) * 1000,
    maxPending: numberFlag("max-pending", values["max-pending"], 0, 1_000_000),
  };
}

/** Requests that run when the router ends have this long to finish, which those that wait may need. */
const DRAIN_MS = MAX_WAIT_MS + 5_000;

async function run(values: ReturnType<typeof parse>, system: System): Promise<void> {
  const { clock, random, log, network, env, signal } = system;
  const tier = values.tier ?? env["TIER"] ?? "small";
  const namespace = env["POD_NAMESPACE"] ?? (await inClusterNamespace(system));
  const api = await createInClusterClient(system);
  const following = new AbortController();
  const membership = new MembershipClient({
    api,
    clock,
    random,
    log,
    namespace,
    name: membershipName(tier),
    signal: following.signal,
  });
  let known = false;
  void membership.follow().then(() => (known = true));
  const metrics = new RouterMetrics(clock, tier, {
    pending: () => router.pending,
    epoch: () => membership.current.epoch,
  });
  const router = new Router({ clock, random, log, network, membership, metrics, ...values });
  const handler = handlerOf(router, metrics, () => known && !signal.aborted);
  const server = await network.serve({ host: values.host, port: values.port }, handler);
  const scaler = new TierScaler({
    clock,
    network,
    pending: { count: () => router.pending, onChange: (listener) => router.onPending(listener) },
    membership: () => membership.current,
  });
  const scalerServer = await network.serve(
    { host: values.host, port: values.scalerPort, protocol: "h2c" },
    externalScalerHandler(scaler, {
      onError: (error, path) => log.warn("scaler call failed", { path, error }),
    }),
  );
  log.info("routing", { address: `${server.host}:${server.port}`, scaler_port: scalerServer.port, tier });
  await untilAborted(signal);
  scaler.close();
  await Promise.all([server.close(DRAIN_MS), scalerServer.close()]);
  following.abort(new Error("the router has ended"));
}

function handlerOf(router: Router, metrics: RouterMetrics, ready: () => boolean): HttpHandler {
  return (request) => {
    const path = request.target.split("?", 1)[0];
    if (path === "/healthz") return jsonResponse(200, { status: "ok" });
    if (path === "/readyz") {
      return ready() ? jsonResponse(200, { status: "ready" }) : jsonResponse(503, { status: "not ready" });
    }
    if (path === "/metrics") {
      const format = negotiateFormat(request.headers["accept"]);
      const body = renderExposition(metrics.registry.collect(), format);
      return { status: 200, headers: { "content-type": CONTENT_TYPES[format] }, body };
    }
    return router.handle(request);
  };
}
