/** GET of a collection, whole or page by page. */
import type { ListOptions } from "../../../model/kubernetes-api.ts";
import {
  apiVersionOf,
  type KubernetesList,
  type KubernetesObject,
} from "../../../model/kubernetes-object.ts";
import { KubernetesError, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { objectFilter } from "../object-filter.ts";
import { type ObjectStore, type StoredEvent, storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";

/** Where a list goes on. */
interface ContinueToken {
  /** The version of the first page. */
  rv: number;
  /** The last key given out. */
  start: string;
}

/** Pages after the first show what the first one's version had, as far as the changes since are remembered. */
export function listObjects(
  context: ApiContext,
  info: ResourceInfo,
  options: ListOptions = {},
): KubernetesList {
  const { store } = context;
  const token = options.continue ? readToken(options.continue) : undefined;
  const version = token?.rv === ANY_VERSION ? undefined : (token?.rv ?? options.exactVersion);
  const changes = version === undefined ? [] : changesSince(context, info, version, token?.start);
  const matches = objectFilter(info, options);
  const limit = options.limit !== undefined && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
  const prefix = options.namespace ? `${options.namespace}/` : "";
  const items: KubernetesObject[] = [];
  let remaining = 0;
  for (const object of scanBefore(store, info.collection, prefix, token?.start, changes)) {
    if (!matches(object)) continue;
    if (items.length < limit) items.push(object);
    else remaining++;
  }
  const revision = version ?? store.revision;
  return {
    kind: info.listKind,
    apiVersion: apiVersionOf(info.group, info.version),
    metadata: { resourceVersion: String(revision), ...rest(items, remaining, revision, options) },
    items,
  };
}

/** @throws KubernetesError 410 when they are forgotten */
function changesSince(
  { store }: ApiContext,
  info: ResourceInfo,
  version: number,
  start: string | undefined,
): readonly StoredEvent[] {
  const changes = store.since(info.collection, version);
  if (changes !== undefined) return changes;
  if (start === undefined)
    throw statusError("Expired", "The resourceVersion for the provided list is too old.");
  const { status } = statusError("Expired", EXPIRED_PAGE);
  throw new KubernetesError({ ...status, metadata: { continue: tokenText({ rv: ANY_VERSION, start }) } });
}

/** Of a token: the rest is shown as it is now, whatever the pages before showed. */
const ANY_VERSION = -1;

const EXPIRED_PAGE =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list " +
  "without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted " +
  "between the time the first chunk was returned and now may show up in the list.";

/** The objects after the key `after`, as they were before the changes. */
function scanBefore(
  store: ObjectStore,
  collection: string,
  prefix: string,
  after: string | undefined,
  changes: readonly StoredEvent[],
): Iterable<KubernetesObject> {
  if (changes.length === 0) return store.scan(collection, prefix, after);
  const before = new Map<string, KubernetesObject | undefined>();
  for (const { object, previous } of changes) {
    const key = keyOf(object);
    if (!before.has(key)) before.set(key, previous);
  }
  const objects = [...store.scan(collection, prefix, after)].filter((object) => !before.has(keyOf(object)));
  for (const [key, object] of before) {
    const isInside = key.startsWith(prefix) && (after === undefined || key > after);
    if (object !== undefined && isInside) objects.push(object);
  }
  return objects.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({ metadata }: KubernetesObject) => storageKey(metadata.namespace, metadata.name);

function rest(items: KubernetesObject[], remaining: number, rv: number, options: ListOptions) {
  if (remaining === 0 || items.length === 0) return {};
  const token: ContinueToken = { rv, start: keyOf(items[items.length - 1]) };
  // With selectors Kubernetes does not know how many are left, and says nothing.
  const counted = options.labelSelector || options.fieldSelector ? {} : { remainingItemCount: remaining };
  return { continue: tokenText(token), ...counted };
}

function tokenText(token: ContinueToken): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function readToken(text: string): ContinueToken {
  try {
    const { rv, start } = JSON.parse(Buffer.from(text, "base64url").toString()) as ContinueToken;
    if (Number.isSafeInteger(rv) && typeof start === "string") return { rv, start };
  } catch {
    // Falls through to the answer for all that is no token of ours.
  }
  const problem = /^[\w-]*$/.test(text) && text.length % 4 !== 1 ? "illegal continue token" : ILLEGAL_BASE64;
  throw statusError("BadRequest", `invalid continue token: continue key is not valid: ${problem}`);
}

const ILLEGAL_BASE64 = "illegal base64 data at input byte 0";
