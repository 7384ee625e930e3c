/**
 * StatefulSets (Kubernetes 1.35 `pkg/controller/statefulset`): pods with a stable name and volumes, made, removed and
 * updated in order. `maxUnavailable` of a rolling update is not acted on, as upstream without its feature gate.
 */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
  StatefulSetStatus,
} from "../types.ts";
import { claimObjects } from "./claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "./controller.ts";
import { podFromTemplate } from "./pod-from-template.ts";
import { isPodFinished, isPodReady, isPodTerminating, podAvailableInMs } from "./pod-state.ts";
import { listRevisions, templateOf, truncateHistory, updateRevision } from "./revision-history.ts";

const REVISION_LABEL = "controller-revision-hash";
const NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL = "apps.kubernetes.io/pod-index";

export function startStatefulSetController(context: ControllerContext): void {
  const controller: Controller = startController({
    context,
    name: "statefulset-controller",
    reconcile: (key) => reconcile(context, controller, key),
  });
  controller.watch(RESOURCES.statefulSets);
  controller.watchOwned(RESOURCES.pods, "StatefulSet");
  controller.watchMapped<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, () => []);
}

/** What one pass works on. */
interface Pass {
  context: ControllerContext;
  controller: Controller;
  set: StatefulSet;
  current: ControllerRevision;
  update: ControllerRevision;
  /** By ordinal, all that the set has. */
  pods: Map<number, Pod>;
  monotonic: boolean;
  /** When to look again, as a pod's `minReadySeconds` run out. */
  againMs: number | undefined;
}

async function reconcile(
  context: ControllerContext,
  controller: Controller,
  key: string,
): Promise<number | undefined> {
  const { api } = context;
  const set = await getIfExists<StatefulSet>(api, RESOURCES.statefulSets, splitKey(key));
  if (set === undefined) return;
  const claimant = { owner: set, apiVersion: "apps/v1", kind: "StatefulSet", selector: set.spec.selector };
  const owned = await claimObjects<Pod>(
    context,
    RESOURCES.pods,
    claimant,
    (pod) => ordinalOf(set, pod) !== undefined,
  );
  if (set.metadata.deletionTimestamp !== undefined) return;
  const revisions = await listRevisions(context, set, "StatefulSet");
  const update = await updateRevision(context, set, "StatefulSet", revisions);
  const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
  const pass: Pass = {
    context,
    controller,
    set,
    current,
    update,
    pods: new Map(owned.flatMap((pod) => mapEntry(ordinalOf(set, pod), pod))),
    monotonic: set.spec.podManagementPolicy !== "Parallel",
    againMs: undefined,
  };
  await keepClaimOwners(pass);
  try {
    await step(pass);
  } finally {
    await reportStatus(pass);
  }
  const live = new Set([current, update].map(({ metadata }) => metadata.name as string | undefined));
  for (const pod of owned) live.add(pod.metadata.labels?.[REVISION_LABEL]);
  await truncateHistory(context, set, [...revisions.filter((revision) => revision !== update), update], live);
  return pass.againMs;
}

function mapEntry(ordinal: number | undefined, pod: Pod): [number, Pod][] {
  return ordinal === undefined ? [] : [[ordinal, pod]];
}

/** `web-3` of set `web` → 3. */
function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name } = pod.metadata;
  const prefix = `${set.metadata.name}-`;
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^(0|[1-9]\d{0,8})$/.test(rest) ? Number(rest) : undefined;
}

function ordinals(set: StatefulSet): number[] {
  const start = set.spec.ordinals?.start ?? 0;
  return Array.from({ length: set.spec.replicas ?? 1 }, (_, index) => start + index);
}

/** Takes the steps that may be taken now. With OrderedReady that is one; the next one waits for its effect. */
async function step(pass: Pass): Promise<void> {
  const { set, pods, monotonic } = pass;
  const wanted = ordinals(set);
  const condemned = [...pods.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a);
  const firstUnhealthy = [...wanted, ...condemned.toReversed()].find(
    (ordinal) => pods.has(ordinal) && !isHealthy(pods.get(ordinal)!),
  );
  for (const ordinal of wanted) {
    if ((await ensureReplica(pass, ordinal)) === "wait" && monotonic) return;
  }
  for (const ordinal of condemned) {
    if ((await condemn(pass, ordinal, firstUnhealthy)) === "wait" && monotonic) return;
  }
  if (set.spec.updateStrategy?.type !== "OnDelete") await rollingUpdate(pass, wanted);
}

async function ensureReplica(pass: Pass, ordinal: number): Promise<"go on" | "wait"> {
  const { pods } = pass;
  const pod = pods.get(ordinal);
  if (pod !== undefined && isPodFinished(pod)) {
    if (!isPodTerminating(pod)) {
      const { kind, name } = { kind: "StatefulSet", name: pass.set.metadata.name };
      const message = `${kind} ${pass.set.metadata.namespace}/${name} is recreating failed Pod ${pod.metadata.name}`;
      pass.controller.events.record(pass.set, "Warning", "RecreatingFailedPod", message);
      await deletePod(pass, pod);
    }
    return "wait";
  }
  if (pod === undefined) {
    await createPod(pass, ordinal);
    return "wait";
  }
  if (isPodTerminating(pod) || !isPodReady(pod) || pod.status?.phase !== "Running") return "wait";
  const leftMs = podAvailableInMs(pod, pass.set.spec.minReadySeconds ?? 0, pass.context.clock.now());
  if (leftMs !== 0) {
    pass.againMs = Math.min(pass.againMs ?? Number.POSITIVE_INFINITY, leftMs ?? Number.POSITIVE_INFINITY);
    return "wait";
  }
  return "go on";
}

/** A pod past the last ordinal goes, once nobody else is on the way up or down. */
async function condemn(
  pass: Pass,
  ordinal: number,
  firstUnhealthy: number | undefined,
): Promise<"go on" | "wait"> {
  const pod = pass.pods.get(ordinal)!;
  if (isPodTerminating(pod)) return "wait";
  if (pass.monotonic && !isHealthy(pod) && ordinal !== firstUnhealthy) return "wait";
  await deletePod(pass, pod);
  return "wait";
}

/** Replaces the highest pod of an old revision, when all above it are healthy. */
async function rollingUpdate(pass: Pass, wanted: number[]): Promise<void> {
  const { set, pods, update } = pass;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const start = set.spec.ordinals?.start ?? 0;
  for (const ordinal of wanted.toReversed()) {
    if (ordinal < start + partition) return;
    const pod = pods.get(ordinal);
    if (pod === undefined) return;
    if (pod.metadata.labels?.[REVISION_LABEL] !== update.metadata.name && !isPodTerminating(pod)) {
      await deletePod(pass, pod);
      return;
    }
    if (!isHealthy(pod)) return;
    if (podAvailableInMs(pod, set.spec.minReadySeconds ?? 0, pass.context.clock.now()) !== 0) return;
  }
}

function isHealthy(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isPodReady(pod) && !isPodTerminating(pod);
}

async function createPod(pass: Pass, ordinal: number): Promise<void> {
  const { context, controller, set } = pass;
  const revision = revisionFor(pass, ordinal);
  const name = `${set.metadata.name}-${ordinal}`;
  const owner = controllerReference(set, "apps/v1", "StatefulSet");
  const pod = podFromTemplate(templateOf(revision), set.metadata.namespace!, owner, { name });
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [NAME_LABEL]: name,
    [INDEX_LABEL]: String(ordinal),
    [REVISION_LABEL]: revision.metadata.name,
  };
  pod.spec.hostname = name;
  if (set.spec.serviceName !== undefined) pod.spec.subdomain = set.spec.serviceName;
  const claims = set.spec.volumeClaimTemplates ?? [];
  const others = (pod.spec.volumes ?? []).filter(
    (volume) => !claims.some((claim) => claim.metadata.name === volume.name),
  );
  const volumes = claims.map((claim) => ({
    name: claim.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) },
  }));
  if (volumes.length > 0) pod.spec.volumes = [...others, ...volumes];
  const what = `Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    for (const claim of claims) await createClaim(pass, claim, ordinal, name);
    const created = await context.api.create<Pod>(RESOURCES.pods, pod);
    pass.pods.set(ordinal, created);
    controller.events.record(set, "Normal", "SuccessfulCreate", `create ${what} successful`);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) {
      const problem = (error as Error).message;
      controller.events.record(set, "Warning", "FailedCreate", `create ${what} failed error: ${problem}`);
    }
    throw error;
  }
}

/** During a rolling update a pod that has not had its turn comes back as it was. */
function revisionFor({ set, current, update }: Pass, ordinal: number): ControllerRevision {
  if (set.spec.updateStrategy?.type === "OnDelete") return update;
  const start = set.spec.ordinals?.start ?? 0;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition;
  const isCurrent =
    partition === undefined || partition === 0
      ? ordinal < start + (set.status?.currentReplicas ?? 0)
      : ordinal < start + partition;
  return isCurrent ? current : update;
}

function claimName(set: StatefulSet, claim: PersistentVolumeClaim, ordinal: number): string {
  return `${claim.metadata.name}-${set.metadata.name}-${ordinal}`;
}

async function createClaim(
  pass: Pass,
  template: PersistentVolumeClaim,
  ordinal: number,
  podName: string,
): Promise<void> {
  const { context, controller, set } = pass;
  const name = claimName(set, template, ordinal);
  const { namespace } = set.metadata;
  const present = await getIfExists<PersistentVolumeClaim>(context.api, RESOURCES.persistentVolumeClaims, {
    namespace,
    name,
  });
  if (present !== undefined) {
    if (present.metadata.deletionTimestamp === undefined) return;
    throw new Error(`pvc ${name} is being deleted`);
  }
  await context.api.create<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    spec: template.spec,
  });
  const message = `create Claim ${name} Pod ${podName} in StatefulSet ${set.metadata.name} success`;
  controller.events.record(set, "Normal", "SuccessfulCreate", message);
}

async function deletePod(pass: Pass, pod: Pod): Promise<void> {
  const { context, controller, set } = pass;
  await deleteIfExists(context.api, RESOURCES.pods, pod);
  const left = await getIfExists<Pod>(context.api, RESOURCES.pods, pod.metadata);
  const ordinal = ordinalOf(set, pod)!;
  if (left?.metadata.uid === pod.metadata.uid) pass.pods.set(ordinal, left!);
  else pass.pods.delete(ordinal);
  const message = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
  controller.events.record(set, "Normal", "SuccessfulDelete", message);
}

/** persistentVolumeClaimRetentionPolicy, carried out by the garbage collector through owner references. */
async function keepClaimOwners(pass: Pass): Promise<void> {
  const { context, set, pods } = pass;
  const policy = set.spec.persistentVolumeClaimRetentionPolicy;
  const claims = set.spec.volumeClaimTemplates ?? [];
  if (claims.length === 0) return;
  const wanted = ordinals(set);
  for (const [ordinal, pod] of pods) {
    const isCondemned = !wanted.includes(ordinal);
    for (const template of claims) {
      const key = { namespace: set.metadata.namespace, name: claimName(set, template, ordinal) };
      const claim = await getIfExists<PersistentVolumeClaim>(
        context.api,
        RESOURCES.persistentVolumeClaims,
        key,
      );
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
      const before = claim.metadata.ownerReferences ?? [];
      const setOwner = {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        name: set.metadata.name,
        uid: set.metadata.uid!,
      };
      const podOwner = { apiVersion: "v1", kind: "Pod", name: pod.metadata.name, uid: pod.metadata.uid! };
      const others = before.filter(
        ({ kind, name }) =>
          !(kind === "Pod" && name === podOwner.name) && !(kind === "StatefulSet" && name === setOwner.name),
      );
      const after = [
        ...others,
        ...(policy?.whenDeleted === "Delete" ? [setOwner] : []),
        ...(policy?.whenScaled === "Delete" && isCondemned ? [podOwner] : []),
      ];
      if (JSON.stringify(before.map(({ uid }) => uid)) === JSON.stringify(after.map(({ uid }) => uid)))
        continue;
      const body = { metadata: { ownerReferences: after.length === 0 ? null : after } };
      await context.api.patch(RESOURCES.persistentVolumeClaims, key, { type: "merge", body });
    }
  }
}

async function reportStatus(pass: Pass): Promise<void> {
  const { context, current, update, pods } = pass;
  // Someone may have scaled meanwhile; the status is of what is there.
  const set = await getIfExists<StatefulSet>(context.api, RESOURCES.statefulSets, pass.set.metadata);
  if (set === undefined || set.metadata.uid !== pass.set.metadata.uid) return;
  const status: StatefulSetStatus = {
    observedGeneration: pass.set.metadata.generation,
    replicas: 0,
    readyReplicas: 0,
    availableReplicas: 0,
    currentReplicas: 0,
    updatedReplicas: 0,
    currentRevision: current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
  for (const pod of pods.values()) {
    status.replicas++;
    if (pod.status?.phase === "Running" && isPodReady(pod)) {
      status.readyReplicas!++;
      const leftMs = podAvailableInMs(pod, set.spec.minReadySeconds ?? 0, context.clock.now());
      if (leftMs === 0) status.availableReplicas!++;
    }
    if (isPodTerminating(pod)) continue;
    const revision = pod.metadata.labels?.[REVISION_LABEL];
    if (revision === current.metadata.name) status.currentReplicas!++;
    if (revision === update.metadata.name) status.updatedReplicas!++;
  }
  const replicas = pass.set.spec.replicas ?? 1;
  const isComplete = [status.updatedReplicas, status.readyReplicas, status.replicas].every(
    (n) => n === replicas,
  );
  if (set.spec.updateStrategy?.type !== "OnDelete" && isComplete) {
    status.currentRevision = update.metadata.name;
    status.currentReplicas = status.updatedReplicas;
  }
  await writeStatus(context.api, RESOURCES.statefulSets, set, status);
}
