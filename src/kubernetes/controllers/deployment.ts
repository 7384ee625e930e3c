/** Deployments: ReplicaSets that take turns (upstream `pkg/controller/deployment`). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import type { Condition, Deployment, ReplicaSet } from "../types.ts";
import {
  type ControllerContext,
  canonicalJson,
  controllerReference,
  deleteIfExists,
  getIfExists,
  isControlledBy,
  sameJson,
  splitKey,
  startController,
  writeStatus,
} from "./controller.ts";
import { podTemplateHash, safeEncode } from "./pod-template-hash.ts";
import { planRollingUpdate, rollingUpdateBounds, type ScaleStep } from "./rolling-update.ts";

export const REVISION_ANNOTATION = "deployment.kubernetes.io/revision";
const DESIRED_ANNOTATION = "deployment.kubernetes.io/desired-replicas";
const MAX_ANNOTATION = "deployment.kubernetes.io/max-replicas";
const HASH_LABEL = "pod-template-hash";
/** Annotations of a Deployment that its ReplicaSets do not get. */
const OWN_ANNOTATIONS = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION_ANNOTATION,
  DESIRED_ANNOTATION,
  MAX_ANNOTATION,
]);

export function startDeploymentController(context: ControllerContext): void {
  const { api, clock, informers } = context;
  const sets = informers.of<ReplicaSet>(RESOURCES.replicaSets);

  const controller = startController({
    context,
    name: "deployment-controller",
    async reconcile(key) {
      const stored = await getIfExists<Deployment>(
        api,
        RESOURCES.deployments,
        splitKey(key) as { name: string },
      );
      if (stored === undefined) return undefined;
      // Copies to note changes in: what the API gave is frozen.
      const deployment = { ...stored };
      // Read, not remembered: a ReplicaSet made a moment ago must not be made again.
      const { namespace } = deployment.metadata;
      const all = (await api.list<ReplicaSet>(RESOURCES.replicaSets, { namespace })).items;
      const owned = all.filter((set) => isControlledBy(set, deployment)).map((set) => ({ ...set }));
      if (deployment.metadata.deletionTimestamp !== undefined) {
        await writeDeploymentStatus(deployment, owned, currentSet(deployment, owned));
        return undefined;
      }
      const current = deployment.spec.paused
        ? currentSet(deployment, owned)
        : await ensureCurrentSet(deployment, owned);
      const others = owned.filter((set) => set.metadata.uid !== current?.metadata.uid);
      const updated = current === undefined ? others : [...others, current];
      if (!deployment.spec.paused) await roll(deployment, updated, current!);
      await pruneHistory(deployment, updated, current);
      return writeDeploymentStatus(deployment, updated, current);
    },
  });
  controller.watch(RESOURCES.deployments);
  controller.watchOwned(RESOURCES.replicaSets, "Deployment");
  // `Recreate` waits for the last old pod, which changes no ReplicaSet when it goes.
  controller.watchMapped(RESOURCES.pods, (pod) => {
    const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
    const set = owner && sets.objects.get(`${pod.metadata.namespace}/${owner.name}`);
    const deployment = set?.metadata.ownerReferences?.find((reference) => reference.controller);
    return deployment === undefined ? [] : [`${pod.metadata.namespace}/${deployment.name}`];
  });

  /** The ReplicaSet of today's template, made when there is none, with the highest revision. */
  async function ensureCurrentSet(deployment: Deployment, owned: ReplicaSet[]): Promise<ReplicaSet> {
    const revisions = owned.map(revisionOf);
    const existing = currentSet(deployment, owned);
    const others = owned.filter((set) => set !== existing);
    const revision = Math.max(0, ...others.map(revisionOf)) + 1;
    let set = existing;
    if (set === undefined) set = await createSet(deployment, Math.max(0, ...revisions) + 1);
    else if (revisionOf(set) < revision)
      set = await annotate(set, { [REVISION_ANNOTATION]: String(revision) });
    await noteRevision(deployment, set.metadata.annotations?.[REVISION_ANNOTATION] ?? "1");
    return { ...set };
  }

  async function createSet(deployment: Deployment, revision: number): Promise<ReplicaSet> {
    const { namespace, name, annotations = {} } = deployment.metadata;
    const hash = safeEncode(
      podTemplateHash(deployment.spec.template, deployment.status?.collisionCount ?? 0),
    );
    const template = structuredClone(deployment.spec.template);
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
    template.metadata = { ...template.metadata, labels };
    const { selector, minReadySeconds } = deployment.spec;
    const kept = Object.entries(annotations).filter(([key]) => !OWN_ANNOTATIONS.has(key));
    return api.create<ReplicaSet>(RESOURCES.replicaSets, {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels,
        annotations: { ...Object.fromEntries(kept), [REVISION_ANNOTATION]: String(revision) },
        ownerReferences: [controllerReference(deployment, "apps/v1", "Deployment")],
      },
      spec: {
        replicas: 0,
        minReadySeconds,
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template,
      },
    });
  }

  async function noteRevision(deployment: Deployment, revision: string): Promise<void> {
    if (deployment.metadata.annotations?.[REVISION_ANNOTATION] === revision) return;
    const { namespace, name } = deployment.metadata;
    const body = { metadata: { annotations: { [REVISION_ANNOTATION]: revision } } };
    const written = await api.patch<Deployment>(
      RESOURCES.deployments,
      { namespace, name },
      { type: "merge", body },
    );
    deployment.metadata = written.metadata;
  }

  async function annotate(set: ReplicaSet, annotations: Record<string, string>): Promise<ReplicaSet> {
    const { namespace, name } = set.metadata;
    return api.patch(
      RESOURCES.replicaSets,
      { namespace, name },
      { type: "merge", body: { metadata: { annotations } } },
    );
  }

  async function roll(deployment: Deployment, owned: ReplicaSet[], current: ReplicaSet): Promise<void> {
    const old = owned.filter((set) => set.metadata.uid !== current.metadata.uid);
    const steps =
      deployment.spec.strategy?.type === "Recreate"
        ? planRecreate(deployment, old, current)
        : planRollingUpdate(deployment, old, current);
    for (const step of steps) await scale(deployment, step);
  }

  /** Every old pod goes, terminating ones included, before a new one comes. */
  function planRecreate(deployment: Deployment, old: ReplicaSet[], current: ReplicaSet): ScaleStep[] {
    const running = old.filter((set) => (set.spec.replicas ?? 0) > 0);
    if (running.length > 0) return running.map((set) => ({ set, replicas: 0 }));
    const left = old.some(({ status }) => (status?.replicas ?? 0) + (status?.terminatingReplicas ?? 0) > 0);
    return left ? [] : [{ set: current, replicas: deployment.spec.replicas ?? 1 }];
  }

  async function scale(deployment: Deployment, { set, replicas }: ScaleStep): Promise<void> {
    const before = set.spec.replicas ?? 0;
    const { maxSurge } = rollingUpdateBounds(deployment);
    const desired = deployment.spec.replicas ?? 1;
    const annotations = {
      [DESIRED_ANNOTATION]: String(desired),
      [MAX_ANNOTATION]: String(desired + maxSurge),
    };
    const noted = Object.entries(annotations).every(
      ([key, value]) => set.metadata.annotations?.[key] === value,
    );
    if (before === replicas && noted) return;
    const { namespace, name } = set.metadata;
    const body = { metadata: { annotations }, spec: { replicas } };
    const written = await api.patch<ReplicaSet>(
      RESOURCES.replicaSets,
      { namespace, name },
      { type: "merge", body },
    );
    set.spec = written.spec;
    set.metadata = written.metadata;
    if (before === replicas) return;
    const direction = replicas > before ? "up" : "down";
    const message = `Scaled ${direction} replica set ${name} from ${before} to ${replicas}`;
    controller.events.record(deployment, "Normal", "ScalingReplicaSet", message);
  }

  /** Old, empty ReplicaSets beyond the limit go, oldest first. */
  async function pruneHistory(
    deployment: Deployment,
    owned: ReplicaSet[],
    current: ReplicaSet | undefined,
  ): Promise<void> {
    const { revisionHistoryLimit = 10 } = deployment.spec;
    const empty = owned.filter(
      (set) =>
        set.metadata.uid !== current?.metadata.uid &&
        set.spec.replicas === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        set.metadata.deletionTimestamp === undefined,
    );
    const surplus = Math.max(0, empty.length - revisionHistoryLimit);
    for (const set of empty.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, surplus)) {
      await deleteIfExists(api, RESOURCES.replicaSets, set);
    }
  }

  async function writeDeploymentStatus(
    deployment: Deployment,
    owned: ReplicaSet[],
    current: ReplicaSet | undefined,
  ): Promise<number | undefined> {
    const status = deploymentStatus(deployment, owned, current, clock.now());
    await writeStatus(api, RESOURCES.deployments, deployment, status);
    const progressing = status.conditions?.find(({ type }) => type === "Progressing");
    const { progressDeadlineSeconds } = deployment.spec;
    if (progressDeadlineSeconds === undefined || progressing?.reason !== "ReplicaSetUpdated")
      return undefined;
    // So that a rollout that is stuck is called so, when nothing else happens either.
    return Math.max(
      1_000,
      Date.parse(progressing.lastUpdateTime!) + progressDeadlineSeconds * 1_000 - clock.now(),
    );
  }
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[REVISION_ANNOTATION] ?? 0) || 0;
}

/** The ReplicaSet whose template is the Deployment's but for the hash; of several the oldest. */
export function currentSet(deployment: Deployment, owned: ReplicaSet[]): ReplicaSet | undefined {
  const wanted = canonicalJson(deployment.spec.template);
  return owned
    .toSorted((a, b) => Date.parse(a.metadata.creationTimestamp!) - Date.parse(b.metadata.creationTimestamp!))
    .find(({ spec: { template } }) => {
      const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
      return canonicalJson({ ...template, metadata: { ...template.metadata, labels } }) === wanted;
    });
}

function deploymentStatus(
  deployment: Deployment,
  owned: ReplicaSet[],
  current: ReplicaSet | undefined,
  nowMs: number,
): NonNullable<Deployment["status"]> {
  const total = (count: (set: ReplicaSet) => number | undefined) =>
    owned.reduce((sum, set) => sum + (count(set) ?? 0), 0);
  const available = total(({ status }) => status?.availableReplicas);
  const counts = {
    observedGeneration: deployment.metadata.generation,
    replicas: total(({ status }) => status?.replicas),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total(({ status }) => status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(({ spec }) => spec.replicas) - available),
    terminatingReplicas: total(({ status }) => status?.terminatingReplicas),
    collisionCount: deployment.status?.collisionCount,
  };
  return { ...counts, conditions: conditionsOf(deployment, counts, current, nowMs) };
}

type Counts = Omit<NonNullable<Deployment["status"]>, "conditions">;

function conditionsOf(
  deployment: Deployment,
  counts: Counts,
  current: ReplicaSet | undefined,
  nowMs: number,
): Condition[] {
  const { maxUnavailable } = rollingUpdateBounds(deployment);
  const enough = (counts.availableReplicas ?? 0) >= (deployment.spec.replicas ?? 1) - maxUnavailable;
  const available: Condition = enough
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  const progressing = progressCondition(deployment, counts, current, nowMs);
  const wanted = progressing === undefined ? [available] : [available, progressing];
  return wanted.map((condition) => withTimes(condition, deployment, counts, nowMs));
}

/** Whether the rollout moves, is done, or has not moved for too long. */
function progressCondition(
  deployment: Deployment,
  counts: Counts,
  current: ReplicaSet | undefined,
  nowMs: number,
): Condition | undefined {
  const name =
    current === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${current.metadata.name}"`;
  const before = deployment.status?.conditions?.find(({ type }) => type === "Progressing");
  if (deployment.spec.paused) {
    return {
      type: "Progressing",
      status: "Unknown",
      reason: "DeploymentPaused",
      message: "Deployment is paused",
    };
  }
  if (isComplete(deployment, counts)) {
    return {
      type: "Progressing",
      status: "True",
      reason: "NewReplicaSetAvailable",
      message: `${name} has successfully progressed.`,
    };
  }
  const { progressDeadlineSeconds } = deployment.spec;
  const since = Date.parse(before?.lastUpdateTime ?? "");
  const late = progressDeadlineSeconds !== undefined && nowMs > since + progressDeadlineSeconds * 1_000;
  if (
    before !== undefined &&
    before.reason !== "NewReplicaSetAvailable" &&
    !hasMoved(deployment, counts) &&
    (late || before.reason === "ProgressDeadlineExceeded")
  ) {
    return {
      type: "Progressing",
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: `${name} has timed out progressing.`,
    };
  }
  return {
    type: "Progressing",
    status: "True",
    reason: "ReplicaSetUpdated",
    message: `${name} is progressing.`,
  };
}

function isComplete(deployment: Deployment, counts: Counts): boolean {
  const desired = deployment.spec.replicas ?? 1;
  return (
    counts.updatedReplicas === desired && counts.replicas === desired && counts.availableReplicas === desired
  );
}

function hasMoved(deployment: Deployment, counts: Counts): boolean {
  const before = deployment.status ?? {};
  const oldBefore = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  const oldNow = (counts.replicas ?? 0) - (counts.updatedReplicas ?? 0);
  return (
    (counts.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldNow < oldBefore ||
    (counts.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (counts.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** `lastTransitionTime` moves with the status, `lastUpdateTime` with anything that happened. */
function withTimes(condition: Condition, deployment: Deployment, counts: Counts, nowMs: number): Condition {
  const before = deployment.status?.conditions?.find(({ type }) => type === condition.type);
  const now = kubernetesTime(nowMs);
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : now;
  const { lastUpdateTime, lastTransitionTime: _, ...said } = before ?? ({} as Condition);
  const isProgress =
    condition.type === "Progressing" &&
    condition.reason === "ReplicaSetUpdated" &&
    hasMoved(deployment, counts);
  const unchanged = sameJson(said, condition) && !isProgress;
  return { ...condition, lastTransitionTime, lastUpdateTime: unchanged ? lastUpdateTime : now };
}
