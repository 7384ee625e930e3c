/** Admission plugin LimitRanger: what containers get that say nothing, and what is too little or too much. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { canonicalQuantity, compareQuantities, parseQuantity } from "../../../model/quantity.ts";
import type { ObjectStore } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { podLimits, podRequests, type ResourceList } from "./pod-resources.ts";
import type { Refuse } from "./refuse.ts";

interface Limit {
  type: string;
  min?: ResourceList;
  max?: ResourceList;
  default?: ResourceList;
  defaultRequest?: ResourceList;
  maxLimitRequestRatio?: ResourceList;
}

interface Container {
  name: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

const ANNOTATION = "kubernetes.io/limit-ranger";

function* limitRanges(store: ObjectStore, namespace: string): Generator<Limit[]> {
  for (const { spec } of store.scan("/limitranges", `${namespace}/`)) yield spec?.limits ?? [];
}

/** Gives each container of a new pod the requests and limits that it leaves out. */
export function applyLimitDefaults(store: ObjectStore, pod: KubernetesObject): void {
  const { spec, metadata } = pod;
  for (const limits of limitRanges(store, metadata.namespace!)) {
    const requests: ResourceList = {};
    const maxima: ResourceList = {};
    for (const limit of limits) {
      if (limit.type !== "Container") continue;
      Object.assign(requests, limit.defaultRequest);
      Object.assign(maxima, limit.default);
    }
    const set = [
      ...((spec?.containers ?? []) as Container[]).flatMap((each) =>
        complete(each, "container", requests, maxima),
      ),
      ...((spec?.initContainers ?? []) as Container[]).flatMap((each) =>
        complete(each, "init container", requests, maxima),
      ),
    ];
    if (set.length > 0)
      metadata.annotations = {
        ...metadata.annotations,
        [ANNOTATION]: `LimitRanger plugin set: ${set.join("; ")}`,
      };
  }
}

/** Answers what was set, in words. */
function complete(
  container: Container,
  what: string,
  requests: ResourceList,
  limits: ResourceList,
): string[] {
  container.resources ??= {};
  const texts: string[] = [];
  for (const [kind, defaults] of [
    ["request", requests],
    ["limit", limits],
  ] as const) {
    const present = container.resources[`${kind}s`] ?? {};
    const missing = Object.keys(defaults).filter((name) => present[name] === undefined);
    if (missing.length === 0) continue;
    container.resources[`${kind}s`] = {
      ...present,
      ...Object.fromEntries(missing.map((name) => [name, defaults[name]])),
    };
    texts.push(`${missing.sort().join(", ")} ${kind} for ${what} ${container.name}`);
  }
  return texts;
}

export function checkLimits(
  store: ObjectStore,
  info: ResourceInfo,
  { metadata, spec = {} }: KubernetesObject,
  refuse: Refuse,
): void {
  for (const limits of limitRanges(store, metadata.namespace!)) {
    const problems = limits.flatMap((limit) =>
      info.collection === "/pods" ? podProblems(limit, spec) : claimProblems(limit, spec),
    );
    const texts = [...new Set(problems)];
    if (texts.length > 0) throw refuse(texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a pod's spec
function podProblems(limit: Limit, spec: any): string[] {
  if (limit.type === "Pod") {
    const { overhead: _, ...own } = spec;
    return rangeProblems(limit, podRequests(own), podLimits(own));
  }
  if (limit.type !== "Container") return [];
  const containers: Container[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return containers.flatMap(({ resources }) =>
    rangeProblems(limit, resources?.requests ?? {}, resources?.limits ?? {}),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a claim's spec
function claimProblems(limit: Limit, spec: any): string[] {
  if (limit.type !== "PersistentVolumeClaim") return [];
  const requests: ResourceList = spec.resources?.requests ?? {};
  return [
    ...each(limit.min, (name, bound) => minProblem(limit.type, name, bound, requests, {})),
    ...each(limit.max, (name, bound) => {
      const text = `maximum ${name} usage per ${limit.type} is ${bound}`;
      if (requests[name] === undefined) return `${text}.  No request is specified`;
      return compareQuantities(requests[name], bound) > 0
        ? `${text}, but request is ${requests[name]}`
        : undefined;
    }),
  ];
}

function rangeProblems(limit: Limit, requests: ResourceList, limits: ResourceList): string[] {
  const { type } = limit;
  return [
    ...each(limit.min, (name, bound) => minProblem(type, name, bound, requests, limits)),
    ...each(limit.max, (name, bound) => maxProblem(type, name, bound, requests, limits)),
    ...each(limit.maxLimitRequestRatio, (name, bound) => ratioProblem(type, name, bound, requests, limits)),
  ];
}

function each(
  list: ResourceList | undefined,
  problem: (name: string, bound: string) => string | undefined,
): string[] {
  const names = Object.keys(list ?? {}).sort();
  return names.flatMap((name) => problem(name, canonicalQuantity(list![name])) ?? []);
}

function minProblem(
  type: string,
  name: string,
  bound: string,
  { [name]: request }: ResourceList,
  { [name]: limit }: ResourceList,
): string | undefined {
  const text = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return `${text}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${text}, but request is ${request}`;
  return limit !== undefined && compareQuantities(limit, bound) < 0
    ? `${text}, but limit is ${limit}`
    : undefined;
}

function maxProblem(
  type: string,
  name: string,
  bound: string,
  { [name]: request }: ResourceList,
  { [name]: limit }: ResourceList,
): string | undefined {
  const text = `maximum ${name} usage per ${type} is ${bound}`;
  if (limit === undefined) return `${text}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${text}, but limit is ${limit}`;
  return request !== undefined && compareQuantities(request, bound) > 0
    ? `${text}, but request is ${request}`
    : undefined;
}

function ratioProblem(
  type: string,
  name: string,
  bound: string,
  { [name]: request = "0" }: ResourceList,
  { [name]: limit = "0" }: ResourceList,
): string | undefined {
  const text = `${name} max limit to request ratio per ${type} is ${bound}`;
  if (parseQuantity(request) === 0) return `${text}, but no request is specified or request is 0`;
  if (parseQuantity(limit) === 0) return `${text}, but no limit is specified or limit is 0`;
  const ratio = parseQuantity(limit) / parseQuantity(request);
  return ratio > parseQuantity(bound) ? `${text}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
