/**
 * `topology run keda-operator`, with upstream's flags: the operator and, on ports of their own, the metrics adapter and
 * the admission webhooks.
 */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { isMissing } from "../base/disk.ts";
import type { LogLevel } from "../base/log.ts";
import { type HttpHandler, jsonResponse, type TlsIdentity, textResponse } from "../base/network.ts";
import { RUNTIME } from "../base/runtime.ts";
import type { Command, System } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { createInClusterClient, inClusterNamespace } from "../wire/kubernetes/in-cluster.ts";
import { DEFAULT_BURST, DEFAULT_QPS, throttledApi } from "../wire/kubernetes/throttled-api.ts";
import { type CommandFlags, parseCommandFlags } from "./command-flags.ts";
import { createKedaLog } from "./keda-log.ts";
import { DEFAULT_HTTP_TIMEOUT_MS, KEDA_VERSION, startKedaOperator } from "./keda-operator.ts";
import { minTlsVersion, readAuthorities, trustingNetwork } from "./scaler-trust.ts";
import { admissionWebhookHandler } from "./webhook/admission-webhook.ts";
import { publishAuthority } from "./webhook/webhook-authority.ts";

/** `--port` of upstream's webhooks, which have a program of their own there. */
const WEBHOOK_PORT = 9443;

const LEVELS: Record<string, LogLevel> = { debug: "debug", info: "info", error: "error", "1": "debug" };

export const command: Command = async (args, system) => {
  let flags: CommandFlags;
  try {
    flags = parseCommandFlags(args);
  } catch (error) {
    system.log.error((error as Error).message);
    return 2;
  }
  const log = createKedaLog({
    clock: system.clock,
    write: (line) => system.print(`${line}\n`),
    level: LEVELS[flags["zap-log-level"]] ?? "info",
    encoder: flags["zap-encoder"] === "json" ? "json" : "console",
  });
  const setup = log.with({ logger: "setup" });
  setup.info("Starting manager");
  setup.info(`KEDA Version: ${KEDA_VERSION}`);
  const { network, clock, env, signal } = system;
  const limit = {
    clock,
    qps: Number(flags["kube-api-qps"]) || DEFAULT_QPS,
    burst: Number(flags["kube-api-burst"]) || DEFAULT_BURST,
  };
  const api = await createInClusterClient(system);
  const trust = {
    authorities: await readAuthorities(system.disk, flags["ca-dir"], log),
    minTlsVersion: minTlsVersion(env.KEDA_HTTP_MIN_TLS_VERSION, log),
  };
  const operator = startKedaOperator({
    api: throttledApi(api, limit),
    network: trustingNetwork(network, trust),
    clock,
    log,
    signal,
    operatorNamespace:
      env.KEDA_CLUSTER_OBJECT_NAMESPACE ?? env.POD_NAMESPACE ?? (await inClusterNamespace(system)),
    watchNamespace: env.WATCH_NAMESPACE,
    restrictSecretAccess: env.KEDA_RESTRICT_SECRET_ACCESS?.toLowerCase() === "true",
    httpTimeoutMs: Number(env.KEDA_HTTP_DEFAULT_TIMEOUT) || DEFAULT_HTTP_TIMEOUT_MS,
    hostname: env.HOSTNAME,
    runtime: RUNTIME,
    hasHighCardinalityLabels: flags["enable-high-cardinality-metrics-labels"] === "true",
    readAuthFile: authFileReader(flags["filepath-auth-root-path"], system),
  });
  const state = { ready: false };
  const { authority, ...tls } = await servingIdentity(flags["cert-dir"], system);
  // With no rate limit: the API server waits for the answer.
  const webhooks = admissionWebhookHandler({ ...operator, api, log });
  const servers = await Promise.all([
    network.serve(
      address(flags["metrics-bind-address"]),
      metricsHandler(() => operator.metrics.text()),
    ),
    network.serve(address(flags["health-probe-bind-address"]), healthHandler(state)),
    network.serve({ ...address(`:${flags["secure-port"]}`), tls }, operator.externalMetrics),
    network.serve({ ...address(`:${WEBHOOK_PORT}`), tls }, webhooks),
  ]);
  const configuration = flags["validating-webhook-name"];
  if (flags["enable-webhook-patching"] !== "false")
    await publishAuthority(api, configuration, authority).catch((error) => {
      // Until it is known the API server asks nobody, and lets everything in.
      setup.error("unable to update the webhook configuration", { name: configuration, error });
    });
  void operator.started.then(() => {
    state.ready = true;
    setup.info("Connection to the cluster has been successfully established");
  });
  await untilAborted(signal);
  await Promise.all(servers.map((server) => server.close()));
  return 0;
};

function authFileReader(root: string, { disk }: System): ((path: string) => Promise<string>) | undefined {
  if (root === "") return undefined;
  return async (path) => new TextDecoder().decode(await disk.readFile(`${root}/${path}`));
}

/** `:8080` and `127.0.0.1:8080` */
function address(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon) || "0.0.0.0", port: Number(text.slice(colon + 1)) };
}

function metricsHandler(metrics: () => string): HttpHandler {
  return ({ target }) =>
    target.split("?")[0] === "/metrics"
      ? textResponse(200, metrics(), { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
      : textResponse(404, "404 page not found\n");
}

function healthHandler(state: { ready: boolean }): HttpHandler {
  return ({ target }) => {
    const path = target.split("?")[0];
    if (path === "/healthz") return textResponse(200, "ok");
    if (path === "/readyz") return state.ready ? textResponse(200, "ok") : textResponse(500, "not ready");
    return jsonResponse(404, { error: "not found" });
  };
}

const YEAR_MS = 365 * 24 * 3_600_000;
const HOSTS = ["keda-metrics-apiserver", "keda-admission-webhooks"].map((service) => `${service}.keda.svc`);

interface ServingIdentity extends TlsIdentity {
  /** PEM of whoever issued the certificate. */
  authority: string;
}

/** From the certificate directory, as cert-manager or the rotator fills it; self-signed when there is none. */
async function servingIdentity(directory: string, system: System): Promise<ServingIdentity> {
  const { disk, clock, random } = system;
  const read = async (name: string) => new TextDecoder().decode(await disk.readFile(`${directory}/${name}`));
  try {
    const [cert, key] = await Promise.all(["tls.crt", "tls.key"].map(read));
    return { cert, key, authority: await read("ca.crt").catch(() => cert) };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const { issueCertificate } = await import("../wire/x509/certificate.ts");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = clock.now();
  const request = {
    commonName: HOSTS[0],
    hosts: HOSTS.flatMap((host) => [host, `${host}.cluster.local`]),
    publicKey: createPublicKey(privateKey),
    isAuthority: false,
    notBeforeMs: now - 3_600_000,
    notAfterMs: now + YEAR_MS,
    serial: random.bytes(16),
  };
  const cert = issueCertificate(request, { commonName: HOSTS[0], privateKey });
  return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string, authority: cert };
}
