/** GET of a collection, whole or page by page. */
import type { ListOptions } from "../../../model/kubernetes-api.ts";
import {
  apiVersionOf,
  type KubernetesList,
  type KubernetesObject,
} from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { objectFilter } from "../object-filter.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";

/** Where a list goes on. */
interface ContinueToken {
  /** The version of the first page. */
  rv: number;
  /** The last key given out. */
  start: string;
}

/**
 * Pages after the first show the present, under the version of the first page: a watch from that version brings
 * whatever changed between them once more.
 */
export function listObjects(
  context: ApiContext,
  info: ResourceInfo,
  options: ListOptions = {},
): KubernetesList {
  const { store } = context;
  const token = options.continue ? readToken(options.continue) : undefined;
  if (token !== undefined && store.since(info.collection, token.rv) === undefined) {
    throw statusError(
      "Expired",
      "The provided continue parameter is too old to display a consistent list result. You can start a new list " +
        "without the continue parameter.",
    );
  }
  const matches = objectFilter(info, options);
  const limit = options.limit !== undefined && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
  const prefix = options.namespace ? `${options.namespace}/` : "";
  const items: KubernetesObject[] = [];
  let remaining = 0;
  for (const object of store.scan(info.collection, prefix, token?.start)) {
    if (!matches(object)) continue;
    if (items.length < limit) items.push(object);
    else remaining++;
  }
  const revision = token?.rv ?? store.revision;
  return {
    kind: info.listKind,
    apiVersion: apiVersionOf(info.group, info.version),
    metadata: { resourceVersion: String(revision), ...rest(items, remaining, revision, options) },
    items,
  };
}

function rest(items: KubernetesObject[], remaining: number, rv: number, options: ListOptions) {
  if (remaining === 0 || items.length === 0) return {};
  const { namespace, name } = items[items.length - 1].metadata;
  const token: ContinueToken = { rv, start: storageKey(namespace, name) };
  // With selectors Kubernetes does not know how many are left, and says nothing.
  const counted = options.labelSelector || options.fieldSelector ? {} : { remainingItemCount: remaining };
  return { continue: Buffer.from(JSON.stringify(token)).toString("base64url"), ...counted };
}

function readToken(text: string): ContinueToken {
  try {
    const { rv, start } = JSON.parse(Buffer.from(text, "base64url").toString()) as ContinueToken;
    if (Number.isSafeInteger(rv) && typeof start === "string") return { rv, start };
  } catch {
    // Falls through to the answer for all that is no token of ours.
  }
  throw statusError("BadRequest", "continue key is not valid: illegal continue token");
}
