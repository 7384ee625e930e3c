/** Admission plugin ServiceAccount: a pod's account must be there, and its token is mounted into the containers. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { ApiContext } from "../api-context.ts";
import { setDefault } from "../kinds/pod-defaults.ts";
import { randomSuffix } from "../random-suffix.ts";
import type { Refuse } from "./refuse.ts";

/** Where in-cluster clients look for token, authority and namespace. */
export const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX = "kube-api-access-";
/** Upstream's hour and seven seconds tell these tokens from those that ask for an hour. */
const TOKEN_SECONDS = 3607;
/** Made by a controller with every namespace: a pod that is faster does not wait for it. */
const DEFAULT_ACCOUNT = "default";

interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: { name: string }[];
}

export function admitServiceAccount(
  { store, random }: Pick<ApiContext, "store" | "random">,
  pod: KubernetesObject,
  refuse: Refuse,
): void {
  const { spec, metadata } = pod;
  if (spec === undefined || metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) return;
  setDefault(spec, "serviceAccountName", DEFAULT_ACCOUNT);
  const name: string = spec.serviceAccountName || DEFAULT_ACCOUNT;
  const account = store.get("/serviceaccounts", `${metadata.namespace}/${name}`) as
    | ServiceAccount
    | undefined;
  if (account === undefined && name !== DEFAULT_ACCOUNT) {
    throw refuse(
      `error looking up service account ${metadata.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  }
  if (spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true)
    mountToken(spec, () => VOLUME_PREFIX + randomSuffix(random));
  if ((spec.imagePullSecrets ?? []).length === 0 && account?.imagePullSecrets !== undefined)
    spec.imagePullSecrets = structuredClone(account.imagePullSecrets);
}

// biome-ignore lint/suspicious/noExplicitAny: a pod's spec
function mountToken(spec: any, newName: () => string): void {
  const present = (spec.volumes ?? []).find(
    ({ name, projected }: { name: string; projected?: unknown }) =>
      projected !== undefined && name.startsWith(VOLUME_PREFIX),
  );
  const volumeName: string = present?.name ?? newName();
  let isMounted = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const mounts: { mountPath: string }[] = container.volumeMounts ?? [];
    if (mounts.some(({ mountPath }) => mountPath === ACCOUNT_PATH)) continue;
    container.volumeMounts = [...mounts, { name: volumeName, readOnly: true, mountPath: ACCOUNT_PATH }];
    isMounted = true;
  }
  if (isMounted && present === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(volumeName)];
}

function tokenVolume(name: string) {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
