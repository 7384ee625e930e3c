/**
 * Keeps what a ScaledObject asks for: its label and finalizer, its HPA, its scale loop and its conditions (keda
 * `controllers/keda/scaledobject_controller.go`).
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { controllerOf, type KubernetesObject } from "../model/kubernetes-object.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import type { EventRecorder, EventType } from "../wire/kubernetes/event-recorder.ts";
import { startInformer } from "../wire/kubernetes/informer.ts";
import { type AdmissionWorld, admissionProblem, admissionWarnings } from "./admission.ts";
import { deleteHpa, ensureHpa } from "./ensure-hpa.ts";
import { hasValidFallback } from "./fallback.ts";
import type { KedaMetrics } from "./keda-metrics.ts";
import { ReconcileQueue } from "./reconcile-queue.ts";
import { PAUSED, READY } from "./scale-executor.ts";
import type { ScaleHandler } from "./scale-handler.ts";
import {
  type GroupVersionKindResource,
  getTarget,
  getTargetScale,
  kindText,
  resolveTarget,
  setTargetReplicas,
} from "./scale-target.ts";
import {
  type Condition,
  conditionOf,
  FINALIZER,
  FORCE_ACTIVATION_ANNOTATION,
  hpaNameOf,
  initialConditions,
  isPaused,
  isScaleInPaused,
  isScaleOutPaused,
  keyOf,
  OWNER_LABEL,
  PAUSED_ANNOTATION,
  PAUSED_REPLICAS_ANNOTATION,
  PAUSED_SCALE_IN_ANNOTATION,
  PAUSED_SCALE_OUT_ANNOTATION,
  pausedReplicas,
  replicaBoundsProblem,
  SCALED_OBJECTS,
  type ScaledObject,
  triggersProblem,
  withConditions,
} from "./scaled-object.ts";
import { changeStatus } from "./scaled-object-status.ts";
import { listInAuthentications } from "./trigger-authentication-reconciler.ts";

export interface ReconcilerOptions {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  events: EventRecorder;
  metrics: KedaMetrics;
  handler: ScaleHandler;
  /** KEDA's, for a label of the HPA. */
  version: string;
  signal: AbortSignal;
  /** @default all */
  namespace?: string;
}

/** Annotations whose change is looked at; changes of the status alone are not. */
const WATCHED_ANNOTATIONS = [
  PAUSED_ANNOTATION,
  PAUSED_REPLICAS_ANNOTATION,
  PAUSED_SCALE_IN_ANNOTATION,
  PAUSED_SCALE_OUT_ANNOTATION,
  FORCE_ACTIVATION_ANNOTATION,
];

const LIMIT_RANGES: GroupVersionResource = { group: "", version: "v1", resource: "limitranges" };

/** A step failed: what Ready=False says, in front of the cause. */
class ReconcileError extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super((cause as Error).message);
    this.step = step;
  }
}

export class ScaledObjectReconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: ReconcileQueue;
  /** The generation whose loop runs. */
  readonly #generations = new Map<string, number>();
  /** What is counted in `keda_resource_registered_total` and `keda_trigger_registered_total`. */
  readonly #registered = new Map<string, { namespace: string; types: string[] }>();
  #objects: ReadonlyMap<string, ScaledObject> = new Map();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#queue = new ReconcileQueue(options.clock, options.signal, (key) => this.#reconcile(key));
  }

  /** Follows the cluster until the signal aborts. Resolves when the first list has come. */
  async start(): Promise<void> {
    const { api, clock, signal, log, namespace } = this.#options;
    const common = { api, clock, signal, select: namespace === undefined ? undefined : { namespace } };
    const onError = (error: unknown) => log.error("watch failed", { logger: "controller-runtime", error });
    const informer = startInformer<ScaledObject>({
      ...common,
      resource: SCALED_OBJECTS,
      onError,
      onAdd: (object) => this.#queue.add(keyOf(object)),
      onUpdate: (object, previous) => {
        if (concernsUs(object, previous)) this.#queue.add(keyOf(object));
      },
      onDelete: (object) => this.#queue.add(keyOf(object)),
    });
    this.#objects = informer.objects;
    await informer.synced;
    startInformer({
      ...common,
      resource: RESOURCES.horizontalPodAutoscalers,
      onError,
      onUpdate: (hpa, previous) => {
        if (isMeddledWith(hpa, previous)) this.#ownerOf(hpa);
      },
      onDelete: (hpa) => this.#ownerOf(hpa),
    });
  }

  latest(key: string): ScaledObject | undefined {
    return this.#objects.get(key);
  }

  /** Looks at an object again. */
  enqueue(key: string): void {
    this.#queue.add(key);
  }

  #ownerOf(hpa: KubernetesObject): void {
    const owner = controllerOf(hpa);
    if (owner?.kind === "ScaledObject") this.#queue.add(`${hpa.metadata.namespace}/${owner.name}`);
  }

  async #reconcile(key: string): Promise<void> {
    const { api, metrics } = this.#options;
    const [namespace, name] = key.split("/");
    const log = this.#options.log.with({
      controller: "scaledobject",
      controllerGroup: "keda.sh",
      controllerKind: "ScaledObject",
      ScaledObject: { name, namespace },
      namespace,
      name,
    });
    let object: ScaledObject;
    try {
      object = await api.get<ScaledObject>(SCALED_OBJECTS, { namespace, name });
    } catch (error) {
      if (isStatus(error, "NotFound")) return this.#gone(key);
      log.error("failed to get ScaledObject", { error });
      throw error;
    }
    log.info("Reconciling ScaledObject");
    if (object.metadata.deletionTimestamp !== undefined) return this.#finalize(object, log);
    object = await this.#claim(object, log);
    this.#register(key, object);
    const conditions = object.status?.conditions?.length ? object.status.conditions : initialConditions();
    const changes: Condition[] = [];
    let failure: ReconcileError | undefined;
    try {
      const message = await this.#ensure(object, log, changes);
      if (conditions.find(({ type }) => type === "Ready")?.status !== "True") {
        this.#record(object, "Normal", "ScaledObjectReady", "ScaledObject is ready for scaling");
      }
      changes.push({ ...READY, message });
    } catch (error) {
      if (!(error instanceof ReconcileError)) throw error;
      failure = error;
      const message = `${error.step}: ${error.message}`;
      log.error(error.step, { error: error.message });
      changes.push(
        { type: "Ready", status: "False", reason: "ScaledObjectCheckFailed", message },
        { type: "Active", status: "Unknown", reason: "UnknownState", message: "ScaledObject check failed" },
      );
      this.#record(object, "Warning", "ScaledObjectCheckFailed", message);
    }
    if (!hasValidFallback(object)) {
      const message = "No fallbacks are active on this scaled object";
      changes.push({ type: "Fallback", status: "False", reason: "NoFallbackFound", message });
    }
    const updated = await changeStatus(api, object, (status) => ({
      ...status,
      conditions: withConditions(status.conditions, changes),
    }));
    metrics.paused(
      namespace,
      name,
      updated !== undefined && conditionOf(updated, "Paused")?.status === "True",
    );
    await listInAuthentications(api, object, true, log);
    if (failure !== undefined) {
      log.error("Reconciler error", { error: failure.message });
      throw failure;
    }
  }

  /** Everything that an object which is not being deleted needs. Answers what Ready says. */
  async #ensure(object: ScaledObject, log: Logger, changes: Condition[]): Promise<string> {
    const wasPaused = conditionOf(object, "Paused")?.status === "True";
    if (isPaused(object)) return this.#pause(object, log, changes, wasPaused);
    if (isScaleInPaused(object) || isScaleOutPaused(object)) {
      changes.push(PAUSED);
      if (!wasPaused) this.#record(object, "Normal", "ScaledObjectPaused", PAUSED.message!);
    } else if (wasPaused) await this.#unpause(object, changes);
    const { spec } = object;
    const check = (step: string, problem: string | undefined) => {
      if (problem !== undefined) throw new ReconcileError(step, new Error(problem));
    };
    const targetStep = "ScaledObject doesn't have correct scaleTargetRef specification";
    const missing = spec.scaleTargetRef?.name
      ? undefined
      : "ScaledObject.spec.scaleTargetRef.name is missing";
    check(targetStep, missing);
    const target = await step(targetStep, () => this.#checkTarget(object, log));
    check(
      "ScaledObject doesn't have correct Idle/Min/Max Replica Counts specification",
      replicaBoundsProblem(object),
    );
    check("ScaledObject doesn't have correct triggers specification", triggersProblem(spec.triggers));
    await this.#storeTypes(object);
    const key = keyOf(object);
    const generation = object.metadata.generation ?? 0;
    const isNew = this.#generations.get(key) !== generation;
    if (isNew) {
      const admission = "ScaledObject isn't admitted";
      const world = await step(admission, () => this.#admissionWorld(object, target));
      check(admission, admissionProblem(object, world, { isFormulaChecked: true }));
    }
    const created = await step("failed to ensure HPA is correctly created for ScaledObject", () =>
      ensureHpa(this.#options, object, target, log),
    );
    if (created || isNew) {
      for (const warning of admissionWarnings(object)) {
        this.#record(object, "Normal", "KEDAScalersInfo", warning);
      }
      this.#options.handler.handle(this.latest(key) ?? object);
      this.#generations.set(key, generation);
      log.info("Initializing Scaling logic according to ScaledObject Specification");
    }
    return READY.message!;
  }

  // ---- parts ----

  /** Of ScaledObjects the older ones: the first to claim a workload keeps it. */
  async #admissionWorld(object: ScaledObject, target: GroupVersionKindResource): Promise<AdmissionWorld> {
    const { api } = this.#options;
    const { namespace } = object.metadata;
    const [hpas, limitRanges] = await Promise.all([
      api.list(RESOURCES.horizontalPodAutoscalers, { namespace }),
      api.list(LIMIT_RANGES, { namespace }),
    ]);
    const scaledObjects = Array.from(this.#objects.values()).filter(
      (other) => other.metadata.namespace === namespace && isOlder(other, object),
    );
    const hasPodTemplate = ["apps/Deployment", "apps/StatefulSet"].includes(`${target.group}/${target.kind}`);
    const containers = hasPodTemplate
      ? (await getTarget(api, object, target)).spec.template?.spec?.containers
      : undefined;
    return { scaledObjects, hpas: hpas.items, limitRanges: limitRanges.items, containers };
  }

  /** The finalizer, and the label by which the metrics API finds the object. */
  async #claim(object: ScaledObject, log: Logger): Promise<ScaledObject> {
    const { finalizers = [], labels = {}, name, namespace } = object.metadata;
    const metadata: Record<string, unknown> = {};
    if (!finalizers.includes(FINALIZER)) {
      log.info("Adding Finalizer for the ScaledObject");
      metadata.finalizers = [...finalizers, FINALIZER];
    }
    if (labels[OWNER_LABEL] !== name && !isPaused(object)) metadata.labels = { [OWNER_LABEL]: name };
    if (Object.keys(metadata).length === 0) return object;
    const patch = { type: "merge" as const, body: { metadata } };
    return this.#options.api.patch<ScaledObject>(SCALED_OBJECTS, { namespace, name }, patch);
  }

  async #checkTarget(object: ScaledObject, log: Logger): Promise<GroupVersionKindResource> {
    const { api } = this.#options;
    const target = await resolveTarget(api, object).catch((error) => {
      const { apiVersion = "", kind = "" } = object.spec.scaleTargetRef;
      log.error("Failed to parse Group, Version, Kind, Resource", { apiVersion, kind, error });
      this.#record(object, "Warning", "ScaledObjectUpdateFailed", (error as Error).message);
      throw error;
    });
    const text = kindText(target);
    const { status } = object;
    if (status?.scaleTargetKind === text && status.originalReplicaCount !== undefined) return target;
    let replicas: number;
    try {
      replicas = (await getTargetScale(api, object, target)).spec.replicas ?? 0;
    } catch (error) {
      const exists = await getTarget(api, object, target).catch(() => undefined);
      const message =
        exists === undefined
          ? "Target resource doesn't exist"
          : "Target resource doesn't expose /scale subresource";
      log.error(message, { resource: text, name: object.spec.scaleTargetRef.name, error });
      this.#record(object, "Warning", "ScaledObjectCheckFailed", message);
      throw error;
    }
    await changeStatus(api, object, (current) => ({
      ...current,
      scaleTargetKind: text,
      scaleTargetGVKR: target,
      originalReplicaCount: current.originalReplicaCount ?? replicas,
    }));
    log.info("Detected resource targeted for scaling", {
      resource: text,
      name: object.spec.scaleTargetRef.name,
    });
    return target;
  }

  /** What `kubectl get` shows of the triggers. */
  async #storeTypes(object: ScaledObject): Promise<void> {
    const { triggers } = object.spec;
    const types = triggers.map(({ type }) => type);
    const references = triggers.flatMap(({ authenticationRef }) => authenticationRef?.name ?? []);
    await changeStatus(this.#options.api, object, (status) => ({
      ...status,
      triggersTypes: [...new Set(types)].join(","),
      authenticationsTypes: [...new Set(references)].join(","),
    }));
  }

  /** Stops the loop, removes the HPA, and sets the replicas that the annotation names. */
  async #pause(object: ScaledObject, log: Logger, changes: Condition[], wasPaused: boolean): Promise<string> {
    const { api, handler } = this.#options;
    const message = PAUSED.message!;
    if (!wasPaused) {
      log.info("Setting Paused condition before stopping scale loop");
      await changeStatus(api, object, (status) => ({
        ...status,
        conditions: withConditions(status.conditions, [PAUSED]),
      }));
      this.#record(object, "Normal", "ScaledObjectPaused", message);
    }
    handler.remove(object);
    this.#generations.delete(keyOf(object));
    await step("failed to delete HPA for paused ScaledObject", () =>
      deleteHpa(api, object, object.status?.hpaName ?? hpaNameOf(object), log),
    );
    const replicas = await step("failed to scale target to paused replica count", async () => {
      const count = readPausedReplicas(object);
      if (count === undefined) return undefined;
      const target = await resolveTarget(api, object);
      const current = (await getTargetScale(api, object, target)).spec.replicas;
      if (current !== count) {
        log.info("Scaling target to paused replica count", {
          currentReplicas: current,
          pausedReplicas: count,
        });
        await setTargetReplicas(api, object, target, count);
      }
      return count;
    });
    await changeStatus(api, object, (status) => ({ ...status, pausedReplicaCount: replicas }));
    changes.push(PAUSED);
    return message;
  }

  async #unpause(object: ScaledObject, changes: Condition[]): Promise<void> {
    const message = "pause annotation removed for ScaledObject";
    changes.push({ type: "Paused", status: "False", reason: "ScaledObjectUnpaused", message });
    this.#record(object, "Normal", "ScaledObjectUnpaused", message);
    await changeStatus(this.#options.api, object, ({ pausedReplicaCount: _, ...status }) => status);
  }

  async #finalize(object: ScaledObject, log: Logger): Promise<void> {
    const { api, handler } = this.#options;
    const { finalizers = [], namespace, name } = object.metadata;
    if (finalizers.includes(FINALIZER)) {
      handler.remove(object);
      this.#generations.delete(keyOf(object));
      if (object.spec.advanced?.restoreToOriginalReplicaCount) await this.#restore(object, log);
      const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER);
      const patch = { type: "merge" as const, body: { metadata: { finalizers: rest } } };
      await api.patch(SCALED_OBJECTS, { namespace, name }, patch);
      await listInAuthentications(api, object, false, log);
      this.#gone(keyOf(object));
    }
    log.info("Successfully finalized ScaledObject");
    this.#record(object, "Warning", "ScaledObjectDeleted", "ScaledObject was deleted");
  }

  async #restore(object: ScaledObject, log: Logger): Promise<void> {
    const { scaleTargetGVKR: target, originalReplicaCount: replicas } = object.status ?? {};
    if (target === undefined || replicas === undefined) return;
    try {
      await setTargetReplicas(this.#options.api, object, target, replicas);
      log.info("Successfully restored scaleTarget's replica count back to the original", {
        replicaCount: replicas,
      });
    } catch (error) {
      log.error("Failed to restore scaleTarget's replica count back to the original", {
        finalizer: FINALIZER,
        error,
      });
    }
  }

  #register(key: string, object: ScaledObject): void {
    const { metrics } = this.#options;
    const { namespace, name } = object.metadata;
    this.#unregister(key);
    const types = (object.spec.triggers ?? []).map(({ type }) => type);
    metrics.forget(namespace!, name);
    metrics.registered(namespace!, 1);
    for (const type of types) metrics.triggerRegistered(type, 1);
    this.#registered.set(key, { namespace: namespace!, types });
  }

  #unregister(key: string): void {
    const known = this.#registered.get(key);
    if (known === undefined) return;
    this.#options.metrics.registered(known.namespace, -1);
    for (const type of known.types) this.#options.metrics.triggerRegistered(type, -1);
    this.#registered.delete(key);
  }

  #gone(key: string): void {
    const [namespace, name] = key.split("/");
    this.#unregister(key);
    this.#options.metrics.forget(namespace, name);
  }

  #record(object: ScaledObject, type: EventType, reason: string, message: string): void {
    // Upstream puts the message into the action here, and only here.
    this.#options.events.record(object, type, reason, message, { action: message });
  }
}

/** @throws Error with upstream's text */
function readPausedReplicas(object: ScaledObject): number | undefined {
  try {
    return pausedReplicas(object);
  } catch (error) {
    throw new Error(`failed to parse paused replica count: ${(error as Error).message}`);
  }
}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ReconcileError(name, error);
  }
}

function isOlder(a: ScaledObject, b: ScaledObject): boolean {
  const [first, second] = [a, b].map(({ metadata }) => metadata.creationTimestamp ?? "");
  return first === second ? a.metadata.name < b.metadata.name : first < second;
}

/** Anything but the HPA's status. */
function isMeddledWith({ metadata }: KubernetesObject, { metadata: before }: KubernetesObject): boolean {
  return (
    metadata.generation !== before.generation ||
    !isDeepStrictEqual(metadata.labels, before.labels) ||
    !isDeepStrictEqual(metadata.annotations, before.annotations)
  );
}

function concernsUs(object: ScaledObject, previous: ScaledObject): boolean {
  if (object.metadata.generation !== previous.metadata.generation) return true;
  if (object.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp) return true;
  const annotation = (of: ScaledObject, name: string) => of.metadata.annotations?.[name];
  if (WATCHED_ANNOTATIONS.some((name) => annotation(object, name) !== annotation(previous, name)))
    return true;
  const isReady = (of: ScaledObject) => conditionOf(of, "Ready")?.status === "True";
  return isReady(object) && !isReady(previous);
}
