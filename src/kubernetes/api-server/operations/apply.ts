/** Server-side apply: a manager says what it wants, fields that others own are conflicts (structured-merge-diff `merge.Updater`). */
import { apiVersionOf, type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import {
  conflict,
  internalFailure,
  type KubernetesError,
  statusError,
} from "../../../model/kubernetes-status.ts";
import { kindType } from "../../../wire/kubernetes/schema/api-type.ts";
import type { ApiContext } from "../api-context.ts";
import { FieldSet, formatPath } from "../apply/field-set.ts";
import { KUBECTL, keepLastApplied, lastAppliedFields } from "../apply/last-applied.ts";
import {
  isSameManager,
  type Manager,
  managersOf,
  ownable,
  setManagers,
  withoutManagers,
} from "../apply/managed-fields.ts";
import { mergeObjects, removeFields } from "../apply/merge-objects.ts";
import { compareFields, fieldsOf } from "../apply/object-fields.ts";
import { typedProblems } from "../apply/typed-patch.ts";
import { fromStorageVersion } from "../convert.ts";
import { storageKey } from "../object-store.ts";
import { rootNode } from "../patch/merge-node.ts";
import { isJsonObject, type JsonObject } from "../patch/merge-patch.ts";
import { readInput } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { createObject } from "./create.ts";
import { checkUid, type UpdateOptions, updateObject } from "./update.ts";

export function applyObject(
  context: ApiContext,
  info: ResourceInfo,
  key: { namespace?: string; name: string },
  body: unknown,
  options: UpdateOptions,
): KubernetesObject {
  const config = readConfig(info, key, body, options);
  const stored = context.store.get(
    info.collection,
    storageKey(info.namespaced ? key.namespace : undefined, key.name),
  );
  const identity = {
    manager: options.fieldManager ?? "unknown",
    operation: "Apply" as const,
    apiVersion: apiVersionOf(info.group, info.version),
    subresource: options.subresource,
    time: kubernetesTime(context.clock.now()),
  };
  refuseRepeated(options);
  const wanted = ownable(info, fieldsOf(config, rootNode(info)), options.subresource);
  if (stored === undefined) {
    if (config.metadata.uid)
      throw conflict(
        info,
        key.name,
        `uid mismatch: the provided object specified uid ${config.metadata.uid}, and no existing object was found`,
      );
    delete config.metadata.resourceVersion;
    setManagers(config, [{ ...identity, set: wanted }]);
    options.onCreate?.();
    return createObject(context, info, config, { ...options, fieldManager: undefined, repeated: undefined });
  }
  const live = fromStorageVersion(info, stored);
  checkUid(info, config, stored);
  const force = options.force === true;
  const { object, managers } = applyTo(info, live, config, { ...identity, set: wanted }, force);
  setManagers(object, managers);
  if (identity.manager === KUBECTL) keepLastApplied(object, body);
  return updateObject(context, info, object, { ...options, fieldManager: undefined, repeated: undefined });
}

/** The configuration as an object of the kind; `managedFields` are not the client's to say. */
function readConfig(
  info: ResourceInfo,
  key: { namespace?: string; name: string },
  body: unknown,
  options: UpdateOptions,
): KubernetesObject {
  if (!isJsonObject(body))
    throw statusError(
      "BadRequest",
      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal " +
        `${Array.isArray(body) ? "array" : typeof body} into Go value of type map[string]interface {}`,
    );
  const metadata = isJsonObject(body.metadata) ? body.metadata : {};
  if (Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
    throw statusError("BadRequest", "metadata.managedFields must be nil");
  }
  const { apiVersion = "", kind = "" } = body as { apiVersion?: string; kind?: string };
  if (apiVersion !== apiVersionOf(info.group, info.version) || kind !== info.kind) {
    const at = String(apiVersion).includes("/") ? apiVersion : `/${apiVersion}`;
    throw statusError("BadRequest", `invalid object type: ${at}, Kind=${kind}`);
  }
  if (metadata.name !== undefined && metadata.name !== key.name) {
    throw statusError(
      "BadRequest",
      `the name of the object (${String(metadata.name)}) does not match the name on the URL (${key.name})`,
    );
  }
  const named: JsonObject = {
    ...body,
    metadata: { ...metadata, name: key.name, ...(info.namespaced && { namespace: key.namespace }) },
  };
  const where = `${String(metadata.namespace ?? "")}/${key.name}; ${apiVersion}, Kind=${kind}`;
  const type = info.isCustom ? undefined : kindType(info.group, info.version, info.kind);
  if (type !== undefined) refuseProblems(where, typedProblems(type, body));
  return readInput({ ...info, schema: withoutDefaults(info) }, named, {
    ...options,
    patchText: undefined,
    onUnknownFields: (paths) =>
      refuseProblems(
        where,
        paths.map((path) => `.${path}: field not declared in schema`),
      ),
  });
}

/** Told once the configuration is known to be of its kind. */
function refuseRepeated({ repeated, fieldValidation, warn }: UpdateOptions): void {
  if (repeated?.refusal === undefined) return;
  if (fieldValidation === "Strict") {
    const problem = `error converting YAML to JSON: ${repeated.refusal}`;
    throw statusError("BadRequest", `error strict decoding YAML: ${problem}`);
  }
  if (fieldValidation === "Warn") for (const text of repeated.texts) warn?.(text);
}

/** Applying a field that nobody could own is an error, whatever the field validation. */
function refuseProblems(where: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const text =
    problems.length === 1 ? problems[0] : `errors:\n${problems.map((each) => `  ${each}`).join("\n")}`;
  throw internalFailure(`failed to create typed patch object (${where}): ${text}`);
}

/** Defaults are not what the manager said. */
function withoutDefaults(info: ResourceInfo): ResourceInfo["schema"] {
  return info.schema && (stripDefaults(info.schema) as ResourceInfo["schema"]);
}

const stripped = new WeakMap<object, unknown>();

function stripDefaults(schema: object): unknown {
  let result = stripped.get(schema);
  if (result === undefined) {
    result = JSON.parse(JSON.stringify(schema), function (this: unknown, name: string, value: unknown) {
      return name === "default" && isSchemaMember(this) ? undefined : value;
    });
    stripped.set(schema, result);
  }
  return result;
}

/** `default` as a keyword, and not as the name of a property. */
function isSchemaMember(holder: unknown): boolean {
  return isJsonObject(holder) && ("type" in holder || "x-kubernetes-int-or-string" in holder);
}

function applyTo(
  info: ResourceInfo,
  live: KubernetesObject,
  config: KubernetesObject,
  identity: Manager,
  force: boolean,
): { object: KubernetesObject; managers: Manager[] } {
  const node = rootNode(info);
  const bare = withoutManagers(live);
  let managers = managersOf(live);
  if (managers.length === 0) managers = [everythingBefore(info, bare, identity)];
  const before = managers.find((each) => isSameManager(each, identity));
  const others = managers.filter((each) => each !== before);
  const merged = mergeObjects(bare, withoutEmptyMetadata(config), node) as KubernetesObject;
  const dropped = droppedFields(before?.set, identity.set, others);
  const object = structuredClone(removeFields(merged, dropped, node)) as KubernetesObject;
  const { added, modified, removed } = compareFields(bare, object, node);
  const changed = FieldSet.union(added, modified);
  const allowed = identity.manager === KUBECTL ? lastAppliedFields(info, bare) : new FieldSet();
  const conflicts = others.flatMap((manager) => {
    const set = FieldSet.difference(FieldSet.intersection(manager.set, changed), allowed);
    return set.isEmpty ? [] : [{ manager, set }];
  });
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  const kept = others.map((each) => ({
    ...each,
    set: FieldSet.difference(FieldSet.difference(each.set, changed), removed),
  }));
  const unchanged = before !== undefined && FieldSet.equal(before.set, identity.set);
  return { object, managers: [unchanged ? before : identity, ...kept] };
}

/** An empty object or list of metadata says nothing. */
function withoutEmptyMetadata(config: KubernetesObject): KubernetesObject {
  const members = Object.entries(config.metadata).filter(
    ([, value]) => typeof value !== "object" || value === null || Object.keys(value).length > 0,
  );
  return { ...config, metadata: Object.fromEntries(members) as unknown as KubernetesObject["metadata"] };
}

/** What the manager wanted last time, wants no more, and nobody else owns. A place stays as long as something in it does. */
function droppedFields(before: FieldSet | undefined, now: FieldSet, others: readonly Manager[]): FieldSet {
  if (before === undefined) return new FieldSet();
  const given = FieldSet.difference(before, FieldSet.withPlaces(now));
  return others.reduce((left, other) => FieldSet.difference(left, FieldSet.withPlaces(other.set)), given);
}

/** Objects from before anyone applied: their fields have an owner of that name. */
function everythingBefore(info: ResourceInfo, live: KubernetesObject, identity: Manager): Manager {
  return {
    manager: "before-first-apply",
    operation: "Update",
    apiVersion: identity.apiVersion,
    time: identity.time,
    set: ownable(info, fieldsOf(live, rootNode(info)), undefined),
  };
}

interface Conflict {
  manager: Manager;
  set: FieldSet;
}

function conflictError(conflicts: Conflict[]): KubernetesError {
  const all = conflicts.flatMap(({ manager, set }) =>
    [...set.paths()].map((path) => ({ who: describe(manager), path: formatPath(path) })),
  );
  const causes = all.map(({ who, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${who}`,
    field: path,
  }));
  if (all.length === 1) {
    const [{ who, path }] = all;
    return statusError("Conflict", `Apply failed with 1 conflict: conflict with ${who}: ${path}`, { causes });
  }
  const groups = Map.groupBy(all, ({ who }) => who);
  const texts = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([who, paths]) => `conflicts with ${who}:\n${paths.map(({ path }) => `- ${path}`).join("\n")}`);
  return statusError("Conflict", `Apply failed with ${all.length} conflicts: ${texts.join("\n")}`, {
    causes,
  });
}

function describe({ manager, operation, subresource, apiVersion }: Manager): string {
  const name = subresource
    ? `${JSON.stringify(manager)} with subresource ${JSON.stringify(subresource)}`
    : JSON.stringify(manager);
  return operation === "Apply" ? name : `${name} using ${apiVersion}`;
}
