/**
 * The volume through which a container finds its API (`/var/run/secrets/kubernetes.io/serviceaccount`), as the
 * ServiceAccount admission plugin adds it. Here the kubelet does, so that stored pods stay as they were written.
 */

import type { Container, Pod, Volume } from "../types.ts";
import { DEFAULT_TOKEN_SECONDS } from "./volumes.ts";

export const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_NAME = "kube-api-access";

/** The pod with the volume, mounted in every container that has nothing at its path. */
export function withServiceAccountVolume(pod: Pod): Pod {
  if (pod.spec.automountServiceAccountToken === false) return pod;
  const mount = (container: Container): Container => {
    const mounts = container.volumeMounts ?? [];
    if (mounts.some(({ mountPath }) => mountPath === ACCOUNT_PATH)) return container;
    return {
      ...container,
      volumeMounts: [...mounts, { name: VOLUME_NAME, mountPath: ACCOUNT_PATH, readOnly: true }],
    };
  };
  const containers = pod.spec.containers.map(mount);
  const initContainers = pod.spec.initContainers?.map(mount);
  const all = [...containers, ...(initContainers ?? [])];
  if (!all.some(({ volumeMounts }) => volumeMounts?.some(({ name }) => name === VOLUME_NAME))) return pod;
  const volumes = [...(pod.spec.volumes ?? []), VOLUME];
  return { ...pod, spec: { ...pod.spec, containers, ...(initContainers && { initContainers }), volumes } };
}

const VOLUME: Volume = {
  name: VOLUME_NAME,
  projected: {
    sources: [
      { serviceAccountToken: { path: "token", expirationSeconds: DEFAULT_TOKEN_SECONDS } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  },
};
