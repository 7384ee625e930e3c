/** The operator put together: what `topology run keda-operator` starts, and what virtual time runs in process. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { HttpHandler, Network } from "../base/network.ts";
import type { Runtime } from "../base/runtime.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { createEventSeriesRecorder } from "../wire/kubernetes/event-series-recorder.ts";
import { externalMetricsHandler } from "./external-metrics-api.ts";
import { KedaMetrics } from "./keda-metrics.ts";
import { refuseScaledJobs } from "./reconciler/scaled-job-refusal.ts";
import { ScaledObjectReconciler } from "./reconciler/scaled-object-reconciler.ts";
import { startAuthenticationReconcilers } from "./reconciler/trigger-authentication-reconciler.ts";
import { ScaleHandler } from "./scaling/scale-handler.ts";

/** The upstream version that this stands for. */
export const KEDA_VERSION = "2.20.2";
/** `KEDA_HTTP_DEFAULT_TIMEOUT` */
export const DEFAULT_HTTP_TIMEOUT_MS = 3_000;

export interface KedaOperatorOptions {
  api: KubernetesApi;
  network: Network;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Where the operator runs: secrets of ClusterTriggerAuthentications are there. @default "keda" */
  operatorNamespace?: string;
  /** Reads a file below `--filepath-auth-root-path`. @default there is none */
  readAuthFile?: (path: string) => Promise<string>;
  /** `KEDA_RESTRICT_SECRET_ACCESS`: Secrets are read in the operator's namespace only. @default false */
  restrictSecretAccess?: boolean;
  /** `WATCH_NAMESPACE`. @default all */
  watchNamespace?: string;
  /** @default DEFAULT_HTTP_TIMEOUT_MS */
  httpTimeoutMs?: number;
  /** `--enable-high-cardinality-metrics-labels`. @default false */
  hasHighCardinalityLabels?: boolean;
  /** For `keda_build_info`. @default not told */
  runtime?: Runtime;
  /** In events, to tell which operator says so. @default "0" */
  hostname?: string;
}

export interface KedaOperator {
  /** Answers `external.metrics.k8s.io`. */
  externalMetrics: HttpHandler;
  /** Answers `/metrics`. */
  metrics: KedaMetrics;
  /** What stands in a namespace, as far as it is known. */
  known: ScaledObjectReconciler["known"];
  /** Resolves when the ScaledObjects of the cluster are known. */
  started: Promise<void>;
}

/** Runs until the signal aborts. */
export function startKedaOperator(options: KedaOperatorOptions): KedaOperator {
  const { api, clock, log, signal } = options;
  const metrics = new KedaMetrics(KEDA_VERSION, options.hasHighCardinalityLabels, options.runtime);
  const events = createEventSeriesRecorder({
    api,
    clock,
    component: "keda-operator",
    instance: `keda-operator-${options.hostname ?? "0"}`,
    onError: (error) => log.debug("failed to record an event", { error }),
  });
  let reconciler: ScaledObjectReconciler | undefined;
  const handler = new ScaleHandler({
    api,
    network: options.network,
    clock,
    log,
    events,
    metrics,
    operatorNamespace: options.operatorNamespace ?? "keda",
    readAuthFile: options.readAuthFile,
    restrictSecretAccess: options.restrictSecretAccess,
    httpTimeoutMs: options.httpTimeoutMs ?? DEFAULT_HTTP_TIMEOUT_MS,
    latest: (key) => reconciler?.latest(key),
    onSpecsChanged: (key) => reconciler?.enqueue(key),
  });
  const namespace = options.watchNamespace || undefined;
  reconciler = new ScaledObjectReconciler({
    api,
    clock,
    log,
    events,
    metrics,
    handler,
    signal,
    namespace,
    version: KEDA_VERSION,
  });
  startAuthenticationReconcilers({ api, clock, log, events, metrics, signal, namespace });
  refuseScaledJobs({ api, clock, log, events, signal, namespace });
  signal.addEventListener("abort", () => handler.close(), { once: true });
  return {
    externalMetrics: externalMetricsHandler(handler.triggers, { clock, metrics }),
    metrics,
    known: (namespace) => reconciler.known(namespace),
    started: reconciler.start(),
  };
}
