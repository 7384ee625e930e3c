/** `GET pods/NAME/log`. */
import type { HttpResponse } from "../../../base/network.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ContainerKey, PodLogOptions, PodRuntime } from "../../pod-runtime.ts";
import { isTrue } from "./request-info.ts";
import { wholeNumber } from "./request-options.ts";
import type { ResourceRequest } from "./resource-handler.ts";

export async function handlePodLog(each: ResourceRequest, runtime: PodRuntime): Promise<HttpResponse> {
  const { info, request, stopping, api, resource } = each;
  const pod = await api.get<KubernetesObject>(resource, { namespace: info.namespace, name: info.name! });
  const key = containerKey(pod, info.query.get("container"));
  const stop = AbortSignal.any([request.signal, stopping]);
  // A pod that no node has yet has said nothing.
  const body = !pod.spec?.nodeName
    ? ""
    : await runtime.logs(key, { ...logOptions(info.query), signal: stop });
  return {
    status: 200,
    headers: { "content-type": "text/plain", "cache-control": "no-cache, private" },
    body,
  };
}

function logOptions(query: URLSearchParams): PodLogOptions {
  const number = (name: string) => (query.has(name) ? wholeNumber(query.get(name)!) : undefined);
  const since = query.get("sinceTime");
  const stream = query.get("stream");
  return {
    follow: isTrue(query.get("follow")),
    previous: isTrue(query.get("previous")),
    timestamps: isTrue(query.get("timestamps")),
    tailLines: number("tailLines"),
    limitBytes: number("limitBytes"),
    sinceSeconds: number("sinceSeconds"),
    sinceTimeMs: since === null ? undefined : Date.parse(since),
    stream: stream === "Stdout" || stream === "Stderr" ? stream : "All",
  };
}

/**
 * The container that a request means: the one named, or the pod's only one.
 *
 * @throws KubernetesError 400 with the names to choose from
 */
export function containerKey(pod: KubernetesObject, named: string | null): ContainerKey {
  const { name, namespace = "", uid = "" } = pod.metadata;
  const containers: string[] = (pod.spec?.containers ?? []).map((each: { name: string }) => each.name);
  const namesOf = (list: { name: string }[] = []) => list.map((each) => each.name);
  const initContainers = namesOf(pod.spec?.initContainers);
  const others = [...initContainers, ...namesOf(pod.spec?.ephemeralContainers)];
  const key = (container: string) => ({ namespace, pod: name, uid, container });
  if (named) {
    if ([...containers, ...others].includes(named)) return key(named);
    throw statusError("BadRequest", `container ${named} is not valid for pod ${name}`);
  }
  const preferred = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  if (preferred && containers.includes(preferred)) return key(preferred);
  if (containers.length === 1) return key(containers[0]);
  const init =
    initContainers.length > 0 ? ` or one of the init containers: [${initContainers.join(" ")}]` : "";
  throw statusError(
    "BadRequest",
    `a container name must be specified for pod ${name}, choose one of: [${containers.join(" ")}]${init}`,
  );
}
