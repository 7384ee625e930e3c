/**
 * Where the conversion of custom resources comes into an operation. Operations run in one go, but a webhook takes its
 * time: an operation is left where an object is not converted yet, and begun anew when it is; what is to be stored is
 * converted at its end, and the operation begun anew when something else was stored meanwhile.
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { apiVersionOf } from "../../../model/kubernetes-object.ts";
import { internalError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import type { ConversionWebhook, ResourceInfo } from "../resource-info.ts";
import { askConversion } from "./conversion-webhook.ts";

/** How often an operation is begun anew. */
const MAX_ATTEMPTS = 10;

/** By webhook as the definition has it, object of the store and version. */
const converted = new WeakMap<ConversionWebhook, WeakMap<KubernetesObject, Map<string, KubernetesObject>>>();

/** An operation was left for an object to be converted. */
class ConversionNeeded extends Error {
  readonly object: KubernetesObject;

  constructor(object: KubernetesObject) {
    super("an object is converted");
    this.object = object;
  }
}

/** An operation came to its end with an object in another version than the one to store. */
class ConvertedStore extends Error {
  readonly key: string;
  readonly object: KubernetesObject;
  /** What is stored in its place as the operation saw it. */
  readonly previous: string | undefined;
  /** What the operation makes of the stored object. @default nothing */
  show: ((object: KubernetesObject) => KubernetesObject) | undefined;

  constructor(key: string, object: KubernetesObject, previous: string | undefined) {
    super("an object is converted and stored");
    this.key = key;
    this.object = object;
    this.previous = previous;
  }
}

function keptConversions(webhook: ConversionWebhook, object: KubernetesObject) {
  let objects = converted.get(webhook);
  if (objects === undefined) converted.set(webhook, (objects = new WeakMap()));
  let versions = objects.get(object);
  if (versions === undefined) objects.set(object, (versions = new Map()));
  return versions;
}

/** The object in that version. Leaves the operation when it is not converted yet. */
export function convertedByWebhook(
  { conversion }: ResourceInfo,
  object: KubernetesObject,
  apiVersion: string,
): KubernetesObject {
  if (object.apiVersion === apiVersion) return object;
  const found = keptConversions(conversion!, object).get(apiVersion);
  if (found === undefined) throw new ConversionNeeded(object);
  return found;
}

/** @throws KubernetesError 500 when the webhook fails */
export async function convertAll(
  context: ApiContext,
  info: ResourceInfo,
  objects: readonly KubernetesObject[],
): Promise<void> {
  const webhook = info.conversion;
  if (webhook === undefined) return;
  const apiVersion = apiVersionOf(info.group, info.version);
  const others = objects.filter(
    (object) =>
      object.kind === info.kind &&
      object.apiVersion !== apiVersion &&
      !keptConversions(webhook, object).has(apiVersion),
  );
  if (others.length === 0) return;
  const results = await askConversion(context, webhook, apiVersion, others);
  for (const [index, object] of others.entries())
    keptConversions(webhook, object).set(apiVersion, results[index]);
}

/** Stores the object, in the version to store. May leave the operation, which has to be at its end. */
export function putConverted(
  { store }: ApiContext,
  info: ResourceInfo,
  key: string,
  object: KubernetesObject,
): KubernetesObject {
  const { conversion, collection, storedAs } = info;
  const wanted = storedAs && apiVersionOf(storedAs.group, storedAs.version);
  if (conversion === undefined || object.apiVersion === wanted) return store.put(collection, key, object);
  throw new ConvertedStore(key, object, store.get(collection, key)?.metadata.resourceVersion);
}

/** `show` of what is stored, also when it is stored after the operation was left. */
export function shownAs(
  run: () => KubernetesObject,
  show: (object: KubernetesObject) => KubernetesObject,
): KubernetesObject {
  try {
    return show(run());
  } catch (error) {
    if (error instanceof ConvertedStore) error.show = show;
    throw error;
  }
}

/** Carries out an operation on a resource that a webhook converts. */
export async function withConversion<T extends KubernetesObject>(
  context: ApiContext,
  info: ResourceInfo,
  run: () => T | Promise<T>,
): Promise<T> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (error instanceof ConversionNeeded) await convertAll(context, info, [error.object]);
      else if (error instanceof ConvertedStore) {
        const stored = await storeConverted(context, info, error);
        if (stored === undefined) continue;
        if (error.show === undefined) return stored as T;
        await convertAll(context, info, [stored]);
        return error.show(convertedByWebhook(info, stored, apiVersionOf(info.group, info.version))) as T;
      } else throw error;
    }
  }
  throw internalError("the object kept changing while it was converted");
}

/** Undefined when something else was stored meanwhile. */
async function storeConverted(
  context: ApiContext,
  { conversion, collection, storedAs }: ResourceInfo,
  { key, object, previous }: ConvertedStore,
): Promise<KubernetesObject | undefined> {
  const wanted = apiVersionOf(storedAs!.group, storedAs!.version);
  const [stored] = await askConversion(context, conversion!, wanted, [object]);
  if (context.store.get(collection, key)?.metadata.resourceVersion !== previous) return undefined;
  return context.store.put(collection, key, structuredClone(stored));
}
