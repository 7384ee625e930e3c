/** `serviceaccounts/token`: a fresh token for an account, bound to a pod when one is named. */
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { notFound, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { invalidValue } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { DEFAULT_TOKEN_SECONDS, MAX_TOKEN_SECONDS, MIN_TOKEN_SECONDS } from "../service-account-token.ts";
import { existingObject } from "./update.ts";

export function requestToken(
  context: ApiContext,
  info: ResourceInfo,
  request: KubernetesObject,
): KubernetesObject {
  const { namespace, name } = request.metadata;
  const account = existingObject(context, info, namespace, name);
  if (context.tokens === undefined) throw statusError("ServiceUnavailable", "this API has no key for tokens");
  const { expirationSeconds = DEFAULT_TOKEN_SECONDS, audiences, boundObjectRef } = request.spec ?? {};
  if (!(expirationSeconds >= MIN_TOKEN_SECONDS)) {
    throw invalid({ kind: "TokenRequest", group: "authentication.k8s.io" }, "", [
      invalidValue(
        "spec.expirationSeconds",
        expirationSeconds,
        "may not specify a duration less than 10 minutes",
      ),
    ]);
  }
  const seconds = Math.min(expirationSeconds, MAX_TOKEN_SECONDS);
  const pod = boundObjectRef?.kind === "Pod" ? boundPod(context, namespace!, boundObjectRef) : undefined;
  const subject = { namespace: namespace!, serviceAccount: name, uid: account.metadata.uid!, pod };
  const { token, expiresMs } = context.tokens.issue(
    subject,
    seconds,
    Array.isArray(audiences) && audiences.length > 0 ? audiences : undefined,
  );
  return {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name, namespace, creationTimestamp: kubernetesTime(context.clock.now()) },
    spec: { ...request.spec, expirationSeconds: seconds },
    status: { token, expirationTimestamp: kubernetesTime(expiresMs) },
  };
}

function boundPod(context: ApiContext, namespace: string, ref: { name?: string; uid?: string }) {
  const pod = context.store.get("/pods", storageKey(namespace, ref.name ?? ""));
  if (pod === undefined || (ref.uid && ref.uid !== pod.metadata.uid)) {
    throw notFound({ group: "", resource: "pods" }, ref.name ?? "");
  }
  return { name: pod.metadata.name, uid: pod.metadata.uid! };
}
