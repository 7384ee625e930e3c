/**
 * kube-state-metrics: the state of the cluster's objects as metrics.
 *
 * Stands for kubernetes/kube-state-metrics v2.20: names, help, labels and the allow-list flags are upstream's, for
 * the kinds in `kind.ts`. Other kinds are refused by name in `--resources`.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type HttpResponse, textResponse } from "../base/network.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { startInformer } from "../wire/kubernetes/informer.ts";
import { type AllowLists, createKinds } from "./kind.ts";
import { MetricsStore } from "./metrics-store.ts";

export interface KubeStateMetricsOptions {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  allow: AllowLists;
  /** Resource names such as `pods`. @default all kinds */
  resources?: string[];
}

export interface KubeStateMetrics {
  /** All kinds are listed: from here on `/metrics` is complete. */
  ready: Promise<void>;
  /** The text of `/metrics`. */
  exposition(): string;
}

/** @throws Error that names a resource there is no kind for. */
export function startKubeStateMetrics(options: KubeStateMetricsOptions): KubeStateMetrics {
  const { api, clock, log, signal } = options;
  const kinds = createKinds(options.allow);
  const wanted = options.resources ?? [...kinds.keys()];
  const unknown = wanted.find((resource) => !kinds.has(resource));
  if (unknown !== undefined) {
    throw new Error(
      `resource ${unknown} does not exist. Available resources: ${[...kinds.keys()].join(", ")}`,
    );
  }
  const stores = wanted.map((resource) => {
    const kind = kinds.get(resource)!;
    const store = new MetricsStore(kind);
    const informer = startInformer({
      api,
      clock,
      signal,
      resource: kind.resource,
      onAdd: (object) => store.put(object),
      onUpdate: (object) => store.put(object),
      onDelete: (object) => store.remove(object),
      onError: (error, retryMs) => log.warn(`cannot follow ${resource}`, { error, retryMs }),
    });
    return { store, synced: informer.synced };
  });
  return {
    ready: Promise.all(stores.map(({ synced }) => synced)).then(() => {}),
    exposition: () => stores.map(({ store }) => [...store.exposition()].join("")).join(""),
  };
}

/** `/metrics`, `/healthz`, `/livez`, `/readyz` and an index, as upstream's main port has them. */
export function handleMetrics(metrics: KubeStateMetrics, target: string): HttpResponse {
  switch (target.split("?")[0]) {
    case "/metrics":
      return {
        ...textResponse(200, metrics.exposition()),
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      };
    case "/healthz":
    case "/livez":
    case "/readyz":
      return textResponse(200, "OK");
    case "/":
      return textResponse(200, "Kube-State-Metrics: see /metrics\n");
    default:
      return textResponse(404, "404 page not found\n");
  }
}
