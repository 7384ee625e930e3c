/** The API as one of the cluster's own programs uses it: what it writes is its own, as a client's user agent tells upstream. */
import type { KubernetesApi, WriteOptions } from "../model/kubernetes-api.ts";

/** Names of upstream's programs; `kubectl get --show-managed-fields` prints them. */
export type ControlPlaneProgram = "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "kubelet";

/** Writes that name a field manager themselves keep it. */
export function withFieldManager(api: KubernetesApi, fieldManager: ControlPlaneProgram): KubernetesApi {
  const named = <T extends WriteOptions>(options?: T) => ({ fieldManager, ...options });
  return {
    get: (resource, key) => api.get(resource, key),
    list: (resource, options) => api.list(resource, options),
    create: (resource, object, options) => api.create(resource, object, named(options)),
    replace: (resource, object, options) => api.replace(resource, object, named(options)),
    updateStatus: (resource, object, options) => api.updateStatus(resource, object, named(options)),
    patch: (resource, key, patch, options) => api.patch(resource, key, patch, named(options)),
    delete: (resource, key, options) => api.delete(resource, key, options),
    watch: (resource, options) => api.watch(resource, options),
  };
}
