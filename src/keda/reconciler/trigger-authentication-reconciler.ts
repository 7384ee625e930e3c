/**
 * Keeps TriggerAuthentications and ClusterTriggerAuthentications: their finalizer and events, the names of the
 * ScaledObjects that use them, and how many there are (keda `controllers/keda/triggerauthentication_controller.go`,
 * `clustertriggerauthentication_controller.go`, `pkg/status/status.go`).
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { GroupVersionResource, KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { objectKey, startInformer } from "../../wire/kubernetes/informer.ts";
import type { KedaMetrics } from "../keda-metrics.ts";
import { FINALIZER, type ScaledObject } from "../scaled-object.ts";
import { CLUSTER_TRIGGER_AUTHENTICATIONS, TRIGGER_AUTHENTICATIONS } from "../trigger-authentication.ts";
import { ReconcileQueue } from "./reconcile-queue.ts";

/** Somebody else may write at the same time: so often it is read and written again. */
const MAX_ATTEMPTS = 5;

interface Kind {
  kind: "TriggerAuthentication" | "ClusterTriggerAuthentication";
  resource: GroupVersionResource;
  /** In `keda_resource_registered_total`. */
  type: "trigger_authentication" | "cluster_trigger_authentication";
}

const KINDS: Kind[] = [
  { kind: "TriggerAuthentication", resource: TRIGGER_AUTHENTICATIONS, type: "trigger_authentication" },
  {
    kind: "ClusterTriggerAuthentication",
    resource: CLUSTER_TRIGGER_AUTHENTICATIONS,
    type: "cluster_trigger_authentication",
  },
];

export interface AuthenticationReconcilerOptions {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  events: EventRecorder;
  metrics: KedaMetrics;
  signal: AbortSignal;
  /** Of TriggerAuthentications. @default all */
  namespace?: string;
}

/** Runs until the signal aborts. */
export function startAuthenticationReconcilers(options: AuthenticationReconcilerOptions): void {
  for (const kind of KINDS) startReconciler(kind, options);
}

function startReconciler(kind: Kind, options: AuthenticationReconcilerOptions): void {
  const { api, clock, signal, log, namespace } = options;
  const registered = new Set<string>();
  const queue = new ReconcileQueue(clock, signal, (key) => reconcile(kind, key, registered, options));
  startInformer({
    api,
    clock,
    signal,
    resource: kind.resource,
    select: namespace === undefined || kind.kind !== "TriggerAuthentication" ? undefined : { namespace },
    onError: (error) => log.error("watch failed", { logger: "controller-runtime", error }),
    onAdd: (object) => queue.add(objectKey(object)),
    onUpdate: ({ metadata }, previous) => {
      const isChanged = metadata.generation !== previous.metadata.generation;
      if (isChanged || metadata.deletionTimestamp !== previous.metadata.deletionTimestamp)
        queue.add(objectKey({ metadata }));
    },
    onDelete: (object) => queue.add(objectKey(object)),
  });
}

async function reconcile(
  { kind, resource, type }: Kind,
  key: string,
  registered: Set<string>,
  { api, events, metrics, log }: AuthenticationReconcilerOptions,
): Promise<void> {
  const [name, namespace] = key.split("/").reverse();
  const logger = log.with({
    controller: kind.toLowerCase(),
    controllerGroup: "keda.sh",
    controllerKind: kind,
    [kind]: { name, ...(namespace === undefined ? {} : { namespace }) },
    namespace: namespace ?? "",
    name,
  });
  const unregister = () => {
    if (registered.delete(key)) metrics.registered(namespace ?? "", -1, type);
  };
  let object: KubernetesObject;
  try {
    object = await api.get(resource, { namespace, name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return unregister();
    logger.error(`Failed to get ${kind}`, { error });
    throw error;
  }
  const { finalizers = [], deletionTimestamp, generation } = object.metadata;
  const setFinalizers = (next: string[]) =>
    api.patch(resource, { namespace, name }, { type: "merge", body: { metadata: { finalizers: next } } });
  const record = (reason: string, message: string) =>
    // Upstream puts the message into the action.
    events.record({ ...object, kind }, "Normal", reason, message, { action: message });
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(FINALIZER)) {
      await setFinalizers(finalizers.filter((finalizer) => finalizer !== FINALIZER));
      unregister();
    }
    logger.info(`Successfully finalized ${kind}`);
    record(`${kind}Deleted`, `${kind} was deleted`);
    return;
  }
  if (!finalizers.includes(FINALIZER)) {
    logger.info(`Adding Finalizer for the ${kind}`);
    await setFinalizers([...finalizers, FINALIZER]);
  }
  if (!registered.has(key)) metrics.registered(namespace ?? "", 1, type);
  registered.add(key);
  if (generation === 1) record(`${kind}Added`, `New ${kind} configured`);
  // Both kinds have the same reason and text upstream.
  else record("ClusterTriggerAuthenticationUpdated", `ClusterTriggerAuthentication ${name} is updated`);
}

/** Adds a ScaledObject to the authentications that its triggers name, or takes it out. What fails is logged. */
export async function listInAuthentications(
  api: KubernetesApi,
  object: ScaledObject,
  isUsed: boolean,
  log: Logger,
): Promise<void> {
  for (const { authenticationRef } of object.spec.triggers ?? []) {
    if (authenticationRef === undefined) continue;
    const { name, kind: wanted = "TriggerAuthentication" } = authenticationRef;
    try {
      const kind = KINDS.find((candidate) => candidate.kind === wanted);
      if (kind === undefined) throw new Error(`unknown trigger auth kind ${wanted}`);
      const namespace = wanted === "TriggerAuthentication" ? object.metadata.namespace : undefined;
      await changeNames(api, kind.resource, { namespace, name }, object.metadata.name, isUsed);
    } catch (error) {
      if (isStatus(error, "NotFound")) log.info("TriggerAuthentication Not Found");
      log.error("Failed to get TriggerAuthentication", { error });
      log.error("Failed to update TriggerAuthentication Status after removing a finalizer", { error });
    }
  }
}

async function changeNames(
  api: KubernetesApi,
  resource: GroupVersionResource,
  key: { namespace?: string; name: string },
  scaledObject: string,
  isUsed: boolean,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const current = await api.get(resource, key);
    const names = ((current.status?.scaledobjects as string | undefined) ?? "").split(",").filter(Boolean);
    if (names.includes(scaledObject) === isUsed) return;
    const next = isUsed ? [...names, scaledObject] : names.filter((name) => name !== scaledObject);
    const { resourceVersion } = current.metadata;
    const scaledobjects = next.length === 0 ? null : next.join(",");
    const body = { metadata: { resourceVersion }, status: { scaledobjects } };
    try {
      await api.patch(resource, { ...key, subresource: "status" }, { type: "merge", body });
      return;
    } catch (error) {
      if (!isStatus(error, "Conflict") || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}
