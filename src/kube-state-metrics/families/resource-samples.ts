/** Resource lists (`cpu: 500m, memory: 1Gi`) as samples with labels `resource` and `unit`. */
import { parseQuantity } from "../../model/quantity.ts";
import { labelled, type Sample } from "../family.ts";

export function resourceSamples(resources: Record<string, string>): Sample[] {
  return Object.entries(resources).flatMap(([name, quantity]) => {
    const unit = unitOf(name);
    const resource = name.replace(/[^a-zA-Z0-9_]/g, "_");
    return unit === undefined ? [] : [labelled({ resource, unit }, wholeValue(name, quantity))];
  });
}

/** Upstream leaves out native resources that it does not know. */
function unitOf(name: string): string | undefined {
  if (name === "cpu") return "core";
  if (name === "pods") return "integer";
  if (name === "memory" || name === "storage" || name === "ephemeral-storage") return "byte";
  if (name.startsWith("hugepages-") || name.startsWith("attachable-volumes-")) return "byte";
  return name.includes("/") && !name.includes("kubernetes.io/") ? "integer" : undefined;
}

/** Cores keep thousandths; everything else is rounded up to whole numbers, as `Quantity.Value` does. */
function wholeValue(name: string, quantity: string): number {
  const value = parseQuantity(quantity);
  return name === "cpu" ? Math.ceil(value * 1_000) / 1_000 : Math.ceil(value);
}
