/**
 * Keeps web pages out. A page in the user's browser can send requests to this machine's addresses: under its own
 * name by rebinding (then `Host` is not ours), or across sites (then the browser says so). Tokens are asked for all
 * the same; this is the second lock.
 */
import type { HttpRequest } from "../../../base/network.ts";
import { statusError } from "../../../model/kubernetes-status.ts";

const CLUSTER_NAMES = /^kubernetes(\.default(\.svc(\.cluster\.local)?)?)?$/;
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** @throws KubernetesError 403 */
export function checkOrigin(request: Pick<HttpRequest, "headers">): void {
  const { host = "", origin, "sec-fetch-site": site } = request.headers;
  if (!isOurs(host.replace(/:\d+$/, ""))) throw refused(`Host ${JSON.stringify(host)} is not this server`);
  if (origin !== undefined && !isOurs(hostOf(origin)))
    throw refused(`Origin ${JSON.stringify(origin)} may not call this server`);
  if (site === "cross-site" || site === "same-site") throw refused("requests from other sites are not taken");
}

function isOurs(name: string): boolean {
  return LOOPBACK.test(name) || CLUSTER_NAMES.test(name);
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : "";
}

function refused(problem: string) {
  return statusError("Forbidden", `forbidden: ${problem}`, {});
}
