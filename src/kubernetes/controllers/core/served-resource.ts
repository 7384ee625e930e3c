/** A resource that the API serves and that can be listed, watched and deleted, as discovery tells of it. */
import type { GroupVersionResource } from "../../../model/kubernetes-api.ts";

export interface ServedResource extends GroupVersionResource {
  kind: string;
  namespaced: boolean;
}

/** One version of each: a kind that is served in several would be met several times. */
export function oneVersionEach<T extends GroupVersionResource>(resources: readonly T[]): T[] {
  const first = new Map<string, T>();
  for (const resource of resources) {
    const name = `${resource.group}/${resource.resource}`;
    if (!first.has(name)) first.set(name, resource);
  }
  return [...first.values()];
}
