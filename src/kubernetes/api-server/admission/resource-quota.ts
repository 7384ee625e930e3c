/**
 * Admission plugin ResourceQuota: what would go beyond a quota is refused, what is taken is charged at once. What is
 * used is counted afresh each time, so that a quota holds from the moment that it is made.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  parseQuantity,
} from "../../../model/quantity.ts";
import {
  computeUsage,
  DEMANDED,
  isInQuota,
  matchingResources,
  type ResourceQuota,
  sumUsage,
  usageOf,
} from "../../quota/quota-usage.ts";
import type { ApiContext } from "../api-context.ts";
import { trackUpdate } from "../apply/managed-fields.ts";
import { deepEqual } from "../deep-equal.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { ResourceList } from "./pod-resources.ts";
import type { Refuse } from "./refuse.ts";

export interface Charge {
  context: ApiContext;
  info: ResourceInfo;
  object: KubernetesObject;
  /** Undefined for a new object. */
  previous: KubernetesObject | undefined;
  /** Nothing is written down. */
  isDryRun: boolean;
  refuse: Refuse;
}

const QUOTAS = "/resourcequotas";

/** @throws KubernetesError 403 `exceeded quota: …` */
export function chargeQuotas(charge: Charge): void {
  const { context, info, object, previous, isDryRun } = charge;
  // A pod uses what it uses from the start; its limits can't change later.
  if (previous !== undefined && info.collection === "/pods") return;
  const changed: ResourceQuota[] = [];
  for (const quota of context.store.scan(QUOTAS, `${object.metadata.namespace}/`)) {
    const next = chargeQuota(charge, quota as ResourceQuota);
    if (next !== undefined) changed.push(next);
  }
  if (isDryRun) return;
  for (const quota of changed) {
    const key = storageKey(quota.metadata.namespace, quota.metadata.name);
    const before = context.store.get(QUOTAS, key)!;
    if (deepEqual(quota, before)) continue;
    const next = { ...quota, metadata: { ...quota.metadata } };
    const time = kubernetesTime(context.clock.now());
    const writer = { manager: "kube-apiserver", subresource: "status", time };
    trackUpdate(context.registry.find(RESOURCES.resourceQuotas)!, next, before, writer);
    context.store.put(QUOTAS, key, next);
  }
}

/** The quota as it is with the object, where the object is a matter of it. */
function chargeQuota(charge: Charge, quota: ResourceQuota): ResourceQuota | undefined {
  const { context, info, object, previous, refuse } = charge;
  const { hard = {} } = quota.spec;
  if (!isInQuota(info, quota, object)) return undefined;
  const restricted = matchingResources(info, Object.keys(hard));
  if (info.collection === "/pods") {
    const missing = missingResources(restricted, object);
    if (missing !== undefined) throw refuse(`failed quota: ${quota.metadata.name}: must specify ${missing}`);
  }
  const now = context.clock.now();
  const requested = pick(usageOf(info, object, now), Object.keys(hard));
  const before = previous === undefined ? {} : usageOf(info, previous, now);
  for (const name of Object.keys(requested)) {
    const more = parseQuantity(requested[name]) - parseQuantity(before[name] ?? 0);
    if (more <= 0) delete requested[name];
    else if (before[name] !== undefined)
      requested[name] = addQuantities(requested[name], -parseQuantity(before[name]));
  }
  if (Object.keys(requested).length === 0) return undefined;
  const used = usedOf(context, info, quota);
  const exceeded = Object.keys(requested).filter(
    (name) => compareQuantities(addQuantities(used[name], requested[name]), hard[name]) > 0,
  );
  if (exceeded.length > 0) {
    throw refuse(
      `exceeded quota: ${quota.metadata.name}, requested: ${listText(pick(requested, exceeded))}, ` +
        `used: ${listText(pick(used, exceeded))}, limited: ${listText(pick(hard, exceeded))}`,
    );
  }
  const sums = Object.keys(requested).map((name) => [name, addQuantities(used[name], requested[name])]);
  const status = { hard, used: { ...quota.status?.used, ...used, ...Object.fromEntries(sums) } };
  return { ...structuredClone(quota), status: structuredClone(status) };
}

/** What objects of one kind use of a quota now; the rest is as the quota's status has it. */
function usedOf({ store, clock }: ApiContext, info: ResourceInfo, quota: ResourceQuota): ResourceList {
  const hard = pick(quota.spec.hard ?? {}, matchingResources(info, Object.keys(quota.spec.hard ?? {})));
  const usages: ResourceList[] = [];
  for (const object of store.scan(info.collection, `${quota.metadata.namespace}/`)) {
    if (isInQuota(info, quota, object)) usages.push(usageOf(info, object, clock.now()));
  }
  return sumUsage(hard, usages);
}

interface Container {
  name: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

/** `limits.cpu for: a,b; memory for: a`: what containers must say because a quota is on it. */
function missingResources(restricted: string[], { spec = {} }: KubernetesObject): string | undefined {
  if (Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits }).length > 0) return undefined;
  const containers: Container[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const texts = DEMANDED.filter((name) => restricted.includes(name))
    .sort()
    .flatMap((name) => {
      const names = containers
        .filter(
          ({ resources }) =>
            computeUsage(resources?.requests ?? {}, resources?.limits ?? {})[name] === undefined,
        )
        .map((container) => container.name);
      return names.length === 0 ? [] : [`${name} for: ${[...new Set(names)].sort().join(",")}`];
    });
  return texts.length === 0 ? undefined : texts.join("; ");
}

function pick(list: ResourceList, names: string[]): ResourceList {
  return Object.fromEntries(
    names.filter((name) => list[name] !== undefined).map((name) => [name, list[name]]),
  );
}

function listText(list: ResourceList): string {
  return Object.keys(list)
    .sort()
    .map((name) => `${name}=${canonicalQuantity(list[name])}`)
    .join(",");
}
