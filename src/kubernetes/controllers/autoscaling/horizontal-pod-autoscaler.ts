/**
 * The HorizontalPodAutoscaler controller (kubernetes `pkg/controller/podautoscaler/horizontal.go`). Each HPA is
 * looked at when it is new, when its spec has changed, and every sync period. At 1.28 the first look was one period
 * after it was seen, and changes waited for the next turn.
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, parseApiVersion } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import {
  formatSelector,
  matchesSelector,
  parseSelector,
  type Selector,
} from "../../../model/label-selector.ts";
import { createEventRecorder, type EventRecorder } from "../../../wire/kubernetes/event-recorder.ts";
import { startInformer } from "../../../wire/kubernetes/informer.ts";
import {
  type AutoscalerMemory,
  newAutoscalerMemory,
  rememberScaling,
} from "./horizontal-pod-autoscaler-behavior.ts";
import {
  type AutoscalerEvent,
  type AutoscalerSettings,
  type Decision,
  decide,
  recordFailedRescale,
  recordRescale,
  setCondition,
} from "./horizontal-pod-autoscaler-decision.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import type {
  AutoscaledPod,
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerStatus,
  Scale,
} from "./horizontal-pod-autoscaler-types.ts";

/** `--horizontal-pod-autoscaler-sync-period` */
export const DEFAULT_SYNC_PERIOD_MS = 15_000;
/** `--concurrent-horizontal-pod-autoscaler-syncs` */
const CONCURRENT_SYNCS = 5;
/** Somebody else may set the scale at the same time: so often it is read and set again. */
const MAX_SCALE_ATTEMPTS = 5;

export interface AutoscalerControllerOptions extends AutoscalerSettings {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  metrics: MetricsClient;
  signal: AbortSignal;
  /** @default DEFAULT_SYNC_PERIOD_MS */
  syncPeriodMs?: number;
  /** Sees every decision, for `topology up`'s list of scaling events and for simulations. */
  onDecision?: (hpa: HorizontalPodAutoscaler, decision: Decision, scale: Scale) => void;
}

/** Runs until the signal aborts. */
export function startHorizontalPodAutoscalerController(options: AutoscalerControllerOptions): {
  stopped: Promise<void>;
} {
  const controller = new Controller(options);
  return { stopped: controller.stopped };
}

interface Tracked {
  timer?: Timer;
  /** In the queue or at work; `again` when it changed meanwhile. */
  state: "resting" | "waiting" | "running" | "again";
  memory?: AutoscalerMemory;
  /** The pods that it scales, for finding two HPAs on the same. */
  selector?: Selector;
}

class Controller {
  readonly stopped: Promise<void>;
  readonly #options: AutoscalerControllerOptions;
  readonly #events: EventRecorder;
  readonly #hpas: ReadonlyMap<string, HorizontalPodAutoscaler>;
  readonly #tracked = new Map<string, Tracked>();
  readonly #waiting: string[] = [];
  #running = 0;

  constructor(options: AutoscalerControllerOptions) {
    this.#options = options;
    const { api, clock, signal, log } = options;
    this.#events = createEventRecorder({ api, clock, component: "horizontal-pod-autoscaler" });
    const keyOf = ({ metadata }: KubernetesObject) => `${metadata.namespace}/${metadata.name}`;
    const informer = startInformer<HorizontalPodAutoscaler>({
      api,
      clock,
      signal,
      resource: RESOURCES.horizontalPodAutoscalers,
      onAdd: (hpa) => this.#track(keyOf(hpa)),
      onUpdate: (hpa, previous) => {
        if (hpa.metadata.generation !== previous.metadata.generation) this.#syncAtOnce(keyOf(hpa));
      },
      onDelete: (hpa) => this.#forget(keyOf(hpa)),
      onError: (error) => log.warn("watch of horizontalpodautoscalers failed", { error }),
    });
    this.#hpas = informer.objects;
    this.stopped = new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        for (const { timer } of this.#tracked.values()) timer?.cancel();
        resolve();
      });
    });
  }

  #track(key: string): void {
    this.#tracked.set(key, { state: "resting" });
    if (this.#options.version === "1.28") this.#scheduleNext(key);
    else this.#enqueue(key);
  }

  #forget(key: string): void {
    this.#tracked.get(key)?.timer?.cancel();
    this.#tracked.delete(key);
  }

  #syncAtOnce(key: string): void {
    if (this.#options.version !== "1.28") this.#enqueue(key);
  }

  #enqueue(key: string): void {
    const tracked = this.#tracked.get(key);
    if (tracked === undefined || this.#options.signal.aborted) return;
    if (tracked.state === "running") tracked.state = "again";
    if (tracked.state !== "resting") return;
    tracked.state = "waiting";
    tracked.timer?.cancel();
    this.#waiting.push(key);
    this.#work();
  }

  #scheduleNext(key: string): void {
    const tracked = this.#tracked.get(key);
    const { clock, signal, syncPeriodMs = DEFAULT_SYNC_PERIOD_MS } = this.#options;
    if (tracked === undefined || signal.aborted) return;
    tracked.timer?.cancel();
    tracked.timer = clock.after(syncPeriodMs, () => this.#enqueue(key));
  }

  #work(): void {
    while (this.#running < CONCURRENT_SYNCS && this.#waiting.length > 0) {
      const key = this.#waiting.shift()!;
      const tracked = this.#tracked.get(key);
      if (tracked === undefined) continue;
      tracked.state = "running";
      this.#running++;
      void this.#syncKey(key).finally(() => {
        this.#running--;
        const isChanged = tracked.state === "again";
        tracked.state = "resting";
        if (isChanged) this.#enqueue(key);
        else this.#scheduleNext(key);
        this.#work();
      });
    }
  }

  async #syncKey(key: string): Promise<void> {
    const hpa = this.#hpas.get(key);
    const tracked = this.#tracked.get(key);
    if (hpa === undefined || tracked === undefined) return;
    try {
      await this.#sync(hpa, tracked);
    } catch (error) {
      this.#options.log.error("failed to sync the autoscaler", { hpa: key, error });
    }
  }

  async #sync(hpa: HorizontalPodAutoscaler, tracked: Tracked): Promise<void> {
    const { api, clock, metrics, onDecision } = this.#options;
    const namespace = hpa.metadata.namespace!;
    let target: { resource: GroupVersionResource; scale: Scale };
    try {
      target = await getScale(api, namespace, hpa.spec.scaleTargetRef);
    } catch (error) {
      return this.#failedGetScale(hpa, error as Error);
    }
    const { scale } = target;
    tracked.memory ??= newAutoscalerMemory(scale.spec.replicas ?? 0, clock.now());
    tracked.selector = selectorOrNone(scale.status.selector);
    const decision = await decide({
      hpa,
      scale,
      metrics,
      memory: tracked.memory,
      nowMs: clock.now(),
      settings: this.#options,
      pods: async (inNamespace, selector) =>
        (
          await api.list<AutoscaledPod>(RESOURCES.pods, {
            namespace: inNamespace,
            labelSelector: formatSelector(selector),
          })
        ).items,
      autoscalersOf: (_, pods) => this.#autoscalersOf(namespace, pods),
    });
    this.#record(hpa, decision.events);
    if (decision.desiredReplicas !== decision.currentReplicas) {
      await this.#rescale(hpa, tracked, target, decision);
    }
    await this.#writeStatus(hpa, decision.status);
    onDecision?.(hpa, decision, scale);
  }

  /** Sets the scale, and adds what happened to the decision's status. */
  async #rescale(
    hpa: HorizontalPodAutoscaler,
    tracked: Tracked,
    target: { resource: GroupVersionResource; scale: Scale },
    decision: Decision,
  ): Promise<void> {
    const { api, clock, log } = this.#options;
    const { currentReplicas, desiredReplicas, reason } = decision;
    const size = `New size: ${desiredReplicas}; reason: ${reason}`;
    const at = { hpa, settings: this.#options, nowMs: clock.now() };
    try {
      await setScale(api, target, desiredReplicas);
    } catch (error) {
      const message = `${size}; error: ${(error as Error).message}`;
      this.#record(hpa, [{ type: "Warning", reason: "FailedRescale", message }]);
      return recordFailedRescale(at, decision, error as Error);
    }
    recordRescale(at, decision);
    this.#record(hpa, [{ type: "Normal", reason: "SuccessfulRescale", message: size }]);
    rememberScaling(tracked.memory!, hpa.spec.behavior, currentReplicas, desiredReplicas, clock.now());
    const { namespace, name } = hpa.metadata;
    log.info("Successfully rescaled", {
      HPA: `${namespace}/${name}`,
      currentReplicas,
      desiredReplicas,
      reason,
    });
  }

  async #failedGetScale(hpa: HorizontalPodAutoscaler, error: Error): Promise<void> {
    this.#record(hpa, [{ type: "Warning", reason: "FailedGetScale", message: error.message }]);
    const status = structuredClone(hpa.status ?? {}) as HorizontalPodAutoscalerStatus;
    const conditions = status.conditions ?? [];
    const message = `the HPA controller was unable to get the target's current scale: ${error.message}`;
    setCondition(conditions, this.#options.clock.now(), ["AbleToScale", "False", "FailedGetScale", message]);
    await this.#writeStatus(hpa, {
      currentReplicas: 0,
      desiredReplicas: 0,
      currentMetrics: null,
      ...status,
      conditions,
    });
  }

  async #writeStatus(hpa: HorizontalPodAutoscaler, status: HorizontalPodAutoscalerStatus): Promise<void> {
    if (isDeepStrictEqual(hpa.status, status)) return;
    const { api } = this.#options;
    try {
      const { resourceVersion: _, ...metadata } = hpa.metadata;
      await api.updateStatus(RESOURCES.horizontalPodAutoscalers, { ...hpa, metadata, status });
    } catch (error) {
      if (isStatus(error, "NotFound")) return;
      this.#record(hpa, [
        { type: "Warning", reason: "FailedUpdateStatus", message: (error as Error).message },
      ]);
      throw new Error(`failed to update status for ${hpa.metadata.name}: ${(error as Error).message}`);
    }
  }

  #record(hpa: HorizontalPodAutoscaler, events: AutoscalerEvent[]): void {
    const object = { ...hpa, apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" };
    for (const { type, reason, message } of events) this.#events.record(object, type, reason, message);
  }

  #autoscalersOf(namespace: string, pods: AutoscaledPod[]): string[] {
    const keys: string[] = [];
    for (const [key, { selector }] of this.#tracked) {
      if (selector === undefined || !key.startsWith(`${namespace}/`)) continue;
      if (pods.some((pod) => matchesSelector(selector, pod.metadata.labels))) keys.push(key);
    }
    return keys;
  }
}

/** Sets the replicas; where somebody else did so meanwhile, again on what is there now. @throws KubernetesError */
async function setScale(
  api: KubernetesApi,
  { resource, scale }: { resource: GroupVersionResource; scale: Scale },
  replicas: number,
): Promise<void> {
  let current = scale;
  for (let attempt = 1; ; attempt++) {
    try {
      const next = { ...current, spec: { ...current.spec, replicas } };
      await api.replace(resource, next, { subresource: "scale" });
      return;
    } catch (error) {
      if (!isStatus(error, "Conflict") || attempt >= MAX_SCALE_ATTEMPTS) throw error;
      const { namespace, name } = current.metadata;
      current = await api.get<Scale>(resource, { namespace, name, subresource: "scale" });
    }
  }
}

function selectorOrNone(text: string | undefined): Selector | undefined {
  try {
    return text ? parseSelector(text) : undefined;
  } catch {
    return undefined;
  }
}

const REPLICATION_CONTROLLERS = {
  group: "",
  version: "v1",
  resource: "replicationcontrollers",
  kind: "ReplicationController",
};
const BUILT_IN = new Map<string, GroupVersionResource>(
  [...Object.values(RESOURCES), REPLICATION_CONTROLLERS].map((each) => [`${each.group}/${each.kind}`, each]),
);

/**
 * The scale of whatever an HPA names.
 *
 * @throws KubernetesError, or an error with upstream's text where the kind is unknown
 */
export async function getScale(
  api: KubernetesApi,
  namespace: string,
  reference: CrossVersionObjectReference,
): Promise<{ resource: GroupVersionResource; scale: Scale }> {
  const { apiVersion = "v1", kind } = reference;
  const { group } = parseApiVersion(apiVersion);
  const resource = BUILT_IN.get(`${group}/${kind}`) ?? (await customResource(api, group, kind));
  const key = { namespace, name: reference.name, subresource: "scale" };
  return { resource, scale: await api.get<Scale>(resource, key) };
}

async function customResource(
  api: KubernetesApi,
  group: string,
  kind: string,
): Promise<GroupVersionResource> {
  const { items } = await api.list(RESOURCES.customResourceDefinitions);
  const definition = items.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  if (definition === undefined) throw new Error(`no matches for kind "${kind}" in group "${group}"`);
  const versions: { name: string; storage?: boolean }[] = definition.spec.versions;
  const version = versions.find(({ storage }) => storage === true) ?? versions[0];
  return { group, version: version.name, resource: definition.spec.names.plural };
}
