/**
 * ControllerRevisions: the templates that a StatefulSet or DaemonSet has had (Kubernetes 1.35 `pkg/controller/history`,
 * `pkg/controller/daemon/update.go`).
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { LabelSelector } from "../../../model/label-selector.ts";
import type { ControllerRevision, DaemonSet, PodTemplate, StatefulSet } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type ControllerContext,
  canonicalJson,
  controllerReference,
  deleteIfExists,
  sameJson,
} from "../controller.ts";
import { podTemplateHash, revisionDataHash, safeEncode } from "./pod-template-hash.ts";

const HASH_LABEL = "controller.kubernetes.io/hash";
const DAEMON_HASH_LABEL = "controller-revision-hash";
/** Longer names of owners are cut, so that revisions' names are no longer than 253 characters. */
const MAX_NAME_PREFIX = 223;

export interface RevisionOwner extends KubernetesObject {
  spec: { template: PodTemplate; selector: LabelSelector; revisionHistoryLimit?: number };
}

/** The owner's revisions, oldest first. */
export async function listRevisions(
  context: ControllerContext,
  owner: RevisionOwner,
  kind: string,
): Promise<ControllerRevision[]> {
  const claimant = { owner, apiVersion: "apps/v1", kind, selector: owner.spec.selector };
  const revisions = await claimObjects<ControllerRevision>(context, RESOURCES.controllerRevisions, claimant);
  return revisions.toSorted((a, b) => a.revision - b.revision);
}

/**
 * The revision of a StatefulSet's present template: a new one, or an old one that becomes the newest again (rollback).
 *
 * @returns also how many names were taken, for the status
 */
export async function statefulRevision(
  context: ControllerContext,
  set: StatefulSet,
  revisions: ControllerRevision[],
): Promise<{ update: ControllerRevision; collisionCount: number }> {
  let collisionCount: number = set.status?.collisionCount ?? 0;
  const data = templatePatch(set.spec.template);
  const next = (revisions.at(-1)?.revision ?? 0) + 1;
  const equal = revisions.findLast((revision) => sameJson(revision.data, data));
  if (equal !== undefined) {
    const update = equal === revisions.at(-1) ? equal : await renumber(context, equal, next);
    return { update, collisionCount };
  }
  const hashOf = () => safeEncode(revisionDataHash(canonicalJson(data), collisionCount));
  const label = hashOf();
  for (;;) {
    const hash = hashOf();
    const revision = newRevision(set, "StatefulSet", hash, { [HASH_LABEL]: label }, next);
    const made = await createRevision(context, revision);
    if (made !== undefined) return { update: made, collisionCount };
    collisionCount++;
  }
}

/** The revision of a DaemonSet's present template, and all others. */
export async function daemonRevisions(
  context: ControllerContext,
  set: DaemonSet,
  revisions: ControllerRevision[],
): Promise<{ current: ControllerRevision; old: ControllerRevision[] }> {
  const data = templatePatch(set.spec.template);
  const found = revisions.findLast((revision) => sameJson(revision.data, data));
  const old = revisions.filter((revision) => !sameJson(revision.data, data));
  const next = (old.at(-1)?.revision ?? 0) + 1;
  if (found !== undefined) {
    return { current: found.revision < next ? await renumber(context, found, next) : found, old };
  }
  const collisionCount: number | undefined = set.status?.collisionCount;
  const hash = safeEncode(podTemplateHash(set.spec.template, collisionCount));
  const revision = newRevision(set, "DaemonSet", hash, { [DAEMON_HASH_LABEL]: hash }, next);
  const made = await createRevision(context, revision);
  if (made !== undefined) return { current: made, old };
  const { resourceVersion: _, ...metadata } = set.metadata;
  const status = { ...set.status, collisionCount: (collisionCount ?? 0) + 1 };
  await context.api.updateStatus(RESOURCES.daemonSets, { ...set, metadata, status });
  throw new Error(`the name ${revision.metadata.name} is taken by another template`);
}

function templatePatch(template: PodTemplate): { spec: { template: object } } {
  return { spec: { template: { ...template, $patch: "replace" } } };
}

function renumber(
  { api }: ControllerContext,
  revision: ControllerRevision,
  number: number,
): Promise<ControllerRevision> {
  return api.replace<ControllerRevision>(RESOURCES.controllerRevisions, { ...revision, revision: number });
}

function newRevision(
  owner: RevisionOwner,
  kind: string,
  hash: string,
  labels: Record<string, string>,
  revision: number,
): ControllerRevision {
  const { name, namespace, annotations } = owner.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name.slice(0, MAX_NAME_PREFIX)}-${hash}`,
      namespace,
      labels: { ...owner.spec.template.metadata?.labels, ...labels },
      // With them comes `kubernetes.io/change-cause`, which `rollout history` shows.
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner, "apps/v1", kind)],
    },
    data: templatePatch(owner.spec.template),
    revision,
  };
}

/** Undefined when another template has the name. */
async function createRevision(
  { api }: ControllerContext,
  revision: ControllerRevision,
): Promise<ControllerRevision | undefined> {
  try {
    return await api.create<ControllerRevision>(RESOURCES.controllerRevisions, revision);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
    const { namespace, name } = revision.metadata;
    const present = await api.get<ControllerRevision>(RESOURCES.controllerRevisions, { namespace, name });
    return sameJson(present.data, revision.data) ? present : undefined;
  }
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplate {
  const { $patch: _, ...template } = (
    revision.data as { spec: { template: PodTemplate & { $patch?: string } } }
  ).spec.template;
  return template;
}

/**
 * Removes the oldest revisions past `revisionHistoryLimit` (10) that no pod has.
 *
 * @param counted those that the limit is for, oldest first
 */
export async function truncateHistory(
  context: ControllerContext,
  owner: RevisionOwner,
  counted: ControllerRevision[],
  isLive: (revision: ControllerRevision) => boolean,
): Promise<void> {
  const { revisionHistoryLimit = 10 } = owner.spec;
  // A negative limit is none.
  if (revisionHistoryLimit < 0) return;
  let surplus = counted.length - revisionHistoryLimit;
  for (const revision of counted) {
    if (surplus <= 0) return;
    if (isLive(revision)) continue;
    await deleteIfExists(context.api, RESOURCES.controllerRevisions, revision);
    surplus--;
  }
}
