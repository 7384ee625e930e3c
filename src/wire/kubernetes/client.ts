/**
 * `KubernetesApi` over HTTP: what client-go's REST client is to a Go program. Used by everything that runs in a pod,
 * and by the command line with a kubeconfig.
 */
import {
  type FetchOptions,
  type FetchResponse,
  type HttpBody,
  type Network,
  readBody,
} from "../../base/network.ts";
import type {
  GroupVersionResource,
  KubernetesApi,
  ListOptions,
  ObjectKey,
  Patch,
  SelectorOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "../../model/kubernetes-api.ts";
import type { KubernetesList, KubernetesObject } from "../../model/kubernetes-object.ts";
import { KubernetesError, type Status, statusError } from "../../model/kubernetes-status.ts";

export interface KubernetesClientOptions {
  network: Pick<Network, "fetch">;
  /** `https://10.0.0.1:443`, no path. */
  server: string;
  /** PEM of the cluster's authority. Absent: the system's. */
  ca?: string;
  /**
   * The bearer token, asked for at each request since service-account tokens are rotated. Absent: the network says who
   * asks.
   */
  token?: () => string | Promise<string>;
  /** @default "percolate-topology" */
  userAgent?: string;
}

/** A single object or list may measure so much. */
export const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;
/** One line of a watch may measure so much; etcd holds objects of 1.5 MiB. */
export const MAX_WATCH_LINE_BYTES = 8 * 1024 * 1024;

const PATCH_CONTENT_TYPES: Record<Patch["type"], string> = {
  strategic: "application/strategic-merge-patch+json",
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

export function createKubernetesClient(options: KubernetesClientOptions): KubernetesApi {
  const { network, server, ca, token, userAgent = "percolate-topology" } = options;

  async function send(method: string, target: string, extra: FetchOptions = {}): Promise<FetchResponse> {
    const headers = {
      accept: "application/json",
      ...(token !== undefined && { authorization: `Bearer ${await token()}` }),
      "user-agent": userAgent,
      ...extra.headers,
    };
    const response = await network.fetch(server + target, { ...extra, method, headers, ca });
    if (response.status >= 400) throw await errorOf(response);
    return response;
  }

  async function sendObject<T>(
    method: string,
    target: string,
    body?: unknown,
    type = "application/json",
  ): Promise<T> {
    const extra = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": type } };
    const response = await send(method, target, extra);
    return JSON.parse(await response.text(MAX_RESPONSE_BYTES)) as T;
  }

  const replace = <T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    write: WriteOptions & { subresource?: string } = {},
  ) => {
    const { namespace, name } = object.metadata;
    return sendObject<T>(
      "PUT",
      target(resource, { namespace, name, subresource: write.subresource }, write),
      object,
    );
  };

  return {
    get: (resource, key) => sendObject("GET", target(resource, key)),
    list: <T extends KubernetesObject>(resource: GroupVersionResource, list: ListOptions = {}) =>
      sendObject<KubernetesList<T>>("GET", target(resource, { namespace: list.namespace }, list)),
    create: (resource, object, write = {}) => {
      const { namespace, name } = object.metadata;
      const key =
        write.subresource === undefined ? { namespace } : { namespace, name, subresource: write.subresource };
      return sendObject("POST", target(resource, key, write), object);
    },
    replace,
    updateStatus: (resource, object, write) => replace(resource, object, { ...write, subresource: "status" }),
    patch: (resource, key, patch, write) =>
      sendObject("PATCH", target(resource, key, write), patch.body, PATCH_CONTENT_TYPES[patch.type]),
    delete: (resource, key, { dryRun, ...body } = {}) =>
      sendObject("DELETE", target(resource, key, { dryRun }), {
        kind: "DeleteOptions",
        apiVersion: "v1",
        ...body,
      }),
    async *watch<T extends KubernetesObject>(resource: GroupVersionResource, watch: WatchOptions = {}) {
      const { signal, ...query } = watch;
      try {
        const path = target(resource, { namespace: watch.namespace }, { ...query, watch: true });
        yield* watchEvents<T>((await send("GET", path, { signal })).body);
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    },
  };
}

/** The events of a watch's body; an `ERROR` event is thrown. */
async function* watchEvents<T extends KubernetesObject>(body: HttpBody): AsyncGenerator<WatchEvent<T>> {
  for await (const line of lines(body, MAX_WATCH_LINE_BYTES)) {
    const event = JSON.parse(line) as WatchEvent<T>;
    if (event.type === "ERROR") throw new KubernetesError(event.object as unknown as Status);
    yield event;
  }
}

/** @throws Error when a line is longer than `limitBytes`. */
async function* lines(body: HttpBody, limitBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    for (const line of parts) if (line !== "") yield line;
    if (rest.length > limitBytes) throw new Error(`a watch event is longer than ${limitBytes} bytes`);
  }
}

async function errorOf(response: FetchResponse): Promise<KubernetesError> {
  const text = new TextDecoder().decode(await readBody(response.body, MAX_RESPONSE_BYTES));
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status") return new KubernetesError(status);
  } catch {
    // Not from a Kubernetes API server: a proxy, or a crash. The text says what it is.
  }
  return new KubernetesError({
    ...statusError("InternalError", `status ${response.status}: ${text.slice(0, 500)}`).status,
    code: response.status,
  });
}

type Query = SelectorOptions & Partial<WatchOptions & WriteOptions & ListOptions> & { watch?: boolean };

/** Path and query of a collection or, with a name, an object. */
export function target(resource: GroupVersionResource, key: Partial<ObjectKey>, query: Query = {}): string {
  const { group, version } = resource;
  const parts = group === "" ? ["api", version] : ["apis", group, version];
  if (key.namespace !== undefined) parts.push("namespaces", key.namespace);
  parts.push(resource.resource);
  if (key.name !== undefined) parts.push(key.name);
  if (key.subresource !== undefined) parts.push(key.subresource);
  const parameters = new URLSearchParams();
  const {
    dryRun,
    namespace: _,
    subresource: __,
    signal: ___,
    ...rest
  } = query as Query & { subresource?: string };
  for (const [name, value] of Object.entries(rest))
    if (value !== undefined) parameters.set(name, String(value));
  if (query.sendInitialEvents !== undefined) parameters.set("resourceVersionMatch", "NotOlderThan");
  if (dryRun) parameters.set("dryRun", "All");
  const search = parameters.toString();
  return `/${parts.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}
