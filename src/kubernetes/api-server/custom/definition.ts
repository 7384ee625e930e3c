/** A CustomResourceDefinition, and the resources that it stands for. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { ConversionWebhook, ResourceInfo } from "../resource-info.ts";
import { ageColumn, nameColumn, since, type TableColumn } from "../table/table-column.ts";
import { evaluateJsonPath, parseJsonPath } from "./json-path.ts";
import type { JsonSchema } from "./json-schema.ts";

interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  priority?: number;
  jsonPath: string;
}

interface DefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: {
    status?: object;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

/** Keeps a definition that is deleted until its objects are gone. */
export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

export interface Definition extends KubernetesObject {
  spec: {
    group: string;
    scope: "Namespaced" | "Cluster";
    names: {
      plural: string;
      kind: string;
      singular?: string;
      listKind?: string;
      shortNames?: string[];
      categories?: string[];
    };
    versions: DefinitionVersion[];
    conversion?: { strategy: "None" | "Webhook"; webhook?: ConversionWebhook };
  };
}

/** One for each served version, the preferred one first. */
export function resourcesOf({ spec }: Definition): ResourceInfo[] {
  const served = spec.versions.filter((version) => version.served);
  return served.sort(byPreference).map((version) => resourceOf(spec, version));
}

function resourceOf(spec: Definition["spec"], version: DefinitionVersion): ResourceInfo {
  const { group, names, scope } = spec;
  const { scale, status } = version.subresources ?? {};
  const stored = spec.versions.find((each) => each.storage);
  return {
    group,
    version: version.name,
    resource: names.plural,
    collection: `${group}/${names.plural}`,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === "Namespaced",
    hasStatus: status !== undefined,
    scale: scale && {
      specReplicas: scale.specReplicasPath,
      statusReplicas: scale.statusReplicasPath,
      labelSelector: scale.labelSelectorPath,
    },
    subresources: [],
    hasGeneration: true,
    columns: columnsOf(version.additionalPrinterColumns),
    schema: version.schema?.openAPIV3Schema,
    selectableFields: version.selectableFields?.map(({ jsonPath }) => jsonPath),
    isCustom: true,
    ...(spec.conversion?.strategy === "Webhook" && { conversion: spec.conversion.webhook }),
    storedAs: { group, version: stored?.name ?? version.name },
    ...(version.deprecated && {
      deprecation: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated`,
    }),
  };
}

/** `v2` before `v1` before `v1beta2` before `v1alpha1` before other names. */
function byPreference(a: DefinitionVersion, b: DefinitionVersion): number {
  const [x, y] = [rankOf(a.name), rankOf(b.name)];
  const index = x.findIndex((value, at) => value !== y[at]);
  return index === -1 ? a.name.localeCompare(b.name) : y[index] - x[index];
}

function rankOf(name: string): number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
  if (match === null) return [-1, 0, 0];
  const stage = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
  return [stage, Number(match[1]), Number(match[3] ?? 0)];
}

function columnsOf(columns: PrinterColumn[] | undefined): TableColumn[] {
  if (columns === undefined || columns.length === 0) return [nameColumn, ageColumn];
  return [nameColumn, ...columns.map(columnOf)];
}

function columnOf({ name, type, format = "", priority = 0, jsonPath }: PrinterColumn): TableColumn {
  let steps: ReturnType<typeof parseJsonPath> | undefined;
  return {
    name,
    type: type as TableColumn["type"],
    format,
    priority: priority > 0 ? 1 : 0,
    value(object, nowMs) {
      steps ??= parseJsonPath(jsonPath);
      const [value] = evaluateJsonPath(steps, object);
      if (value === undefined || value === null) return null;
      if (type === "date") return since(String(value), nowMs);
      return type === "string" ? (typeof value === "object" ? JSON.stringify(value) : String(value)) : value;
    },
  };
}
