/** Pods as controllers make them (upstream `GetPodFromTemplate`). */
import type { OwnerReference } from "../../model/kubernetes-object.ts";
import type { Pod, PodTemplate } from "../types.ts";

/** A pod of a template, owned. */
export function podFromTemplate(
  template: PodTemplate,
  namespace: string,
  owner: OwnerReference,
  name: { name?: string; generateName?: string },
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "",
      ...name,
      namespace,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [owner],
    },
    spec: structuredClone(template.spec),
  };
}
