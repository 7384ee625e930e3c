/** Which paths and methods there are below a resource. */
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { subresourcesOf, verbsOf } from "./discovery.ts";
import type { RequestInfo } from "./request-info.ts";

export function methodNotAllowed() {
  return statusError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );
}

export function noSuchResource() {
  return statusError("NotFound", "the server could not find the requested resource", {});
}

/** @throws KubernetesError 404 for a path that there is not, 405 for a method that it does not have */
export function checkRoute(resource: ResourceInfo, info: RequestInfo): void {
  const isNamespace = resource.collection === "/namespaces";
  if (!resource.namespaced && !isNamespace && info.namespace !== undefined) throw noSuchResource();
  if (resource.namespaced && info.namespace === undefined && info.name !== undefined) throw noSuchResource();
  if (info.subresource === undefined) {
    if (!verbsOf(resource).includes(info.verb)) throw methodNotAllowed();
    return;
  }
  const found = subresourcesOf(resource).find(({ name }) => name === info.subresource);
  if (found === undefined) throw noSuchResource();
  if (!found.verbs.includes(info.verb)) throw methodNotAllowed();
}
