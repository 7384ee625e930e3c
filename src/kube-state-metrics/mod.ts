/**
 * kube-state-metrics: the state of the cluster's objects as metrics.
 *
 * Stands for kubernetes/kube-state-metrics v2.20: its kinds, families, help, labels and order, and the flags in
 * `command.ts`, metrics of custom resources among them. Without its sharding and authentication of scrapes; those flags
 * are refused.
 * Different on purpose: it listens when every kind was listed or could not be, so that the first scrape is complete.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type HttpRequest, type HttpResponse, textResponse } from "../base/network.ts";
import { type KubernetesApi, type ListOptions, RESOURCES } from "../model/kubernetes-api.ts";
import { compareStrings } from "../model/labels.ts";
import { startInformer } from "../wire/kubernetes/informer.ts";
import type { ResourceConfig } from "./custom-resource/custom-resource-config.ts";
import {
  checkCustomResource,
  customResourceKind,
  type Definition,
  versionsMeant,
} from "./custom-resource/custom-resource-kind.ts";
import type { Family } from "./family.ts";
import { createFamilyFilter, type FamilyFilterOptions } from "./family-filter.ts";
import { checkResources, DEFAULT_RESOURCES, KINDS, type Kind } from "./kind.ts";
import { allowedKeys, type LabelAllowList } from "./label-allow-list.ts";
import { MetricsStore } from "./metrics-store.ts";

export interface KubeStateMetricsOptions {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** @default none */
  allow?: { labels?: LabelAllowList; annotations?: LabelAllowList };
  /** @default every family that is not opt-in */
  families?: FamilyFilterOptions;
  /** Resource names such as `pods`. @default upstream's default resources */
  resources?: string[];
  /** Of these namespaces only; kinds without namespaces are all listed. @default all */
  namespaces?: string[];
  /** Of all namespaces but these. @default none */
  namespacesDenied?: string[];
  /** Metrics of custom resources; `only`: of nothing else. @default none */
  customResources?: { config: ResourceConfig[]; only?: boolean };
}

export interface KubeStateMetrics {
  /** All kinds are listed, or failed once: from here on `/metrics` is as complete as it can be. */
  ready: Promise<void>;
  /** The text of `/metrics`, of the resources that pass. */
  exposition(wants?: (resource: string) => boolean, isOpenMetrics?: boolean): string;
}

/** @throws Error that names a resource there is no kind for, or a bad pattern */
export function startKubeStateMetrics(options: KubeStateMetricsOptions): KubeStateMetrics {
  const { allow = {}, customResources } = options;
  const resources = customResources?.only ? [] : [...new Set(options.resources ?? DEFAULT_RESOURCES)].sort();
  checkResources(resources);
  for (const list of [allow.labels, allow.annotations])
    checkResources([...(list?.keys() ?? [])].filter((resource) => resource !== "*"));
  const filter = createFamilyFilter(options.families ?? {});
  const stores = resources.map((resource) => {
    const kind = KINDS.get(resource)!;
    const store = new MetricsStore(kind, kind.families.filter(filter), {
      labels: allowedKeys(allow.labels ?? new Map(), resource),
      annotations: allowedKeys(allow.annotations ?? new Map(), resource),
    });
    const selections = kind.namespaced ? selectionsOf(options) : [{}];
    return {
      resource,
      store,
      settled: selections.map((select) => follow(options, kind, store, select)),
    };
  });
  const custom = startCustomStores(options, filter);
  return {
    ready: Promise.all([...stores.flatMap(({ settled }) => settled), custom.ready]).then(() => {}),
    exposition: (wants = () => true, isOpenMetrics = false) =>
      [...stores, ...custom.stores()]
        .sort((a, b) => compareStrings(a.resource, b.resource))
        .filter(({ resource }) => wants(resource))
        .map(({ store }) => [...store.exposition(isOpenMetrics)].join(""))
        .join(""),
  };
}

interface CustomStores {
  ready: Promise<unknown>;
  stores(): { resource: string; store: MetricsStore }[];
}

/** Follows what the configuration means as soon as it is defined, and until its definition goes. */
function startCustomStores(
  options: KubeStateMetricsOptions,
  filter: (family: Family) => boolean,
): CustomStores {
  const { api, clock, log, signal, customResources: { config = [] } = {} } = options;
  for (const resource of config) checkCustomResource(resource);
  const running = new Map<string, { resource: string; store: MetricsStore; stop: AbortController }[]>();
  if (config.length === 0) return { ready: Promise.resolve(), stores: () => [] };
  const onError = (name: string, error: Error) => log.error(name, { error });
  const settled: Promise<void>[] = [];
  const stop = ({ metadata }: Definition) => {
    for (const each of running.get(metadata.name) ?? []) each.stop.abort();
    running.delete(metadata.name);
  };
  const start = (definition: Definition) => {
    stop(definition);
    // The last one that means a version has it.
    const configs = new Map(
      config.flatMap((resource) =>
        versionsMeant(resource, definition).map((version) => [version, resource] as const),
      ),
    );
    const started = [...configs].map(([version, resource]) => {
      const kind = customResourceKind(resource, definition, version, onError);
      const store = new MetricsStore(kind, kind.families.filter(filter), {});
      const ends = new AbortController();
      const own = { ...options, signal: AbortSignal.any([signal, ends.signal]) };
      const selections = kind.namespaced ? selectionsOf(options) : [{}];
      settled.push(...selections.map((select) => follow(own, kind, store, select)));
      const name = `${kind.resource.group}/${version}, Resource=${kind.resource.resource}`;
      return { resource: name, store, stop: ends };
    });
    running.set(definition.metadata.name, started);
  };
  const failed = Promise.withResolvers<void>();
  const definitions = startInformer<Definition>({
    api,
    clock,
    signal,
    resource: RESOURCES.customResourceDefinitions,
    onAdd: start,
    onUpdate: (definition, previous) => {
      if (JSON.stringify(definition.spec) !== JSON.stringify(previous.spec)) start(definition);
    },
    onDelete: stop,
    onError: (error, retryMs) => {
      log.warn("cannot follow customresourcedefinitions", { error, retryMs });
      failed.resolve();
    },
  });
  return {
    ready: Promise.race([definitions.synced, failed.promise]).then(() => Promise.all(settled)),
    stores: () => [...running.values()].flat(),
  };
}

/** What to list: everything at once, or one namespace after the other. */
function selectionsOf({ namespaces = [], namespacesDenied = [] }: KubeStateMetricsOptions): ListOptions[] {
  const fieldSelector = namespacesDenied.map((name) => `metadata.namespace!=${name}`).join(",") || undefined;
  return namespaces.length === 0
    ? [{ fieldSelector }]
    : namespaces.map((namespace) => ({ namespace, fieldSelector }));
}

/** Keeps the store as the cluster is. Resolves at the first complete list or the first failure. */
function follow(
  { api, clock, log, signal }: KubeStateMetricsOptions,
  kind: Kind,
  store: MetricsStore,
  select: ListOptions,
): Promise<void> {
  const failed = Promise.withResolvers<void>();
  const informer = startInformer({
    api,
    clock,
    signal,
    select,
    resource: kind.resource,
    onAdd: (object) => store.put(object),
    onUpdate: (object) => store.put(object),
    onDelete: (object) => store.remove(object),
    onError: (error, retryMs) => {
      log.warn(`cannot follow ${kind.resource.resource}`, { error, retryMs });
      failed.resolve();
    },
  });
  return Promise.race([informer.synced, failed.promise]);
}

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** `/metrics`, `/healthz`, `/livez` and an index, as upstream's main port has them; `/readyz` is on the other port. */
export function handleMetrics(
  metrics: Pick<KubeStateMetrics, "exposition">,
  { target, headers }: Pick<HttpRequest, "target" | "headers">,
): HttpResponse {
  const url = new URL(target, "http://localhost");
  switch (url.pathname) {
    case "/metrics": {
      const openMetrics = openMetricsType(headers.accept);
      const text = metrics.exposition(resourceFilter(url.searchParams), openMetrics !== undefined);
      return {
        ...textResponse(200, openMetrics === undefined ? text : `${text}# EOF\n`),
        headers: { "content-type": openMetrics ?? TEXT },
      };
    }
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

/** `?resources=pods,nodes` and `?exclude_resources=secrets`, each also several times. */
function resourceFilter(parameters: URLSearchParams): (resource: string) => boolean {
  const set = (name: string) =>
    parameters.has(name)
      ? new Set(parameters.getAll(name).flatMap((value) => value.split(",").map((part) => part.trim())))
      : undefined;
  const [wanted, excluded] = [set("resources"), set("exclude_resources")];
  return (resource) => (wanted?.has(resource) ?? true) && !excluded?.has(resource);
}

const ESCAPINGS = new Set(["allow-utf-8", "underscores", "dots", "values"]);

/**
 * The content type when the scrape's first type that there is a format for is OpenMetrics, as prometheus/common
 * negotiates it: by quality, then in the order of the header.
 */
function openMetricsType(accept: string | undefined): string | undefined {
  const ranges = (accept ?? "").split(",").map((range) => {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const values = new Map(parameters.map((text) => text.split("=") as [string, string]));
    return { type, values, quality: Number(values.get("q") ?? 1) };
  });
  let escaping = "underscores";
  for (const { type, values } of ranges.sort((a, b) => b.quality - a.quality)) {
    const wanted = values.get("escaping");
    if (wanted !== undefined && ESCAPINGS.has(wanted)) escaping = wanted;
    const version = values.get("version") ?? "";
    if (type === "text/plain" && (version === "0.0.4" || version === "")) return undefined;
    if (type === "application/openmetrics-text" && ["0.0.1", "1.0.0", ""].includes(version)) {
      const answered = version === "1.0.0" ? "1.0.0" : "0.0.1";
      return `application/openmetrics-text; version=${answered}; charset=utf-8; escaping=${escaping}`;
    }
  }
  return undefined;
}
