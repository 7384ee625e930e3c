/** A pod's quality-of-service class (`pkg/apis/core/v1/helper/qos`). */
import { parseQuantity } from "./quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

interface Resources {
  requests?: Record<string, string | number>;
  limits?: Record<string, string | number>;
}

interface Spec {
  containers?: { resources?: Resources }[];
  initContainers?: { resources?: Resources }[];
  /** Of the pod as a whole: where it names processor or memory, it alone counts. */
  resources?: Resources;
}

const COUNTED = ["cpu", "memory"];

export function qosClassOf(spec: Spec): QosClass {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  const isWhole = COUNTED.some((name) => requests[name] !== undefined || limits[name] !== undefined);
  const containers = isWhole
    ? [{ requests, limits }]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((each) => each.resources ?? {});
  const amount = (quantities: Record<string, string | number> | undefined, name: string) =>
    quantities?.[name] === undefined ? 0 : parseQuantity(quantities[name]);
  const isNamed = containers.some(({ requests, limits }) =>
    COUNTED.some((name) => amount(requests, name) > 0 || amount(limits, name) > 0),
  );
  if (!isNamed) return "BestEffort";
  const isFull = containers.every(({ requests, limits }) =>
    COUNTED.every((name) => {
      const limit = amount(limits, name);
      return limit > 0 && (requests?.[name] === undefined || amount(requests, name) === limit);
    }),
  );
  return isFull ? "Guaranteed" : "Burstable";
}
