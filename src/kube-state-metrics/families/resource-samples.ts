/** Quantities as samples: `cpu: 500m, memory: 1Gi` with labels `resource` and `unit` (upstream `utils.go`). */
import { scaledQuantity } from "../../model/quantity.ts";
import { labelled } from "../family.ts";
import type { Sample } from "../sample.ts";

export type ResourceList = Record<string, string>;

/** What a list is of: only nodes count pods, and only they keep thousandths of everything. */
export type ResourceListOwner = "container" | "node";

export function resourceSamples(resources: ResourceList, owner: ResourceListOwner): Sample[] {
  return Object.entries(resources).flatMap(([name, quantity]) => {
    const unit = unitOf(name, owner);
    const resource = name.replace(/[^a-zA-Z0-9_]/g, "_");
    const value = owner === "node" || name === "cpu" ? thousandths : wholeQuantity;
    return unit === undefined ? [] : [labelled({ resource, unit }, value(quantity))];
  });
}

/** Upstream leaves out native resources that it does not know. */
function unitOf(name: string, owner: ResourceListOwner): string | undefined {
  if (name === "cpu") return "core";
  if (name === "pods" && owner === "node") return "integer";
  if (name === "memory" || name === "storage" || name === "ephemeral-storage") return "byte";
  if (name.startsWith("hugepages-") || name.startsWith("attachable-volumes-")) return "byte";
  return isExtended(name) ? "integer" : undefined;
}

/** `vendor.example/device`: a qualified name outside kubernetes.io, also with the prefix that quotas give it. */
function isExtended(name: string): boolean {
  if (!name.includes("/") || name.includes("kubernetes.io/") || name.startsWith("requests.")) return false;
  const [prefix, key, extra] = `requests.${name}`.split("/");
  return (
    extra === undefined &&
    prefix.length <= 253 &&
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(prefix) &&
    key.length <= 63 &&
    /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/.test(key)
  );
}

/** Past this, thousandths do not fit 64 bits and upstream takes whole numbers. */
const MAX_MILLI_VALUE = 2 ** 63 / 1_000;

/** To thousandths, rounded up. */
export function thousandths(quantity: string): number {
  const whole = scaledQuantity(quantity, 0);
  return whole > MAX_MILLI_VALUE ? whole : scaledQuantity(quantity, 3) / 1_000;
}

/** A whole number, rounded up. */
export const wholeQuantity = (quantity: string): number => scaledQuantity(quantity, 0);
