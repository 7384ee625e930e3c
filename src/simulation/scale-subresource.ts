/** Adds the `scale` subresource to an API that has none of its own. */
import type {
  GroupVersionResource,
  KubernetesApi,
  ObjectKey,
  WriteOptions,
} from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { formatSelector, selectorOf } from "../model/label-selector.ts";

export function withScale(api: KubernetesApi): KubernetesApi {
  async function scaleOf(resource: GroupVersionResource, { namespace, name }: ObjectKey) {
    const object = await api.get(resource, { namespace, name });
    return {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: {
        name,
        namespace,
        uid: object.metadata.uid,
        resourceVersion: object.metadata.resourceVersion,
      },
      spec: { replicas: object.spec.replicas ?? 1 },
      status: {
        replicas: object.status?.replicas ?? 0,
        selector: formatSelector(selectorOf(object.spec.selector) ?? []),
      },
    };
  }
  const wrapped: Partial<KubernetesApi> = {
    get: (async (resource: GroupVersionResource, key: ObjectKey) =>
      key.subresource === "scale" ? scaleOf(resource, key) : api.get(resource, key)) as KubernetesApi["get"],
    replace: (async (
      resource: GroupVersionResource,
      object: KubernetesObject,
      options: WriteOptions & { subresource?: string } = {},
    ) => {
      if (options.subresource !== "scale") return api.replace(resource, object, options);
      const { namespace, name } = object.metadata;
      const body = { spec: { replicas: object.spec.replicas } };
      await api.patch(resource, { namespace, name }, { type: "merge", body });
      return scaleOf(resource, { namespace, name });
    }) as KubernetesApi["replace"],
  };
  return new Proxy(api, {
    get(target, property) {
      const own = wrapped[property as keyof KubernetesApi];
      if (own !== undefined) return own;
      const value = target[property as keyof KubernetesApi];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
