/**
 * Keeps what a ScaledObject asks for: its label and finalizer, its HPA, its scale loop and its conditions (keda
 * `controllers/keda/scaledobject_controller.go`).
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { controllerOf, type KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { EventRecorder, EventType } from "../../wire/kubernetes/event-recorder.ts";
import { startInformer } from "../../wire/kubernetes/informer.ts";
import type { KedaMetrics } from "../keda-metrics.ts";
import { type GroupVersionKindResource, getTarget } from "../scale-target.ts";
import {
  type Condition,
  conditionOf,
  FINALIZER,
  FORCE_ACTIVATION_ANNOTATION,
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
  replicaBoundsProblem,
  SCALED_OBJECTS,
  type ScaledObject,
  triggersProblem,
  withConditions,
} from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import { hasValidFallback } from "../scaling/fallback.ts";
import { PAUSED, READY } from "../scaling/scale-executor.ts";
import type { ScaleHandler } from "../scaling/scale-handler.ts";
import { type AdmissionWorld, admissionProblem } from "../webhook/admission.ts";
import { checkScaleTarget } from "./check-scale-target.ts";
import { ensureHpa } from "./ensure-hpa.ts";
import { finalizeScaledObject } from "./finalize-scaled-object.ts";
import { pauseScaledObject, unpauseScaledObject } from "./pause-scaled-object.ts";
import { ReconcileQueue } from "./reconcile-queue.ts";
import { ReconcileError, reconcileStep, recordReconcile } from "./reconcile-step.ts";
import { RegisteredResources } from "./registered-resources.ts";
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

export class ScaledObjectReconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: ReconcileQueue;
  /** The generation whose loop runs. */
  readonly #generations = new Map<string, number>();
  readonly #registered: RegisteredResources;
  #objects: ReadonlyMap<string, ScaledObject> = new Map();
  #hpas: ReadonlyMap<string, KubernetesObject> = new Map();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#registered = new RegisteredResources(options.metrics);
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
    const hpas = startInformer({
      ...common,
      resource: RESOURCES.horizontalPodAutoscalers,
      onError,
      onUpdate: (hpa, previous) => {
        if (isMeddledWith(hpa, previous)) this.#ownerOf(hpa);
      },
      onDelete: (hpa) => this.#ownerOf(hpa),
    });
    this.#hpas = hpas.objects;
  }

  latest(key: string): ScaledObject | undefined {
    return this.#objects.get(key);
  }

  /** What stands in a namespace, as far as it is known. */
  known(namespace: string): { scaledObjects: ScaledObject[]; hpas: KubernetesObject[] } {
    const isThere = ({ metadata }: KubernetesObject) => metadata.namespace === namespace;
    return {
      scaledObjects: Array.from(this.#objects.values()).filter(isThere),
      hpas: Array.from(this.#hpas.values()).filter(isThere),
    };
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
      if (isStatus(error, "NotFound")) return this.#registered.remove(key);
      log.error("failed to get ScaledObject", { error });
      throw error;
    }
    log.info("Reconciling ScaledObject");
    const stopLoop = () => this.#stopLoop(object);
    if (object.metadata.deletionTimestamp !== undefined) {
      const onGone = () => this.#registered.remove(key);
      return finalizeScaledObject(this.#options, object, log, { stopLoop, onGone });
    }
    object = await this.#claim(object, log);
    this.#registered.add(key, object);
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
    if (isPaused(object)) {
      return pauseScaledObject(this.#options, object, log, changes, () => this.#stopLoop(object));
    }
    if (isScaleInPaused(object) || isScaleOutPaused(object)) {
      changes.push(PAUSED);
      if (!wasPaused) this.#record(object, "Normal", "ScaledObjectPaused", PAUSED.message!);
    } else if (wasPaused) await unpauseScaledObject(this.#options, object, changes);
    const { api, version, handler } = this.#options;
    const { spec } = object;
    const check = (step: string, problem: string | undefined) => {
      if (problem !== undefined) throw new ReconcileError(step, new Error(problem));
    };
    const targetStep = "ScaledObject doesn't have correct scaleTargetRef specification";
    const missing = spec.scaleTargetRef?.name
      ? undefined
      : "ScaledObject.spec.scaleTargetRef.name is missing";
    check(targetStep, missing);
    const target = await reconcileStep(targetStep, () => checkScaleTarget(this.#options, object, log));
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
      const world = await reconcileStep(admission, () => this.#admissionWorld(object, target));
      check(admission, admissionProblem(object, world, { isFormulaChecked: true })?.message);
    }
    const created = await reconcileStep("failed to ensure HPA is correctly created for ScaledObject", () =>
      ensureHpa({ api, version, triggers: handler.triggers }, object, target, log),
    );
    if (created || isNew) {
      handler.handle(this.latest(key) ?? object);
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

  #stopLoop(object: ScaledObject): void {
    this.#options.handler.remove(object);
    this.#generations.delete(keyOf(object));
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

  #record(object: ScaledObject, type: EventType, reason: string, message: string): void {
    recordReconcile(this.#options.events, object, type, reason, message);
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
