/**
 * The exposition of one kind, kept as text: an object's lines are written when it changes, not when it is scraped
 * (upstream `pkg/metrics_store`).
 */
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { objectKey } from "../wire/kubernetes/informer.ts";
import { familyHeader, familyLines } from "./family.ts";
import type { Kind } from "./kind.ts";

export class MetricsStore {
  readonly #kind: Kind;
  readonly #headers: string[];
  /** By object; one string per family. */
  readonly #lines = new Map<string, string[]>();

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#headers = kind.families.map(familyHeader);
  }

  put(object: KubernetesObject): void {
    const shared = this.#kind.shared(object);
    this.#lines.set(
      objectKey(object),
      this.#kind.families.map((family) => familyLines(family, shared, object)),
    );
  }

  remove(object: KubernetesObject): void {
    this.#lines.delete(objectKey(object));
  }

  /** All families, each with its header first, also when no object has a sample in it. */
  *exposition(): Generator<string> {
    for (const [index, header] of this.#headers.entries()) {
      yield header;
      for (const lines of this.#lines.values()) if (lines[index] !== "") yield lines[index];
    }
  }
}
