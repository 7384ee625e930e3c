/** Finds a resource by its names: the built-in ones and those that CustomResourceDefinitions add. */
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import { BUILTIN_RESOURCES } from "./builtin-resources.ts";
import type { ResourceInfo } from "./resource-info.ts";

export class ResourceRegistry {
  readonly #builtin = new Map(BUILTIN_RESOURCES.map((info) => [keyOf(info), info]));
  readonly #custom = new Map<string, ResourceInfo>();

  find(resource: GroupVersionResource): ResourceInfo | undefined {
    const key = keyOf(resource);
    return this.#builtin.get(key) ?? this.#custom.get(key);
  }

  findKind(group: string, version: string, kind: string): ResourceInfo | undefined {
    return this.all().find((info) => info.group === group && info.version === version && info.kind === kind);
  }

  /** Built-in ones first, in the order of their table. */
  all(): ResourceInfo[] {
    return [...this.#builtin.values(), ...this.#custom.values()];
  }

  addCustom(info: ResourceInfo): void {
    this.#custom.set(keyOf(info), info);
  }

  /** Forgets what a CustomResourceDefinition had added. */
  removeCustom(group: string, resource: string): void {
    for (const [key, info] of this.#custom) {
      if (info.group === group && info.resource === resource) this.#custom.delete(key);
    }
  }
}

function keyOf({ group, version, resource }: GroupVersionResource): string {
  return `${group}/${version}/${resource}`;
}
