/** POST of an object. */
import { randomUuid } from "../../../base/random.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import {
  alreadyExists,
  internalFailure,
  KubernetesError,
  notFound,
  statusError,
} from "../../../model/kubernetes-status.ts";
import { admitNew, reviewChange, reviewObject } from "../admission/admission.ts";
import { admissionRequest } from "../admission/admission-turn.ts";
import { checkEscalation } from "../admission/escalation.ts";
import type { ApiContext } from "../api-context.ts";
import { trackUpdate } from "../apply/managed-fields.ts";
import { toStorageVersion } from "../convert.ts";
import { putConverted } from "../custom/conversion-turn.ts";
import { objectWarnings } from "../kinds/object-warnings.ts";
import { strategyOf } from "../kinds/strategies.ts";
import { storageKey } from "../object-store.ts";
import { randomSuffix } from "../random-suffix.ts";
import { type InputOptions, readInput } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { validateObject } from "../validate-object.ts";
import { completeObject } from "../zero-values.ts";
import type { Actor } from "./update.ts";

/** A generated name's prefix is cut to this length, so that prefix and suffix fit a label. */
const MAX_GENERATED_PREFIX = 58;

export interface CreateOptions extends Actor, InputOptions {}

export function createObject(
  context: ApiContext,
  info: ResourceInfo,
  input: KubernetesObject,
  options: CreateOptions = {},
): KubernetesObject {
  let object = prepare(
    context,
    info,
    toStorageVersion(info, readInput(info, input, options)),
    options.dryRun === true,
  );
  const generatedName = input.metadata?.name ? undefined : object.metadata.name;
  const { namespace } = object.metadata;
  let { name } = object.metadata;
  const strategy = strategyOf(info);
  strategy.setDefaults?.(object);
  completeObject(info, object);
  // What the server decides from here on is nobody's.
  if (options.fieldManager !== undefined) {
    const time = kubernetesTime(context.clock.now());
    trackUpdate(info, object, undefined, { manager: options.fieldManager, time });
  }
  if (info.namespaced) checkNamespace(context, info, namespace!, name);
  admitNew(context, info, object, (!input.metadata?.name && object.metadata.generateName) || name);
  if (options.turn !== undefined) {
    const asked = admissionRequest(info, "CREATE", { object }, options);
    if (generatedName !== undefined) delete (asked.object!.metadata as { name?: string }).name;
    const changed = options.turn.mutate({ ...asked, name: generatedName === undefined ? name : "" });
    if (changed !== undefined) object = toStorageVersion(info, changed);
    object.metadata.name ||= generatedName ?? name;
    name = object.metadata.name;
  }
  strategy.prepareForCreate?.(object, { ...context, user: options.user });
  strategy.setDefaults?.(object);
  completeObject(info, object);
  validateObject(info, object);
  if (options.user !== undefined) checkEscalation(context.store, info, object, undefined, options.user);
  const key = storageKey(namespace, name);
  const taken = context.store.get(info.collection, key);
  reviewChange(context, info, "CREATE", { object }, options);
  reviewObject(context, info, object, undefined, options.dryRun === true || taken !== undefined);
  if (options.warn !== undefined)
    for (const warning of objectWarnings(info, object, undefined)) options.warn(warning);
  if (taken !== undefined) throw alreadyThere(info, taken, generatedName);
  if (options.dryRun) return object;
  return putConverted(context, info, key, object);
}

/** The object as it is about to be stored, without defaults: names, identity, no status. */
function prepare(
  context: ApiContext,
  info: ResourceInfo,
  input: KubernetesObject,
  isDryRun: boolean,
): KubernetesObject {
  const { status, ...object } = input as KubernetesObject;
  const { metadata } = object;
  // Told by the storage, which a dry run does not reach.
  if (metadata.resourceVersion && !isDryRun) {
    throw internalFailure("resourceVersion should not be set on objects to be created");
  }
  if (!info.namespaced) delete metadata.namespace;
  else if (!metadata.namespace) {
    throw statusError("BadRequest", "an empty namespace may not be set during creation");
  }
  if (!metadata.name && metadata.generateName) {
    metadata.name = generateName(context, info, metadata as GeneratedName);
  }
  // Told with all else that is wrong.
  metadata.name ??= "";
  metadata.uid = randomUuid(context.random);
  metadata.creationTimestamp = kubernetesTime(context.clock.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  delete metadata.generation;
  if (info.hasGeneration) metadata.generation = 1;
  // A node says what it has when it registers.
  const keepsStatus = !info.hasStatus || info.collection === "/nodes";
  return keepsStatus && status !== undefined ? { ...object, status } : object;
}

/** As often a name is made up anew that is taken already (`maxNameGenerationCreateAttempts`). */
const MAX_NAME_ATTEMPTS = 8;

interface GeneratedName {
  generateName: string;
  namespace?: string;
}

function generateName(
  { store, random }: ApiContext,
  { collection }: ResourceInfo,
  { generateName: prefix, namespace }: GeneratedName,
): string {
  let name = "";
  for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt++) {
    name = prefix.slice(0, MAX_GENERATED_PREFIX) + randomSuffix(random);
    if (store.get(collection, storageKey(namespace, name)) === undefined) break;
  }
  return name;
}

function alreadyThere(
  info: ResourceInfo,
  { metadata }: KubernetesObject,
  generatedName: string | undefined,
): KubernetesError {
  const { status } = alreadyExists(info, metadata.name);
  const isLeaving = metadata.deletionTimestamp !== undefined;
  const why = isLeaving ? "object is being deleted: " : "";
  if (generatedName === undefined)
    return new KubernetesError({ ...status, message: `${why}${status.message}` });
  return new KubernetesError({
    ...status,
    message: `${why}${status.message}, the server was not able to generate a unique name for the object`,
    details: { ...status.details, retryAfterSeconds: 1 },
  });
}

/** New content needs a namespace that exists and is not going away. */
function checkNamespace(context: ApiContext, info: ResourceInfo, namespace: string, name: string): void {
  const found = context.store.get("/namespaces", namespace);
  if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
  if (found.metadata.deletionTimestamp === undefined || info.resource === "events") return;
  throw statusError(
    "Forbidden",
    `${info.resource}${info.group ? `.${info.group}` : ""} ${JSON.stringify(name)} is forbidden: unable to create ` +
      `new content in namespace ${namespace} because it is being terminated`,
    {
      name,
      group: info.group || undefined,
      kind: info.resource,
      causes: [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    },
  );
}
