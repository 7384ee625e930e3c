/** Who is asking. No request is anonymous: creating a pod runs a program on this machine. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpRequest } from "../../base/network.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import { requireAccess } from "./authorize.ts";
import { certificateUser } from "./certificate-user.ts";
import type { ObjectStore } from "./object-store.ts";
import { storageKey } from "./object-store.ts";
import type { ServiceAccountTokens } from "./service-account-token.ts";
import type { User } from "./user.ts";

export const ADMINISTRATOR: User = {
  name: "kubernetes-admin",
  groups: ["system:masters", "system:authenticated"],
};

export interface Authenticator {
  /** @throws KubernetesError 401 */
  authenticate(request: Pick<HttpRequest, "headers" | "clientCertificate">): User;
  /** The user of a token, or undefined when it is none. */
  userOf(token: string): User | undefined;
}

export function createAuthenticator(
  adminToken: string,
  tokens: ServiceAccountTokens,
  store: ObjectStore,
): Authenticator {
  const adminDigest = digest(adminToken);
  const userOf = (token: string): User | undefined => {
    if (timingSafeEqual(digest(token), adminDigest)) return ADMINISTRATOR;
    return serviceAccountUser(token, tokens, store);
  };
  return {
    userOf,
    authenticate(request) {
      const { clientCertificate: certificate, headers } = request;
      const match = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "");
      const user =
        (certificate && certificateUser(certificate)) ?? (match === null ? undefined : userOf(match[1]));
      if (user === undefined) throw statusError("Unauthorized", "Unauthorized");
      return impersonated(user, headers, store);
    },
  };
}

/**
 * Whom a request is made for (`kubectl --as`): needs the verb `impersonate` on that user and those groups.
 *
 * @throws KubernetesError 403
 */
function impersonated(user: User, headers: HttpRequest["headers"], store: ObjectStore): User {
  const name = headers["impersonate-user"];
  if (!name) {
    const requested = impersonationRequests(headers);
    if (requested.length === 0) return user;
    throw statusError("BadRequest", `requested [${requested.join(" ")}] without impersonating a user`);
  }
  const given = (headers["impersonate-group"] ?? "").split(",").map((group) => group.trim());
  const groups = given.filter((group) => group !== "");
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name);
  requireAccess(store, user, { verb: "impersonate", group: "", resource: "users", name });
  for (const group of groups) {
    requireAccess(store, user, { verb: "impersonate", group: "", resource: "groups", name: group });
  }
  const extra = extraOf(headers);
  for (const [key, values] of Object.entries(extra))
    for (const value of values)
      requireAccess(store, user, {
        verb: "impersonate",
        group: "authentication.k8s.io",
        resource: "userextras",
        subresource: key,
        name: value,
      });
  const uid = headers["impersonate-uid"];
  if (uid)
    requireAccess(store, user, {
      verb: "impersonate",
      group: "authentication.k8s.io",
      resource: "uids",
      name: uid,
    });
  const implied = account === null ? [] : ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`];
  return {
    name,
    ...(uid && { uid }),
    groups: [...new Set([...groups, ...implied, "system:authenticated"])],
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

const EXTRA_HEADER = "impersonate-extra-";

/** What else is said of the user, by names in lower case. */
function extraOf(headers: HttpRequest["headers"]): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA_HEADER) || !value) continue;
    extra[decodeURIComponent(header.slice(EXTRA_HEADER.length))] = value
      .split(",")
      .map((each) => each.trim());
  }
  return extra;
}

/** What was asked for besides a user, as Go prints the references to it. */
function impersonationRequests(headers: HttpRequest["headers"]): string[] {
  const requests: string[] = [];
  const groups = (headers["impersonate-group"] ?? "").split(",").map((each) => each.trim());
  for (const group of groups) if (group !== "") requests.push(`{Group  ${group}    }`);
  const uid = headers["impersonate-uid"];
  for (const [key, values] of Object.entries(extraOf(headers)))
    for (const value of values) requests.push(`{UserExtra  ${value}  authentication.k8s.io/v1  ${key}}`);
  if (uid) requests.push(`{UID  ${uid}  authentication.k8s.io/v1  }`);
  return requests;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A token is good as long as its account exists, and its pod when it is bound to one. */
function serviceAccountUser(
  token: string,
  tokens: ServiceAccountTokens,
  store: ObjectStore,
): User | undefined {
  const claims = tokens.check(token);
  if (claims === undefined) return undefined;
  const { namespace, serviceaccount, pod } = claims["kubernetes.io"];
  const account = store.get("/serviceaccounts", storageKey(namespace, serviceaccount.name));
  if (account?.metadata.uid !== serviceaccount.uid) return undefined;
  if (pod !== undefined && store.get("/pods", storageKey(namespace, pod.name))?.metadata.uid !== pod.uid) {
    return undefined;
  }
  return {
    name: claims.sub,
    uid: serviceaccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    ...(pod && {
      extra: {
        "authentication.kubernetes.io/pod-name": [pod.name],
        "authentication.kubernetes.io/pod-uid": [pod.uid],
      },
    }),
  };
}
