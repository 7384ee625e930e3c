/**
 * StatefulSets (Kubernetes 1.35 `pkg/controller/statefulset`): pods with a stable name and volumes, made, removed and
 * updated in order. `maxUnavailable` holds without its gate, for `Parallel` as from 1.37 on, which an old revision that
 * never gets ready does not stop.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ControllerRevision, Pod, StatefulSet, StatefulSetStatus } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import { isPodFinished, isPodReady, isPodTerminating, podAvailableInMs } from "../pod-state.ts";
import { scaledValue } from "../scaled-value.ts";
import { listRevisions, statefulRevision, templateOf, truncateHistory } from "./revision-history.ts";
import { addClaimVolumes, createClaims, hasStaleClaim, keepClaimOwners } from "./stateful-set-claims.ts";

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
}

/** What one pass works on. */
interface Pass {
  context: ControllerContext;
  controller: Controller;
  set: StatefulSet;
  current: ControllerRevision;
  update: ControllerRevision;
  /** How many names of revisions were taken. */
  collisionCount: number;
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
  const revisions = await listRevisions(context, set, "StatefulSet");
  const { update, collisionCount } = await statefulRevision(context, set, revisions);
  const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
  const pass: Pass = {
    context,
    controller,
    set,
    current,
    update,
    collisionCount,
    pods: new Map(owned.flatMap((pod) => mapEntry(ordinalOf(set, pod), pod))),
    monotonic: set.spec.podManagementPolicy !== "Parallel",
    againMs: undefined,
  };
  try {
    if (set.metadata.deletionTimestamp === undefined) await step(pass);
  } finally {
    await reportStatus(pass);
  }
  const live = new Set([current, update].map(({ metadata }) => metadata.name as string | undefined));
  for (const pod of owned) live.add(pod.metadata.labels?.[REVISION_LABEL]);
  const history = revisions.filter(({ metadata }) => !live.has(metadata.name));
  await truncateHistory(context, set, history, () => false);
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
  const { context, controller, set, pods, monotonic } = pass;
  const wanted = ordinals(set);
  const condemned = [...pods.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a);
  const firstUnavailable = [...wanted, ...condemned.toReversed()].find((ordinal) =>
    isUnavailable(pass, pods.get(ordinal)),
  );
  for (const ordinal of wanted) {
    if ((await ensureReplica(pass, ordinal)) === "wait" && monotonic) return;
  }
  for (const ordinal of condemned)
    await keepClaimOwners(context, controller, set, pods.get(ordinal)!, ordinal, true);
  for (const ordinal of condemned) {
    if ((await condemn(pass, ordinal, firstUnavailable)) === "wait" && monotonic) return;
  }
  if (set.spec.updateStrategy?.type !== "OnDelete") await rollingUpdate(pass, wanted);
}

async function ensureReplica(pass: Pass, ordinal: number): Promise<"go on" | "wait"> {
  const { context, controller, set, pods } = pass;
  const pod = pods.get(ordinal);
  if (pod !== undefined && isPodFinished(pod)) {
    if (!isPodTerminating(pod)) await deletePod(pass, pod);
    return "wait";
  }
  if (pod === undefined) {
    if (!(await hasStaleClaim(context, set, ordinal))) await createPod(pass, ordinal);
    return "wait";
  }
  if (pod.status?.phase === "Pending") {
    await createClaims(context, controller, set, pod.metadata.name, ordinal);
    await keepClaimOwners(context, controller, set, pod, ordinal, false);
  }
  const waits = isUnavailable(pass, pod) || pod.status?.phase !== "Running";
  if (waits && pass.monotonic) return "wait";
  await keepIdentity(pass, pod, ordinal);
  return waits ? "wait" : "go on";
}

/** A pod past the last ordinal goes, once nobody else is on the way up or down. */
async function condemn(
  pass: Pass,
  ordinal: number,
  firstUnavailable: number | undefined,
): Promise<"go on" | "wait"> {
  const pod = pass.pods.get(ordinal)!;
  if (isPodTerminating(pod)) return "wait";
  const healthy = pod.status?.phase === "Running" && !isUnavailable(pass, pod);
  // Other than upstream, which waits for ever for the second of two pods that have ended and never come back.
  const blocks = !healthy && !isPodFinished(pod);
  if (pass.monotonic && blocks && ordinal !== firstUnavailable) return "wait";
  await deletePod(pass, pod);
  return "wait";
}

/** Replaces pods of an old revision from the top, as many as may be unavailable beside those that are. */
async function rollingUpdate(pass: Pass, wanted: number[]): Promise<void> {
  const { set, pods, update } = pass;
  const { partition = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const isOld = (pod: Pod) =>
    pod.metadata.labels?.[REVISION_LABEL] !== update.metadata.name && !isPodTerminating(pod);
  // One that is yet to come counts too.
  const unavailable = wanted.filter((ordinal) => isUnavailable(pass, pods.get(ordinal))).length;
  const most = Math.max(1, scaledValue(maxUnavailable, wanted.length, "down"));
  const start = set.spec.ordinals?.start ?? 0;
  const targets = wanted
    .toReversed()
    .filter((ordinal) => ordinal >= start + partition)
    .flatMap((ordinal) => pods.get(ordinal) ?? [])
    .filter(isOld);
  if (pass.monotonic) {
    for (const pod of targets.slice(0, Math.max(0, most - unavailable))) await deletePod(pass, pod);
    return;
  }
  // Those that serve nobody go at once: they would use up what may be unavailable, and nothing would move.
  for (const pod of targets.filter((candidate) => isUnavailable(pass, candidate))) await deletePod(pass, pod);
  const available = targets.filter((candidate) => !isUnavailable(pass, candidate));
  for (const pod of available.slice(0, Math.max(0, most - unavailable))) await deletePod(pass, pod);
}

/** Not there, not ready for `minReadySeconds`, or on the way out. Notes when to look again. */
function isUnavailable(pass: Pass, pod: Pod | undefined): boolean {
  if (pod === undefined || isPodTerminating(pod)) return true;
  const leftMs = podAvailableInMs(pod, pass.set.spec.minReadySeconds ?? 0, pass.context.clock.now());
  if (leftMs !== undefined && leftMs > 0)
    pass.againMs = Math.min(pass.againMs ?? Number.POSITIVE_INFINITY, leftMs);
  return leftMs !== 0;
}

async function createPod(pass: Pass, ordinal: number): Promise<void> {
  const { context, controller, set } = pass;
  const revision = revisionFor(pass, ordinal);
  const name = `${set.metadata.name}-${ordinal}`;
  const owner = controllerReference(set, "apps/v1", "StatefulSet");
  const pod = podFromTemplate(templateOf(revision), set.metadata.namespace!, owner, {
    name,
    generateName: `${set.metadata.name}-`,
  });
  pod.metadata.labels = {
    ...pod.metadata.labels,
    ...identityLabels(name, ordinal),
    [REVISION_LABEL]: revision.metadata.name,
  };
  pod.spec.hostname = name;
  if (set.spec.serviceName !== undefined) pod.spec.subdomain = set.spec.serviceName;
  addClaimVolumes(set, pod, ordinal);
  const what = `Create Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    await createClaims(context, controller, set, name, ordinal);
    const created = await context.api.create<Pod>(RESOURCES.pods, pod);
    pass.pods.set(ordinal, created);
    await keepClaimOwners(context, controller, set, created, ordinal, false);
    controller.events.record(set, "Normal", "SuccessfulCreate", `${what} successful`);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) {
      const problem = (error as Error).message;
      controller.events.record(set, "Warning", "FailedCreate", `${what} failed error: ${problem}`);
    }
    throw error;
  }
}

const identityLabels = (name: string, ordinal: number) => ({
  [NAME_LABEL]: name,
  [INDEX_LABEL]: String(ordinal),
});

/** Gives a pod back the labels and claims that make it who it is. */
async function keepIdentity(
  { context, controller, set, pods }: Pass,
  pod: Pod,
  ordinal: number,
): Promise<void> {
  const { namespace, name, labels = {} } = pod.metadata;
  await keepClaimOwners(context, controller, set, pod, ordinal, false);
  const wanted = identityLabels(name, ordinal);
  if (Object.entries(wanted).every(([label, value]) => labels[label] === value)) return;
  const body = { metadata: { labels: wanted } };
  pods.set(
    ordinal,
    await context.api.patch<Pod>(RESOURCES.pods, { namespace, name }, { type: "merge", body }),
  );
  const message = `Update Pod ${name} in StatefulSet ${set.metadata.name} successful`;
  controller.events.record(set, "Normal", "SuccessfulUpdate", message);
}

/** Below the partition a pod comes back as it was; above it, of the new revision, also before its turn. */
function revisionFor({ set, current, update }: Pass, ordinal: number): ControllerRevision {
  if (set.spec.updateStrategy?.type === "OnDelete") return update;
  const start = set.spec.ordinals?.start ?? 0;
  const kept = set.spec.updateStrategy?.rollingUpdate?.partition ?? set.status?.currentReplicas ?? 0;
  return ordinal < start + kept ? current : update;
}

async function deletePod(pass: Pass, pod: Pod): Promise<void> {
  const { context, controller, set } = pass;
  await deleteIfExists(context.api, RESOURCES.pods, pod);
  const left = await getIfExists<Pod>(context.api, RESOURCES.pods, pod.metadata);
  const ordinal = ordinalOf(set, pod)!;
  if (left?.metadata.uid === pod.metadata.uid) pass.pods.set(ordinal, left!);
  else pass.pods.delete(ordinal);
  const message = `Delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
  controller.events.record(set, "Normal", "SuccessfulDelete", message);
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
    collisionCount: pass.collisionCount,
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
  // By `OnDelete` nothing is complete: somebody else decides which pods are replaced.
  const isRolling = pass.set.spec.updateStrategy?.type !== "OnDelete";
  const isComplete = [status.updatedReplicas, status.readyReplicas, status.replicas].every(
    (n) => n === replicas,
  );
  if (isRolling && isComplete) {
    status.currentRevision = update.metadata.name;
    status.currentReplicas = status.updatedReplicas;
  }
  await writeStatus(context.api, RESOURCES.statefulSets, set, status);
}
