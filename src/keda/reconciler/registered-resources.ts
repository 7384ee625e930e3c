/** What is counted in `keda_resource_registered_total` and `keda_trigger_registered_total`. */
import type { KedaMetrics } from "../keda-metrics.ts";
import type { ScaledObject } from "../scaled-object.ts";

export class RegisteredResources {
  readonly #metrics: KedaMetrics;
  readonly #registered = new Map<string, { namespace: string; types: string[] }>();

  constructor(metrics: KedaMetrics) {
    this.#metrics = metrics;
  }

  /** Counts an object with its triggers, in place of what it was. */
  add(key: string, object: ScaledObject): void {
    const { namespace, name } = object.metadata;
    this.#discount(key);
    const types = (object.spec.triggers ?? []).map(({ type }) => type);
    this.#metrics.forget(namespace!, name);
    this.#metrics.registered(namespace!, 1);
    for (const type of types) this.#metrics.triggerRegistered(type, 1);
    this.#registered.set(key, { namespace: namespace!, types });
  }

  /** The object is gone, and its series with it. */
  remove(key: string): void {
    const [namespace, name] = key.split("/");
    this.#discount(key);
    this.#metrics.forget(namespace, name);
  }

  #discount(key: string): void {
    const known = this.#registered.get(key);
    if (known === undefined) return;
    this.#metrics.registered(known.namespace, -1);
    for (const type of known.types) this.#metrics.triggerRegistered(type, -1);
    this.#registered.delete(key);
  }
}
