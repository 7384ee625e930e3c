/** Who owns which fields: `metadata.managedFields` read, written and kept up to date (apimachinery `managedfields`). */
import {
  apiVersionOf,
  type KubernetesObject,
  type ManagedFieldsEntry,
} from "../../../model/kubernetes-object.ts";
import { withGoNulls } from "../go-nulls.ts";
import { metadataKeptByStatus } from "../kinds/status-metadata.ts";
import { rootNode } from "../patch/merge-node.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { emptyObject } from "../zero-values.ts";
import { decodeFieldSet, encodeFieldSet, FieldSet } from "./field-set.ts";
import { compareFields } from "./object-fields.ts";

export interface Manager {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  subresource?: string;
  time?: string;
  set: FieldSet;
}

/** As many managers may have entries by updates; the oldest are put into one. */
export const MAX_UPDATE_MANAGERS = 10;

export function managersOf(object: KubernetesObject): Manager[] {
  return (object.metadata.managedFields ?? []).flatMap((entry) => {
    const { manager = "unknown", operation = "Update", apiVersion = "", subresource, time, fieldsV1 } = entry;
    const set = decodeFieldSet(fieldsV1);
    return set.isEmpty ? [] : [{ manager, operation, apiVersion, subresource, time, set }];
  });
}

/** Those who applied come first, then by age. */
function byAge(a: Manager, b: Manager): number {
  const key = ({ operation, time, manager, apiVersion, subresource }: Manager) =>
    [operation, time ?? "", manager, apiVersion, subresource ?? ""] as const;
  const [x, y] = [key(a), key(b)];
  const at = x.findIndex((part, index) => part !== y[index]);
  return at === -1 ? 0 : x[at] < y[at] ? -1 : 1;
}

export function managedFieldsOf(managers: readonly Manager[]): ManagedFieldsEntry[] | undefined {
  const entries = managers
    .filter(({ set }) => !set.isEmpty)
    .sort(byAge)
    .map(
      ({ manager, operation, apiVersion, subresource, time, set }): ManagedFieldsEntry => ({
        manager,
        operation,
        apiVersion,
        ...(time && { time }),
        fieldsType: "FieldsV1",
        fieldsV1: encodeFieldSet(set),
        ...(subresource && { subresource }),
      }),
    );
  return entries.length === 0 ? undefined : entries;
}

export function isSameManager(a: Manager, b: Omit<Manager, "set">): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    (a.subresource ?? "") === (b.subresource ?? "")
  );
}

/** Members of metadata that nobody owns. */
const SYSTEM_METADATA = [
  "creationTimestamp",
  "generation",
  "managedFields",
  "name",
  "namespace",
  "resourceVersion",
  "selfLink",
  "uid",
];

/** The fields that a writer may own: nothing of the system's, and of status and the rest only what its place allows. */
export function ownable(info: ResourceInfo, set: FieldSet, subresource: string | undefined): FieldSet {
  const isStatus = subresource === "status" || subresource === "approval";
  const result = new FieldSet();
  for (const [step, child] of set.children) {
    if (step === "f:apiVersion" || step === "f:kind") continue;
    // What is asked for in a certificate request is the server's from then on.
    if (step === "f:spec" && info.collection === "certificates.k8s.io/certificatesigningrequests") continue;
    if (step === "f:metadata") {
      const metadata = new FieldSet();
      for (const [name, below] of child.children) {
        if (!SYSTEM_METADATA.includes(name.slice(2))) metadata.children.set(name, below);
      }
      const kept = isStatus ? metadataKeptByStatus(info) : [];
      if (kept === "all") continue;
      for (const name of kept) metadata.children.delete(`f:${name}`);
      if (!metadata.isEmpty) result.children.set(step, metadata);
    } else if (!info.hasStatus || (step === "f:status") === isStatus) {
      result.children.set(step, child);
    }
  }
  return result;
}

export interface Writer {
  manager: string;
  subresource?: string;
  /** RFC 3339. Scaling leaves none. */
  time?: string;
}

/** Ownership after a create, update or patch: what it set or changed is the writer's, what it removed is nobody's. */
export function trackUpdate(
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
  writer: Writer,
): void {
  const node = rootNode(info);
  const given = managersOf(object);
  const keepsOthers = given.length === 0 && previous !== undefined && !isReset(object);
  const base = keepsOthers ? managersOf(previous) : given;
  // Where nobody owned anything it stays so until somebody applies (upstream `skipNonAppliedManager`).
  if (previous !== undefined && base.length === 0) {
    setManagers(object, []);
    return;
  }
  const before = previous === undefined ? emptyObject(info) : withGoNulls(withoutManagers(previous));
  const { added, modified, removed } = compareFields(before, withGoNulls(withoutManagers(object)), node);
  const written = ownable(info, FieldSet.union(added, modified), writer.subresource);
  const identity = {
    manager: writer.manager,
    operation: "Update" as const,
    apiVersion: apiVersionOf(info.group, info.version),
    subresource: writer.subresource,
  };
  const managers = base.map((each) => {
    if (isSameManager(each, identity)) {
      const set = FieldSet.union(FieldSet.difference(each.set, removed), written);
      return FieldSet.equal(set, each.set) ? each : { ...each, set, time: writer.time };
    }
    return { ...each, set: FieldSet.difference(FieldSet.difference(each.set, removed), written) };
  });
  if (!managers.some((each) => isSameManager(each, identity))) {
    managers.push({ ...identity, time: writer.time, set: written });
  }
  setManagers(object, capped(managers));
}

/** `managedFields: [{}]` is how a client says that nobody owns anything. */
function isReset({ metadata }: KubernetesObject): boolean {
  return metadata.managedFields?.length === 1 && Object.keys(metadata.managedFields[0]).length === 0;
}

function capped(managers: Manager[]): Manager[] {
  const updates = managers.filter(({ operation, set }) => operation === "Update" && !set.isEmpty);
  if (updates.length <= MAX_UPDATE_MANAGERS) return managers;
  const oldest = updates.slice(0, updates.length - MAX_UPDATE_MANAGERS + 1);
  const set = oldest.reduce((all, each) => FieldSet.union(all, each.set), new FieldSet());
  const merged: Manager = { ...oldest[0], manager: "ancient-changes", set };
  return [merged, ...managers.filter((each) => !oldest.includes(each))];
}

export function setManagers(object: KubernetesObject, managers: readonly Manager[]): void {
  const entries = managedFieldsOf(managers);
  if (entries === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

export function withoutManagers(object: KubernetesObject): KubernetesObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
