/** Lists, objects and watch events as `meta.k8s.io/v1` Tables: what `kubectl get` prints. */
import type { KubernetesList, KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { columnsOf } from "./column-table.ts";
import type { Row, TableColumn } from "./table-column.ts";

/** What goes along with each row. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  include: IncludeObject;
  /** Of `meta.k8s.io`: `v1`, or `v1beta1` for clients from before it. */
  version: string;
  nowMs: number;
}

/** @throws KubernetesError 400 */
export function includeObjectOf(value: string | null): IncludeObject {
  if (value === null || value === "") return "Metadata";
  if (value === "None" || value === "Object" || value === "Metadata") return value;
  const problem = "must be 'Metadata', 'Object', 'None', or empty";
  throw statusError(
    "BadRequest",
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: ${problem}`,
  );
}

export function listTable(info: ResourceInfo, list: KubernetesList, options: TableOptions) {
  return table(info, list.items, list.metadata, options, true);
}

export function objectTable(info: ResourceInfo, object: KubernetesObject, options: TableOptions) {
  return table(info, [object], { resourceVersion: object.metadata.resourceVersion }, options, true);
}

/** One event of a watch: the columns are named in the first one only. */
export function eventTable(
  info: ResourceInfo,
  object: KubernetesObject,
  isFirst: boolean,
  options: TableOptions,
) {
  return table(info, [object], { resourceVersion: object.metadata.resourceVersion }, options, isFirst);
}

function table(
  info: ResourceInfo,
  items: readonly KubernetesObject[],
  metadata: object,
  options: TableOptions,
  withColumns: boolean,
) {
  const columns = columnsOf(info);
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: withColumns ? columns.map(definition) : null,
    rows: items.map((item) => ({
      cells: columns.map((column) => column.value(item as Row, options.nowMs) ?? null),
      ...(options.include !== "None" && { object: included(item, options) }),
    })),
  };
}

function definition({ name, type, format, priority }: TableColumn) {
  return { name, type, format, description: "", priority };
}

function included(item: KubernetesObject, { include, version }: TableOptions) {
  if (include === "Object") return item;
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata: item.metadata };
}
