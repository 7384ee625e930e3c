/** Requests on resources: each verb to its operation, each answer in the form that the client wants. */
import type { Clock } from "../../../base/clock.ts";
import type { HttpRequest, HttpResponse } from "../../../base/network.ts";
import type { KubernetesApi, WatchEvent, WatchOptions } from "../../../model/kubernetes-api.ts";
import type { KubernetesList, KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus, type StatusCause, statusError } from "../../../model/kubernetes-status.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { forbiddenField, required } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import type { RemoveOptions } from "../operations/delete.ts";
import type { UpdateOptions } from "../operations/update.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { readInput } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import {
  eventTable,
  includeObjectOf,
  listTable,
  objectTable,
  type TableOptions,
} from "../table/table-response.ts";
import type { User } from "../user.ts";
import { acceptedView, type View } from "./accept.ts";
import { readRequestBody } from "./request-body.ts";
import type { RequestInfo } from "./request-info.ts";
import {
  deleteOptionsOf,
  listOptionsOf,
  watchOptionsOf,
  wholeNumber,
  writeOptionsOf,
} from "./request-options.ts";
import { checkRoute, methodNotAllowed } from "./resource-routes.ts";
import {
  errorResponse,
  jsonOf,
  objectResponse,
  successStatus,
  textResponse,
  warningHeader,
} from "./response.ts";
import { MIN_WATCH_TIMEOUT_SECONDS, watchResponse } from "./watch-response.ts";

export interface ResourceRequest {
  request: HttpRequest;
  info: RequestInfo;
  resource: ResourceInfo;
  api: ClusterStore;
  user: User;
  clock: Clock;
  /** Aborts when the server stops. */
  stopping: AbortSignal;
}

/** A request with what its client is to be told besides the answer, also when that is an error. */
interface Call extends ResourceRequest {
  warnings: string[];
  /** How objects are to be shown, where not as themselves. */
  view: View | undefined;
}

/** Kinds that clients are told to leave, by the collection that holds them. */
const DEPRECATED: Record<string, string> = {
  "/endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
};

export async function handleResource(request: ResourceRequest): Promise<HttpResponse> {
  checkRoute(request.resource, request.info);
  const view = acceptedView(request.request.headers.accept);
  const each: Call = { ...request, warnings: [], view };
  const deprecation = deprecationOf(each.resource);
  if (deprecation !== undefined) each.warnings.push(deprecation);
  let response: HttpResponse;
  try {
    response = await handleVerb(each);
  } catch (error) {
    if (!isStatus(error)) throw error;
    response = errorResponse(error);
  }
  if (each.warnings.length === 0) return response;
  return { ...response, headers: { ...response.headers, warning: each.warnings.map(warningHeader) } };
}

function deprecationOf({ collection, deprecation }: ResourceInfo): string | undefined {
  return deprecation ?? DEPRECATED[collection];
}

async function handleVerb(each: Call): Promise<HttpResponse> {
  switch (each.info.verb) {
    case "get":
      return getOne(each);
    case "list":
      return list(each);
    case "watch":
      return watch(each);
    case "create":
      return create(each);
    case "update":
      return update(each);
    case "patch":
      return patch(each);
    case "delete":
      return remove(each);
    case "deletecollection":
      return removeAll(each);
    default:
      throw methodNotAllowed();
  }
}

function keyOf({ info }: ResourceRequest) {
  return { namespace: info.namespace, name: info.name!, subresource: info.subresource };
}

async function getOne(each: Call): Promise<HttpResponse> {
  const object = await each.api.get<KubernetesObject>(each.resource, keyOf(each));
  return show(each, 200, object);
}

/** One object, as JSON, as a table or as metadata only. */
function show(each: Call, code: number, object: KubernetesObject): HttpResponse {
  const { resource, view } = each;
  if (view === undefined) return objectResponse(code, object);
  if (view.kind === "Table") {
    if (each.info.subresource !== undefined) return objectResponse(code, object);
    return objectResponse(code, objectTable(resource, object, tableOptions(each)));
  }
  if (view.kind === "PartialObjectMetadataList")
    throw notAcceptable(
      `you requested ${view.kind}, but the requested object is not a list (${goType(each)})`,
    );
  return objectResponse(code, metadataOf(object, view));
}

/** The type that upstream holds the object in, for messages. */
function goType({ resource: { isCustom, group, kind } }: Call): string {
  return isCustom ? "*unstructured.Unstructured" : `*${group.split(".")[0] || "core"}.${kind}`;
}

function notAcceptable(message: string) {
  return statusError("NotAcceptable", message);
}

function tableOptions({ info, clock, view }: Call): TableOptions {
  return {
    include: includeObjectOf(info.query.get("includeObject")),
    version: view?.version ?? "v1",
    nowMs: clock.now(),
  };
}

function metadataOf({ metadata }: KubernetesObject, { version }: View) {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}

async function list(each: Call): Promise<HttpResponse> {
  const { resource, info, api } = each;
  const found = await api.list<KubernetesObject>(resource, listOptionsOf(info, api.context.store.revision));
  return showList(each, found);
}

function showList(each: Call, found: KubernetesList): HttpResponse {
  const { resource, view } = each;
  if (view === undefined) return textResponse(200, listJson(resource, found));
  const { kind, version } = view;
  if (kind === "Table") return objectResponse(200, listTable(resource, found, tableOptions(each)));
  if (kind === "PartialObjectMetadata")
    throw notAcceptable(`you requested ${kind}, but the requested object is a list (${goType(each)}List)`);
  const items = found.items.map((item) => metadataOf(item, view));
  return objectResponse(200, { ...found, kind, apiVersion: `meta.k8s.io/${version}`, items });
}

/** The list from its items' kept texts. Items of built-in kinds do not say what they are: the list does. */
function listJson({ isCustom, kind }: ResourceInfo, { items, ...head }: KubernetesList): string {
  const type = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(head.apiVersion)},`;
  const textOf = (item: KubernetesObject) => {
    const text = jsonOf(item);
    return !isCustom && text.startsWith(type) ? `{${text.slice(type.length)}` : text;
  };
  const { apiVersion, kind: listKind, metadata } = head;
  const texts = `"items":[${items.map(textOf).join(",")}]`;
  if (!isCustom)
    return `${JSON.stringify({ kind: listKind, apiVersion, metadata }).slice(0, -1)},${texts}}\n`;
  // The generic form of lists is a map: it has the order of its keys, and always says whether it goes on.
  const rest = JSON.stringify({ kind: listKind, metadata: { continue: "", ...metadata } });
  return `{"apiVersion":${JSON.stringify(apiVersion)},${texts},${rest.slice(1)}\n`;
}

async function watch(each: Call): Promise<HttpResponse> {
  const { request, resource, info, api, clock, stopping } = each;
  const { query } = info;
  const stop = new AbortController();
  const end = () => stop.abort();
  request.signal.addEventListener("abort", end, { once: true });
  stopping.addEventListener("abort", end, { once: true });
  stop.signal.addEventListener("abort", () => stopping.removeEventListener("abort", end), { once: true });
  const options: WatchOptions = {
    ...watchOptionsOf(info),
    signal: stop.signal,
  };
  const given = query.get("timeoutSeconds");
  const timeoutSeconds = given === null || given === "0" ? MIN_WATCH_TIMEOUT_SECONDS : wholeNumber(given);
  const events = (api as KubernetesApi).watch<KubernetesObject>(resource, options);
  return watchResponse(events, { clock, timeoutSeconds, stop, encode: watchEncoder(each) });
}

function watchEncoder(each: Call): ((event: WatchEvent) => string) | undefined {
  const { view } = each;
  if (view === undefined) return undefined;
  if (view.kind !== "Table") return ({ object }) => JSON.stringify(metadataOf(object, view));
  let isFirst = true;
  return ({ type, object }) => {
    if (type === "BOOKMARK") {
      return JSON.stringify({
        kind: "Table",
        apiVersion: `meta.k8s.io/${view.version}`,
        metadata: object.metadata,
        columnDefinitions: [],
        rows: [],
      });
    }
    const table = eventTable(each.resource, object, isFirst, tableOptions(each));
    isFirst = false;
    return JSON.stringify(table);
  };
}

interface Write {
  object: KubernetesObject;
  options: UpdateOptions;
}

function writeOptions({ info, request, user, warnings }: Call): UpdateOptions {
  return { ...writeOptionsOf(info, request.headers, (text) => warnings.push(text)), user };
}

/** What is created below a pod must name it. */
const PARTS: Record<string, string> = { binding: "Binding", eviction: "Eviction" };

/** The body as an object of the place that the path names. */
async function readWrite(each: Call): Promise<Write> {
  const { request, info, resource } = each;
  const options = writeOptions(each);
  const kind = info.subresource === undefined ? resource.kind : "Object";
  const { value, repeated } = await readRequestBody(request, { kind });
  if (!isJsonObject(value)) throw statusError("BadRequest", "the request has no object in its body");
  if (options.fieldValidation !== "Ignore") options.repeated = repeated?.();
  if (value.metadata !== undefined && value.metadata !== null && !isJsonObject(value.metadata))
    readInput(resource, value, options);
  const metadata: Record<string, unknown> = isJsonObject(value.metadata) ? { ...value.metadata } : {};
  if (info.namespace !== undefined && resource.namespaced) {
    if (metadata.namespace && metadata.namespace !== info.namespace) {
      throw statusError(
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
      );
    }
    metadata.namespace = info.namespace;
  }
  const { name } = metadata;
  if (name !== undefined && name !== null && typeof name !== "string") readInput(resource, value, options);
  const part = PARTS[info.subresource ?? ""];
  if (part !== undefined && (metadata.name ?? "") !== info.name)
    throw statusError("BadRequest", `name in URL does not match name in ${part} object`);
  if (info.name !== undefined) {
    if (!metadata.name && info.verb === "update")
      throw statusError(
        "BadRequest",
        `the name of the object (${info.name} based on URL) was undeterminable: name must be provided`,
      );
    if (metadata.name && metadata.name !== info.name) {
      throw statusError(
        "BadRequest",
        `the name of the object (${String(metadata.name)}) does not match the name on the URL (${info.name})`,
      );
    }
    metadata.name = info.name;
  }
  return { object: { ...value, metadata } as unknown as KubernetesObject, options };
}

async function create(each: Call): Promise<HttpResponse> {
  const { info, resource, api } = each;
  if (resource.namespaced && info.namespace === undefined) throw methodNotAllowed();
  if (info.name !== undefined && info.subresource === undefined) throw methodNotAllowed();
  const { object, options } = await readWrite(each);
  const made = await api.create(resource, object, options);
  if (info.subresource === "binding" || info.subresource === "eviction") {
    return objectResponse(201, { ...successStatus(), code: 201 });
  }
  return show(each, 201, made);
}

async function update(each: Call): Promise<HttpResponse> {
  if (each.info.name === undefined) throw methodNotAllowed();
  const { object, options } = await readWrite(each);
  return show(each, 200, await each.api.replace(each.resource, object, options));
}

const PATCH_TYPES: Record<string, "json" | "merge" | "strategic" | "apply"> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

async function patch(each: Call): Promise<HttpResponse> {
  const { request, info, resource, api } = each;
  if (info.name === undefined) throw methodNotAllowed();
  const options = writeOptions(each);
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  const type = PATCH_TYPES[mediaType];
  if (type === undefined) {
    throw statusError("UnsupportedMediaType", "415: Unsupported Media Type", {});
  }
  checkPatchOptions(type, info);
  const { value, repeated } = await readRequestBody(request, { patch: mediaType });
  if (options.fieldValidation !== "Ignore") options.repeated = repeated?.();
  let isNew = false;
  const onCreate = () => {
    isNew = true;
  };
  const patched = await api.patch(resource, keyOf(each), { type, body: value }, { ...options, onCreate });
  return show(each, isNew ? 201 : 200, patched);
}

function checkPatchOptions(type: string, { query }: RequestInfo): void {
  const causes: StatusCause[] = [];
  if (type === "apply" && !query.get("fieldManager"))
    causes.push(required("fieldManager", "is required for apply patch"));
  if (type !== "apply" && query.has("force"))
    causes.push(forbiddenField("force", "may not be specified for non-apply patch"));
  if (causes.length > 0) throw invalid({ kind: "PatchOptions", group: "meta.k8s.io" }, "", causes);
}

/** Kinds whose removal is answered with what was removed. */
const RETURNED_WHEN_REMOVED = new Set([
  "/persistentvolumeclaims",
  "/persistentvolumes",
  "/podtemplates",
  "/resourcequotas",
  "/serviceaccounts",
  "/services",
]);

async function remove(each: Call): Promise<HttpResponse> {
  const { request, info, resource, api } = each;
  const { value } = await readRequestBody(request);
  const options = deleteOptionsOf(info, value);
  if (keepsPods(resource, options)) each.warnings.push(PODS_ARE_KEPT);
  const object = await api.delete<KubernetesObject>(resource, keyOf(each), { ...options, ...asking(each) });
  const { name, uid, deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
  const stays =
    deletionTimestamp !== undefined &&
    ((finalizers ?? []).length > 0 || (deletionGracePeriodSeconds ?? 0) > 0);
  // A pod is also answered as it was when it went.
  const isShown =
    ["/namespaces", "/pods"].includes(resource.collection) || RETURNED_WHEN_REMOVED.has(resource.collection);
  if (stays || isShown) return objectResponse(200, object);
  return objectResponse(
    200,
    successStatus({ name, group: resource.group || undefined, kind: resource.resource, uid }),
  );
}

/** `pkg/registry/batch/job/storage/storage.go`. */
const PODS_ARE_KEPT =
  "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them " +
  "or set propagationPolicy=Orphan to suppress this warning";

const keepsPods = ({ collection }: ResourceInfo, { propagationPolicy }: RemoveOptions): boolean =>
  collection === "batch/jobs" && propagationPolicy === undefined;

/** Who deletes, and where warnings go. */
const asking = ({ user, warnings }: Call) => ({ user, warn: (text: string) => void warnings.push(text) });

async function removeAll(each: Call): Promise<HttpResponse> {
  const { request, info, resource, api } = each;
  if (resource.collection === "/namespaces") throw methodNotAllowed();
  if (resource.namespaced && info.namespace === undefined) throw methodNotAllowed();
  const { value } = await readRequestBody(request);
  const options = deleteOptionsOf(info, value);
  if (keepsPods(resource, options)) each.warnings.push(PODS_ARE_KEPT);
  const found = await api.list<KubernetesObject>(resource, {
    ...listOptionsOf(info, api.context.store.revision),
    limit: undefined,
  });
  for (const { metadata } of found.items) {
    await api
      .delete(
        resource,
        { namespace: metadata.namespace, name: metadata.name },
        { ...options, ...asking(each), requestName: "" },
      )
      .catch((error) => {
        if (error?.reason !== "NotFound") throw error;
      });
  }
  return showList(each, found);
}
