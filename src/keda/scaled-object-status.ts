/** Changes of a ScaledObject's status, written as merge patches of what is different. */
import { isDeepStrictEqual } from "node:util";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import { SCALED_OBJECTS, type ScaledObject, type ScaledObjectStatus } from "./scaled-object.ts";

/** Somebody else may have written in between: so often it is read and written again. */
const MAX_ATTEMPTS = 5;

/**
 * Reads the ScaledObject, lets `change` make the next status of it, and writes the difference.
 *
 * @returns the object as it is then; undefined when it is gone
 * @throws KubernetesError
 */
export async function changeStatus(
  api: KubernetesApi,
  { metadata }: ScaledObject,
  change: (status: ScaledObjectStatus, object: ScaledObject) => ScaledObjectStatus,
): Promise<ScaledObject | undefined> {
  const key = { namespace: metadata.namespace, name: metadata.name };
  for (let attempt = 1; ; attempt++) {
    try {
      const current = await api.get<ScaledObject>(SCALED_OBJECTS, key);
      const before = current.status ?? {};
      const status = mergeDifference(before, change(before, current));
      if (Object.keys(status).length === 0) return current;
      const { resourceVersion } = current.metadata;
      const patch = { type: "merge" as const, body: { metadata: { resourceVersion }, status } };
      return await api.patch<ScaledObject>(SCALED_OBJECTS, { ...key, subresource: "status" }, patch);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      if (!isStatus(error, "Conflict") || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** The merge patch (RFC 7386) that makes `after` of `before`. */
export function mergeDifference(before: object, after: object): Record<string, unknown> {
  const [old, next] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const entries: [string, unknown][] = [];
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    const [from, to] = [old[key], next[key]];
    if (isDeepStrictEqual(from, to)) continue;
    if (to === undefined) entries.push([key, null]);
    else if (isMap(from) && isMap(to)) entries.push([key, mergeDifference(from, to)]);
    else entries.push([key, to]);
  }
  return Object.fromEntries(entries);
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
