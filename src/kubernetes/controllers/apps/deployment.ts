/** Deployments: ReplicaSets that take turns (Kubernetes 1.35 `pkg/controller/deployment`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { Deployment, Pod, ReplicaSet } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  canonicalJson,
  controllerReference,
  deleteIfExists,
  getIfExists,
  sameJson,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import {
  countsOf,
  hasProgressDeadline,
  isComplete,
  newCondition,
  nextProgressCheckMs,
  pausedConditions,
  rolloutStatus,
  setCondition,
  statusAfterScaling,
} from "./deployment-status.ts";
import { podTemplateHash, safeEncode } from "./pod-template-hash.ts";
import { DESIRED_ANNOTATION, isScalingEvent, MAX_ANNOTATION, planScaling } from "./proportional-scaling.ts";
import {
  byCreation,
  newSetReplicas,
  planRollingUpdate,
  replicasOf,
  rollingUpdateBounds,
  type ScaleStep,
} from "./rolling-update.ts";

export const REVISION_ANNOTATION = "deployment.kubernetes.io/revision";
const HISTORY_ANNOTATION = "deployment.kubernetes.io/revision-history";
/** Of the annotation above; the oldest revisions go first. */
const HISTORY_LIMIT_CHARACTERS = 2_000;
const HASH_LABEL = "pod-template-hash";
/** Annotations of a Deployment that its ReplicaSets do not get. */
const OWN_ANNOTATIONS = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION_ANNOTATION,
  HISTORY_ANNOTATION,
  DESIRED_ANNOTATION,
  MAX_ANNOTATION,
  "deprecated.deployment.rollback.to",
]);
/** What `revisionHistoryLimit` and `progressDeadlineSeconds` say for "none". */
const NO_LIMIT = 2 ** 31 - 1;

export function startDeploymentController(context: ControllerContext): void {
  const sets = context.informers.of<ReplicaSet>(RESOURCES.replicaSets);
  const controller: Controller = startController({
    context,
    name: "deployment-controller",
    reconcile: (key) => reconcile(context, controller, key),
  });
  controller.watch(RESOURCES.deployments);
  controller.watchOwned(RESOURCES.replicaSets, "Deployment");
  // `Recreate` waits for the last old pod, which changes no ReplicaSet when it goes.
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) => {
    const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
    const set = owner && sets.objects.get(`${pod.metadata.namespace}/${owner.name}`);
    const deployment = set?.metadata.ownerReferences?.find((reference) => reference.controller);
    return deployment === undefined ? [] : [`${pod.metadata.namespace}/${deployment.name}`];
  });
}

/** What one pass works on: copies, in which it notes what it has changed. */
interface Rollout {
  context: ControllerContext;
  controller: Controller;
  /** As it is stored: what the status is compared with. */
  stored: Deployment;
  deployment: Deployment;
  sets: ReplicaSet[];
}

const now = ({ context }: Rollout): number => context.clock.now();
const currentOf = ({ deployment, sets }: Rollout) => currentSet(deployment, sets);
const oldOf = (rollout: Rollout): ReplicaSet[] => {
  const current = currentOf(rollout);
  return rollout.sets.filter((set) => set !== current);
};

async function reconcile(
  context: ControllerContext,
  controller: Controller,
  key: string,
): Promise<number | undefined> {
  const { api } = context;
  const stored = await getIfExists<Deployment>(api, RESOURCES.deployments, splitKey(key) as { name: string });
  if (stored === undefined) return undefined;
  // Read, not remembered: a ReplicaSet made a moment ago must not be made again.
  const owned = await claimObjects<ReplicaSet>(context, RESOURCES.replicaSets, {
    owner: stored,
    apiVersion: "apps/v1",
    kind: "Deployment",
    selector: stored.spec.selector,
  });
  const rollout: Rollout = {
    context,
    controller,
    stored,
    deployment: { ...stored, status: { ...stored.status } },
    sets: owned.map((set) => ({ ...set })),
  };
  const { deployment } = rollout;
  if (deployment.metadata.deletionTimestamp !== undefined) {
    await syncRevision(rollout);
    return reportScaling(rollout);
  }
  deployment.status!.conditions = pausedConditions(deployment, now(rollout));
  await syncRevision(rollout);
  if (deployment.spec.paused || isScalingEvent(deployment, rollout.sets)) return scaleAll(rollout);
  return deployment.spec.strategy?.type === "Recreate" ? recreate(rollout) : rollingUpdate(rollout);
}

/** Someone scaled, or a paused Deployment is what it was: nothing rolls, all sets keep their share. */
async function scaleAll(rollout: Rollout): Promise<number | undefined> {
  const { deployment } = rollout;
  for (const step of planScaling(deployment, oldOf(rollout), currentOf(rollout)))
    await scaleSet(rollout, step);
  if (deployment.spec.paused) await pruneHistory(rollout);
  return reportScaling(rollout);
}

async function rollingUpdate(rollout: Rollout): Promise<number | undefined> {
  const current = await ensureCurrentSet(rollout);
  for (const step of planRollingUpdate(rollout.deployment, oldOf(rollout), current))
    await scaleSet(rollout, step);
  return finishPass(rollout);
}

/** Every old pod goes, terminating ones included, before a new one comes. */
async function recreate(rollout: Rollout): Promise<number | undefined> {
  const old = oldOf(rollout);
  const active = old.filter((set) => replicasOf(set) > 0);
  for (const set of active) await scaleSet(rollout, { set, replicas: 0 });
  if (active.length === 0 && !(await oldPodsAreLeft(rollout, old))) {
    const current = await ensureCurrentSet(rollout);
    await scaleSet(rollout, { set: current, replicas: rollout.deployment.spec.replicas ?? 1 });
  }
  return finishPass(rollout);
}

async function oldPodsAreLeft({ context, deployment }: Rollout, old: ReplicaSet[]): Promise<boolean> {
  if (old.some(({ status }) => (status?.replicas ?? 0) > 0)) return true;
  const uids = new Set(old.map(({ metadata }) => metadata.uid));
  const { items } = await context.api.list<Pod>(RESOURCES.pods, {
    namespace: deployment.metadata.namespace,
  });
  return items.some(
    (pod) =>
      pod.status?.phase !== "Failed" &&
      pod.status?.phase !== "Succeeded" &&
      pod.metadata.ownerReferences?.some(({ controller, uid }) => controller && uids.has(uid)),
  );
}

async function finishPass(rollout: Rollout): Promise<number | undefined> {
  const { stored, deployment, sets } = rollout;
  if (isComplete(deployment, stored.status ?? {})) await pruneHistory(rollout);
  const status = rolloutStatus(deployment, sets, currentOf(rollout), now(rollout));
  await writeStatus(rollout.context.api, RESOURCES.deployments, stored, status);
  return nextProgressCheckMs(deployment, status, now(rollout));
}

async function reportScaling(rollout: Rollout): Promise<undefined> {
  const { context, stored, deployment, sets } = rollout;
  const status = statusAfterScaling(deployment, sets, currentOf(rollout), now(rollout));
  await writeStatus(context.api, RESOURCES.deployments, stored, status);
}

// ---- the ReplicaSet of today's template ----

/** The ReplicaSet whose template is the Deployment's but for the hash; of several the oldest. */
export function currentSet(deployment: Deployment, owned: ReplicaSet[]): ReplicaSet | undefined {
  const wanted = canonicalJson(deployment.spec.template);
  return owned.toSorted(byCreation).find(({ spec: { template } }) => {
    const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
    return canonicalJson({ ...template, metadata: { ...template.metadata, labels } }) === wanted;
  });
}

const revisionOf = (set: ReplicaSet): number =>
  Number(set.metadata.annotations?.[REVISION_ANNOTATION] ?? 0) || 0;

/** Gives an existing current set the highest revision and the Deployment's annotations. */
async function syncRevision(rollout: Rollout): Promise<void> {
  const { context, deployment } = rollout;
  const current = currentOf(rollout);
  if (current === undefined) return;
  const annotations = currentAnnotations(deployment, current, nextRevision(rollout));
  const { minReadySeconds = 0 } = deployment.spec;
  if (
    !sameJson(annotations, current.metadata.annotations ?? {}) ||
    (current.spec.minReadySeconds ?? 0) !== minReadySeconds
  ) {
    const body = { metadata: { annotations }, spec: { minReadySeconds } };
    Object.assign(current, await patchSet(context, current, body));
  }
  await noteRevision(rollout, current.metadata.annotations?.[REVISION_ANNOTATION] ?? "");
  const { conditions = [] } = deployment.status!;
  if (hasProgressDeadline(deployment) && !conditions.some(({ type }) => type === "Progressing")) {
    const message = `Found new replica set ${JSON.stringify(current.metadata.name)}`;
    note(rollout, newCondition("Progressing", "True", "FoundNewReplicaSet", message, now(rollout)));
  }
}

const nextRevision = (rollout: Rollout): number => Math.max(0, ...oldOf(rollout).map(revisionOf)) + 1;

/** The Deployment's annotations and the revision. One that was current before remembers its old numbers. */
function currentAnnotations(
  deployment: Deployment,
  set: ReplicaSet,
  revision: number,
): Record<string, string> {
  const annotations = { ...set.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (!OWN_ANNOTATIONS.has(key)) annotations[key] = value;
  const before = annotations[REVISION_ANNOTATION];
  if (revisionOf(set) >= revision) return annotations;
  annotations[REVISION_ANNOTATION] = String(revision);
  if (before === undefined) return annotations;
  const history = [...(annotations[HISTORY_ANNOTATION] ?? "").split(",").filter(Boolean), before];
  while (history.join(",").length > HISTORY_LIMIT_CHARACTERS) history.shift();
  annotations[HISTORY_ANNOTATION] = history.join(",");
  return annotations;
}

async function ensureCurrentSet(rollout: Rollout): Promise<ReplicaSet> {
  const existing = currentOf(rollout);
  if (existing !== undefined) return existing;
  const { controller, deployment } = rollout;
  const wanted = newSet(rollout);
  const created = await createSet(rollout, wanted);
  const { name } = created.metadata;
  rollout.sets.push(created);
  if (replicasOf(created) > 0) {
    const message = `Scaled up replica set ${name} from 0 to ${replicasOf(created)}`;
    controller.events.record(deployment, "Normal", "ScalingReplicaSet", message);
  }
  await noteRevision(rollout, created.metadata.annotations![REVISION_ANNOTATION]);
  const message = `Created new replica set ${JSON.stringify(name)}`;
  note(rollout, newCondition("Progressing", "True", "NewReplicaSetCreated", message, now(rollout)));
  return created;
}

function newSet(rollout: Rollout): ReplicaSet {
  const { deployment, sets } = rollout;
  const hash = safeEncode(podTemplateHash(deployment.spec.template, deployment.status?.collisionCount));
  const template = structuredClone(deployment.spec.template);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  template.metadata = { ...template.metadata, labels };
  const { selector, minReadySeconds } = deployment.spec;
  const set: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      ownerReferences: [controllerReference(deployment, "apps/v1", "Deployment")],
    },
    spec: {
      replicas: 0,
      minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template,
    },
  };
  set.spec.replicas = newSetReplicas(deployment, sets, set);
  set.metadata.annotations = {
    ...currentAnnotations(deployment, set, nextRevision(rollout)),
    ...scaleAnnotations(deployment),
  };
  return set;
}

async function createSet(rollout: Rollout, wanted: ReplicaSet): Promise<ReplicaSet> {
  const { context, controller, stored, deployment } = rollout;
  try {
    return { ...(await context.api.create<ReplicaSet>(RESOURCES.replicaSets, wanted)) };
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) {
      // Another template has this hash: with another count it gets another one.
      const collisionCount = (stored.status?.collisionCount ?? 0) + 1;
      const status = { ...stored.status, collisionCount };
      await writeStatus(context.api, RESOURCES.deployments, stored, status);
    } else if (context.signal.aborted === false) {
      const name = JSON.stringify(wanted.metadata.name);
      const message = `Failed to create new replica set ${name}: ${(error as Error).message}`;
      if (hasProgressDeadline(deployment)) {
        const failed = newCondition("Progressing", "False", "ReplicaSetCreateError", message, now(rollout));
        const conditions = setCondition(deployment.status?.conditions ?? [], failed);
        await writeStatus(context.api, RESOURCES.deployments, stored, { ...stored.status, conditions });
      }
      controller.events.record(deployment, "Warning", "ReplicaSetCreateError", message);
    }
    throw error;
  }
}

function note({ deployment }: Rollout, condition: ReturnType<typeof newCondition>): void {
  if (!hasProgressDeadline(deployment)) return;
  deployment.status!.conditions = setCondition(deployment.status!.conditions ?? [], condition);
}

async function noteRevision(rollout: Rollout, revision: string): Promise<void> {
  const { context, deployment } = rollout;
  if (revision === "" || deployment.metadata.annotations?.[REVISION_ANNOTATION] === revision) return;
  const { namespace, name } = deployment.metadata;
  const body = { metadata: { annotations: { [REVISION_ANNOTATION]: revision } } };
  const written = await context.api.patch<Deployment>(
    RESOURCES.deployments,
    // By way of the status a note does not count as a change of what is wanted.
    { namespace, name, subresource: "status" },
    { type: "merge", body },
  );
  deployment.metadata = written.metadata;
  rollout.stored = { ...rollout.stored, metadata: written.metadata };
}

// ---- scaling and pruning ----

function scaleAnnotations(deployment: Deployment): Record<string, string> {
  const desired = deployment.spec.replicas ?? 1;
  return {
    [DESIRED_ANNOTATION]: String(desired),
    [MAX_ANNOTATION]: String(desired + rollingUpdateBounds(deployment).maxSurge),
  };
}

async function scaleSet(rollout: Rollout, { set, replicas, note }: ScaleStep): Promise<void> {
  const { context, controller, deployment } = rollout;
  const before = replicasOf(set);
  const annotations = scaleAnnotations(deployment);
  const noted = Object.entries(annotations).every(
    ([key, value]) => set.metadata.annotations?.[key] === value,
  );
  if (before === replicas && (noted || !note)) return;
  Object.assign(set, await patchSet(context, set, { metadata: { annotations }, spec: { replicas } }));
  if (before === replicas) return;
  const direction = replicas > before ? "up" : "down";
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
  controller.events.record(deployment, "Normal", "ScalingReplicaSet", message);
}

async function patchSet({ api }: ControllerContext, set: ReplicaSet, body: unknown): Promise<ReplicaSet> {
  const { namespace, name } = set.metadata;
  return api.patch<ReplicaSet>(RESOURCES.replicaSets, { namespace, name }, { type: "merge", body });
}

/** Old, empty ReplicaSets beyond the limit go, oldest revision first. */
async function pruneHistory(rollout: Rollout): Promise<void> {
  const { revisionHistoryLimit = 10 } = rollout.deployment.spec;
  if (revisionHistoryLimit === NO_LIMIT) return;
  const old = oldOf(rollout).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const surplus = Math.max(0, old.length - revisionHistoryLimit);
  const oldest = old.toSorted((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b));
  for (const set of oldest.slice(0, surplus)) {
    const unseen = (set.metadata.generation ?? 0) > (set.status?.observedGeneration ?? 0);
    if (replicasOf(set) !== 0 || countsOf(set).replicas !== 0 || unseen) continue;
    await deleteIfExists(rollout.context.api, RESOURCES.replicaSets, set);
    rollout.sets = rollout.sets.filter((other) => other !== set);
  }
}
