/** ControllerRevisions: the templates that a StatefulSet or DaemonSet has had (upstream `pkg/controller/history`). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { LabelSelector } from "../../model/label-selector.ts";
import type { ControllerRevision, PodTemplate } from "../types.ts";
import { claimObjects } from "./claim-pods.ts";
import { type ControllerContext, controllerReference, deleteIfExists, sameJson } from "./controller.ts";
import { podTemplateHash, safeEncode } from "./pod-template-hash.ts";

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

/** The revision of the present template: a new one, or an old one that becomes the newest again (rollback). */
export async function updateRevision(
  context: ControllerContext,
  owner: RevisionOwner,
  kind: string,
  revisions: ControllerRevision[],
): Promise<ControllerRevision> {
  const { api } = context;
  const data = { spec: { template: { ...owner.spec.template, $patch: "replace" } } };
  const next = (revisions.at(-1)?.revision ?? 0) + 1;
  const equal = revisions.find((revision) => sameJson(revision.data, data));
  if (equal !== undefined) {
    if (equal === revisions.at(-1)) return equal;
    return api.replace<ControllerRevision>(RESOURCES.controllerRevisions, { ...equal, revision: next });
  }
  const { name, namespace } = owner.metadata;
  const hash = safeEncode(podTemplateHash(owner.spec.template, owner.status?.collisionCount ?? 0));
  return api.create<ControllerRevision>(RESOURCES.controllerRevisions, {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...owner.spec.template.metadata?.labels, "controller.kubernetes.io/hash": hash },
      ownerReferences: [controllerReference(owner, "apps/v1", kind)],
    },
    data,
    revision: next,
  });
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplate {
  const { $patch: _, ...template } = (
    revision.data as { spec: { template: PodTemplate & { $patch?: string } } }
  ).spec.template;
  return template;
}

/** Removes the oldest revisions past `revisionHistoryLimit` (10) that no pod has. */
export async function truncateHistory(
  context: ControllerContext,
  owner: RevisionOwner,
  revisions: ControllerRevision[],
  live: Set<string | undefined>,
): Promise<void> {
  const limit = owner.spec.revisionHistoryLimit ?? 10;
  const dead = revisions.filter(({ metadata }) => !live.has(metadata.name));
  for (const revision of dead.slice(0, Math.max(0, dead.length - limit))) {
    await deleteIfExists(context.api, RESOURCES.controllerRevisions, revision);
  }
}
