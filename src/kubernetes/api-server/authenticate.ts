/** Who is asking. No request is anonymous: creating a pod runs a program on this machine. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpRequest } from "../../base/network.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import { requireAccess } from "./authorize.ts";
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
  authenticate(request: Pick<HttpRequest, "headers">): User;
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
      const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
      const user = match === null ? undefined : userOf(match[1]);
      if (user === undefined) throw statusError("Unauthorized", "Unauthorized");
      return impersonated(user, request.headers, store);
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
  if (name === undefined) return user;
  const given = (headers["impersonate-group"] ?? "").split(",").map((group) => group.trim());
  const groups = given.filter((group) => group !== "");
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name);
  requireAccess(store, user, { verb: "impersonate", group: "", resource: "users", name });
  for (const group of groups) {
    requireAccess(store, user, { verb: "impersonate", group: "", resource: "groups", name: group });
  }
  const implied = account === null ? [] : ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`];
  return { name, groups: [...new Set([...groups, ...implied, "system:authenticated"])] };
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
