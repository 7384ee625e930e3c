/** Who owns whom (upstream `pkg/controller/garbagecollector/graph_builder.go`): objects by uid, and the edges between them. */
import {
  type KubernetesObject,
  type OwnerReference,
  parseApiVersion,
} from "../../../model/kubernetes-object.ts";
import type { ServedResource } from "./served-resource.ts";

export interface GraphNode {
  resource: ServedResource;
  object: KubernetesObject;
}

export const ownersOf = ({ metadata }: KubernetesObject): OwnerReference[] => metadata.ownerReferences ?? [];

/** Whether a reference means this object: not its uid alone, its kind, name and namespace too. */
export function meansNode(
  { apiVersion, kind, name, uid }: OwnerReference,
  dependent: KubernetesObject,
  { resource, object }: GraphNode,
): boolean {
  return (
    uid === object.metadata.uid &&
    name === object.metadata.name &&
    kind === resource.kind &&
    parseApiVersion(apiVersion).group === resource.group &&
    (!resource.namespaced || object.metadata.namespace === dependent.metadata.namespace)
  );
}

export class DependencyGraph {
  readonly #nodes = new Map<string, GraphNode>();
  /** By uid of the owner, whether that is there or not. */
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  nodes(): Iterable<GraphNode> {
    return this.#nodes.values();
  }

  /** What names `uid` as an owner. */
  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((each) => this.#nodes.get(each) ?? []);
  }

  put(node: GraphNode): void {
    const uid = node.object.metadata.uid!;
    this.#cut(uid);
    this.#nodes.set(uid, node);
    for (const owner of ownersOf(node.object)) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set();
      this.#dependents.set(owner.uid, dependents.add(uid));
    }
  }

  remove(uid: string): void {
    this.#cut(uid);
    this.#nodes.delete(uid);
  }

  #cut(uid: string): void {
    const node = this.#nodes.get(uid);
    for (const owner of node === undefined ? [] : ownersOf(node.object)) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}
