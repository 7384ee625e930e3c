/** Which groups, versions and resources there are: `/api`, `/apis` and below, in the legacy and the aggregated form. */
import { createHash } from "node:crypto";
import type { HttpRequest, HttpResponse } from "../../../base/network.ts";
import { apiVersionOf } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { objectResponse } from "./response.ts";

/** Groups that others serve: an APIService names the Service behind it. */
export interface RemoteGroup {
  group: string;
  version: string;
  /** As the other server's own discovery lists them; undefined when it does not answer. */
  resources: () => Promise<LegacyResource[] | undefined>;
}

export interface LegacyResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  group?: string;
  version?: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

export interface DiscoverySource {
  resources(): ResourceInfo[];
  remoteGroups(): RemoteGroup[];
  /** `127.0.0.1:6443`. */
  serverAddress(): string;
}

/** As the server of custom resources lists them. */
const CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const POD_VERBS: Record<string, string[]> = {
  attach: ["create", "get"],
  binding: ["create"],
  eviction: ["create"],
  exec: ["create", "get"],
  log: ["get"],
  portforward: ["create", "get"],
  proxy: ["create", "delete", "get", "patch", "update"],
  token: ["create"],
  finalize: ["update"],
};
const POD_KINDS: Record<string, [group: string, version: string, kind: string]> = {
  attach: ["", "v1", "PodAttachOptions"],
  binding: ["", "v1", "Binding"],
  eviction: ["policy", "v1", "Eviction"],
  exec: ["", "v1", "PodExecOptions"],
  portforward: ["", "v1", "PodPortForwardOptions"],
  token: ["authentication.k8s.io", "v1", "TokenRequest"],
};

/** Groups as the aggregator orders them, by priority; others come after them. */
const GROUP_ORDER = (
  "apiregistration.k8s.io apps events.k8s.io authentication.k8s.io authorization.k8s.io autoscaling batch " +
  "certificates.k8s.io networking.k8s.io policy rbac.authorization.k8s.io storage.k8s.io admissionregistration.k8s.io " +
  "apiextensions.k8s.io scheduling.k8s.io coordination.k8s.io node.k8s.io discovery.k8s.io resource.k8s.io " +
  "flowcontrol.apiserver.k8s.io"
).split(" ");

function rankOf(group: string): number {
  const rank = GROUP_ORDER.indexOf(group);
  return rank === -1 ? GROUP_ORDER.length : rank;
}

/** Tells clients of storage migration whether objects are stored as another version is: the stored kind's hash. */
function storageVersionHash({ group, version, kind, storedAs }: ResourceInfo): string {
  const stored = storedAs ?? { group, version };
  const hash = createHash("sha256").update(`${stored.group}/${stored.version}/${kind}`).digest();
  return hash.subarray(0, 8).toString("base64");
}

const AGGREGATED = /^application\/json;g=apidiscovery\.k8s\.io;v=(v2|v2beta1);as=APIGroupDiscoveryList$/;

/** The media type of the aggregated form that a client wants, or undefined. */
function aggregatedType(request: Pick<HttpRequest, "headers">): string | undefined {
  const wanted = (request.headers.accept ?? "").split(",").map((type) => type.trim().replace(/\s+/g, ""));
  return wanted.find((type) => AGGREGATED.test(type));
}

/** Answers paths of discovery; undefined for all others. */
export async function discoveryResponse(
  path: string,
  request: Pick<HttpRequest, "headers">,
  source: DiscoverySource,
): Promise<HttpResponse | undefined> {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts[0] === "api" && parts.length === 1) {
    const type = aggregatedType(request);
    if (type !== undefined) return aggregated(type, source, true);
    return objectResponse(200, coreVersions(source));
  }
  if (parts[0] === "apis" && parts.length === 1) {
    const type = aggregatedType(request);
    if (type !== undefined) return aggregated(type, source, false);
    return objectResponse(200, {
      kind: "APIGroupList",
      apiVersion: "v1",
      groups: groupsOf(source).map(groupObject),
    });
  }
  if (parts[0] === "apis" && parts.length === 2) {
    const group = groupsOf(source).find((each) => each.name === parts[1]);
    return group && objectResponse(200, { kind: "APIGroup", apiVersion: "v1", ...groupObject(group) });
  }
  if (parts[0] === "api" && parts.length === 2) return resourceList("", parts[1], source);
  if (parts[0] === "apis" && parts.length === 3) return resourceList(parts[1], parts[2], source);
  return undefined;
}

function coreVersions(source: DiscoverySource) {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: source.serverAddress() }],
  };
}

interface Group {
  name: string;
  /** The preferred one first. */
  versions: string[];
}

function groupsOf(source: DiscoverySource): Group[] {
  const groups = new Map<string, Group>();
  const all = [...source.resources().filter((info) => info.group !== ""), ...source.remoteGroups()];
  for (const { group: name, version } of all) {
    const group = groups.get(name) ?? { name, versions: [] };
    if (!group.versions.includes(version)) group.versions.push(version);
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => rankOf(a.name) - rankOf(b.name));
}

/** The resources of a version: built-in ones in the order of their names. */
function infosOf(source: DiscoverySource, group: string, version: string): ResourceInfo[] {
  const infos = source.resources().filter((info) => info.group === group && info.version === version);
  return infos.every((info) => info.isCustom)
    ? infos
    : infos.sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

function groupObject({ name, versions }: Group) {
  const named = versions.map((version) => ({ groupVersion: apiVersionOf(name, version), version }));
  return { name, versions: named, preferredVersion: named[0] };
}

async function resourceList(
  group: string,
  version: string,
  source: DiscoverySource,
): Promise<HttpResponse | undefined> {
  const groupVersion = apiVersionOf(group, version);
  const remote = source.remoteGroups().find((each) => each.group === group && each.version === version);
  if (remote !== undefined) {
    const resources = await remote.resources();
    if (resources === undefined)
      throw statusError("ServiceUnavailable", "the server is currently unable to handle the request");
    return objectResponse(200, { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources });
  }
  const infos = infosOf(source, group, version);
  if (infos.length === 0) return undefined;
  return objectResponse(200, {
    kind: "APIResourceList",
    ...(group !== "" && { apiVersion: "v1" }),
    groupVersion,
    resources: infos.flatMap(legacyResources),
  });
}

function legacyResources(info: ResourceInfo): LegacyResource[] {
  const { resource, singular, namespaced, kind } = info;
  const main: LegacyResource = {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs: verbsOf(info),
    ...(info.shortNames.length > 0 && { shortNames: [...info.shortNames] }),
    ...(info.categories.length > 0 && { categories: [...info.categories] }),
    ...(info.isReview || info.verbs !== undefined ? {} : { storageVersionHash: storageVersionHash(info) }),
  };
  const others = subresourcesOf(info).map(({ name, verbs, kind: [group, version, subKind] }) => ({
    name: `${resource}/${name}`,
    singularName: "",
    namespaced,
    ...(group === info.group && version === info.version ? {} : { group, version }),
    kind: subKind,
    verbs,
  }));
  return [main, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

export function verbsOf(info: ResourceInfo): string[] {
  if (info.verbs !== undefined) return [...info.verbs];
  if (info.isCustom) return CUSTOM_VERBS;
  // Namespaces are deleted one by one.
  return info.collection === "/namespaces" ? VERBS.filter((verb) => verb !== "deletecollection") : VERBS;
}

export function subresourcesOf(info: ResourceInfo) {
  const found: { name: string; verbs: string[]; kind: [string, string, string] }[] = [];
  if (info.hasStatus) {
    found.push({
      name: "status",
      verbs: ["get", "patch", "update"],
      kind: [info.group, info.version, info.kind],
    });
  }
  if (info.scale !== undefined) {
    found.push({ name: "scale", verbs: ["get", "patch", "update"], kind: ["autoscaling", "v1", "Scale"] });
  }
  for (const name of info.subresources) {
    const kind =
      name === "proxy"
        ? (["", "v1", `${info.kind}ProxyOptions`] as [string, string, string])
        : (POD_KINDS[name] ?? [info.group, info.version, info.kind]);
    found.push({ name, verbs: POD_VERBS[name] ?? ["get", "patch", "update"], kind });
  }
  return found;
}

async function aggregated(type: string, source: DiscoverySource, isCore: boolean): Promise<HttpResponse> {
  const version = AGGREGATED.exec(type)![1];
  const groups = isCore ? [{ name: "", versions: ["v1"] }] : groupsOf(source);
  const items = await Promise.all(groups.map((group) => aggregatedGroup(group, source)));
  const body = {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  };
  return {
    status: 200,
    headers: { "content-type": type, vary: "Accept", "cache-control": "public" },
    body: JSON.stringify(body),
  };
}

async function aggregatedGroup({ name, versions }: Group, source: DiscoverySource) {
  return {
    metadata: name === "" ? {} : { name },
    versions: await Promise.all(versions.map((version) => aggregatedVersion(name, version, source))),
  };
}

async function aggregatedVersion(group: string, version: string, source: DiscoverySource) {
  const remote = source.remoteGroups().find((each) => each.group === group && each.version === version);
  if (remote === undefined) {
    const infos = infosOf(source, group, version);
    return { version, resources: infos.map(aggregatedResource), freshness: "Current" };
  }
  const resources = await remote.resources();
  if (resources === undefined) return { version, freshness: "Stale" };
  return {
    version,
    freshness: "Current",
    resources: resources
      .filter((each) => !each.name.includes("/"))
      .map((each) => ({
        resource: each.name,
        responseKind: { group: each.group ?? group, version: each.version ?? version, kind: each.kind },
        scope: each.namespaced ? "Namespaced" : "Cluster",
        singularResource: each.singularName,
        verbs: each.verbs,
      })),
  };
}

function aggregatedResource(info: ResourceInfo) {
  // Upstream leaves out what is the resource's own anyway, but for custom resources.
  const kindOf = ([group, version, kind]: [string, string, string]) => {
    const isOwn = !info.isCustom && group === info.group && version === info.version;
    return isOwn ? { group: "", version: "", kind } : { group, version, kind };
  };
  const inOrder = subresourcesOf(info).sort((a, b) => (a.name < b.name ? -1 : 1));
  const subresources = (info.isCustom ? subresourcesOf(info) : inOrder).map(({ name, verbs, kind }) => ({
    subresource: name,
    responseKind: kindOf(kind),
    verbs,
  }));
  return {
    resource: info.resource,
    responseKind: kindOf([info.group, info.version, info.kind]),
    scope: info.namespaced ? "Namespaced" : "Cluster",
    singularResource: info.singular,
    verbs: verbsOf(info),
    ...(info.shortNames.length > 0 && { shortNames: info.shortNames }),
    ...(info.categories.length > 0 && { categories: info.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}
