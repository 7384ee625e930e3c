/**
 * The exposition of one kind, kept as text: an object's lines are written when it changes, not when it is scraped
 * (upstream `pkg/metrics_store`).
 */
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { objectKey } from "../wire/kubernetes/informer.ts";
import { type AllowedKeys, type Family, familyHeader, familyLines } from "./family.ts";
import type { Kind } from "./kind.ts";

export class MetricsStore {
  readonly #kind: Kind;
  readonly #families: readonly Family[];
  readonly #allowed: AllowedKeys;
  /** By object; one string per family. */
  readonly #lines = new Map<string, string[]>();

  /** `families`: those of the kind that are wanted. */
  constructor(kind: Kind, families: readonly Family[], allowed: AllowedKeys) {
    this.#kind = kind;
    this.#families = families;
    this.#allowed = allowed;
  }

  put(object: KubernetesObject): void {
    const shared = this.#kind.shared(object);
    this.#lines.set(
      objectKey(object),
      this.#families.map((family) => familyLines(family, shared, object, this.#allowed)),
    );
  }

  remove(object: KubernetesObject): void {
    this.#lines.delete(objectKey(object));
  }

  /** All families, each with its header first, also when no object has a sample in it. Nothing without any object. */
  *exposition(isOpenMetrics = false): Generator<string> {
    if (this.#lines.size === 0) return;
    for (const [index, family] of this.#families.entries()) {
      yield familyHeader(family, isOpenMetrics);
      for (const lines of this.#lines.values()) if (lines[index] !== "") yield lines[index];
    }
  }
}
