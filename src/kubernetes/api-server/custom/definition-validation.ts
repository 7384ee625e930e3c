/** Checks of CustomResourceDefinitions (`apiextensions-apiserver/pkg/apis/apiextensions/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblem } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required, tooMany } from "../field-error.ts";
import type { Definition } from "./definition.ts";
import { parseJsonPath } from "./json-path.ts";
import type { JsonSchema } from "./json-schema.ts";
import { checkStructural } from "./structural-schema.ts";

export function validateDefinition(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec, metadata } = object as Definition;
  if (spec === undefined) return [required("spec.group"), required("spec.names.plural")];
  const causes: StatusCause[] = [];
  const names = spec.names ?? {};
  if (metadata.name !== `${names.plural}.${spec.group}`) {
    causes.push(invalidValue("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  if (!spec.group) causes.push(required("spec.group"));
  else if (!spec.group.includes("."))
    causes.push(invalidValue("spec.group", spec.group, "should be a domain with at least one dot"));
  causes.push(...checkNames(names));
  if (!["Cluster", "Namespaced"].includes(spec.scope)) {
    causes.push(
      spec.scope ? notSupported("spec.scope", spec.scope, ["Cluster", "Namespaced"]) : required("spec.scope"),
    );
  }
  const versions = spec.versions ?? [];
  const wrongVersions = (problem: string) => invalidValue("spec.versions", versions.map(goVersion), problem);
  for (const [index, { name }] of versions.entries()) {
    const problem = dns1035LabelProblem(name ?? "");
    if (problem !== undefined) causes.push(invalidValue(`spec.versions[${index}].name`, name, problem));
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    causes.push(wrongVersions("must contain unique version names"));
  const hasStorage = versions.filter((version) => version.storage).length === 1;
  if (!hasStorage) causes.push(wrongVersions("must have exactly one version marked as storage version"));
  const firstProblem = versions.length > 0 ? dns1035LabelProblem(versions[0].name ?? "") : undefined;
  if (firstProblem !== undefined) causes.push(invalidValue("spec.version", versions[0].name, firstProblem));
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    if (version.schema?.openAPIV3Schema === undefined) {
      causes.push(required(`${at}.schema.openAPIV3Schema`, "schemas are required"));
    }
  }
  causes.push(...checkVersions(versions));
  causes.push(...checkConversion(spec));
  if ((spec as { preserveUnknownFields?: boolean }).preserveUnknownFields)
    causes.push(
      invalidValue(
        "spec.preserveUnknownFields",
        true,
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ),
    );
  const old = previous as Definition | undefined;
  if (old === undefined && !versions.some((version) => version.storage))
    causes.push(invalidValue("status.storedVersions", null, "must have at least one stored version"));
  if (old !== undefined && old.spec.scope !== spec.scope)
    causes.push(forbiddenField("spec.scope", "field is immutable"));
  return causes;
}

/** A version as upstream's messages show it; what all versions share stands elsewhere there. */
function goVersion(
  version: Definition["spec"]["versions"][number] & { deprecated?: boolean; deprecationWarning?: string },
) {
  const { name, served = false, storage = false, deprecated = false, deprecationWarning = null } = version;
  return {
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: deprecationWarning,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  };
}

function checkNames(names: Definition["spec"]["names"]): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of ["plural", "kind"] as const)
    if (!names[field]) causes.push(required(`spec.names.${field}`));
  const { plural, singular, kind, listKind, shortNames = [] } = names;
  const check = (at: string, text: string | undefined, mixed: boolean) => {
    const problem = text ? dns1035LabelProblem(mixed ? text.toLowerCase() : text) : undefined;
    if (problem === undefined) return;
    const start = mixed ? "may have mixed case, but should otherwise match: " : "";
    causes.push(invalidValue(at, text, start + problem));
  };
  check("spec.names.plural", plural, false);
  check("spec.names.singular", singular, false);
  check("spec.names.kind", kind, true);
  check("spec.names.listKind", listKind, true);
  for (const [index, name] of shortNames.entries()) check(`spec.names.shortNames[${index}]`, name, false);
  if (kind && kind === listKind)
    causes.push(invalidValue("spec.names.listKind", listKind, "kind and listKind may not be the same"));
  return causes;
}

interface Conversion {
  strategy?: string;
  webhook?: { clientConfig?: object; conversionReviewVersions?: string[] };
}

/** Webhooks are taken, and not called: objects are converted by renaming their version. */
function checkConversion(spec: Definition["spec"]): StatusCause[] {
  const { strategy = "None", webhook } = (spec as { conversion?: Conversion }).conversion ?? {};
  const at = "spec.conversion";
  if (strategy !== "None" && strategy !== "Webhook")
    return [notSupported(`${at}.strategy`, strategy, ["None", "Webhook"])];
  if (strategy === "None")
    return webhook === undefined
      ? []
      : [forbiddenField(`${at}.webhook`, "should not be set when strategy is not set to Webhook")];
  return [
    ...(webhook?.clientConfig === undefined
      ? [required(`${at}.webhookClientConfig`, "required when strategy is set to Webhook")]
      : []),
    ...((webhook?.conversionReviewVersions ?? []).length === 0
      ? [required(`${at}.conversionReviewVersions`)]
      : []),
  ];
}

const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];

/** What is the same in all versions is told once, under the name that it had before there were versions. */
function checkVersions(versions: Definition["spec"]["versions"]): StatusCause[] {
  const isShared = (of: (version: Definition["spec"]["versions"][number]) => unknown) =>
    versions.every((version) => deepEqual(of(version) ?? null, of(versions[0]) ?? null));
  const [sharedSchema, sharedColumns, sharedParts] = [
    isShared(({ schema }) => schema),
    isShared(({ additionalPrinterColumns }) => additionalPrinterColumns),
    isShared(({ subresources }) => subresources),
  ];
  const sharedFields = isShared(({ selectableFields }) => selectableFields);
  return versions.flatMap((version, index) => {
    const at = `spec.versions[${index}]`;
    const schema = version.schema?.openAPIV3Schema;
    const first = index === 0;
    return [
      ...(schema !== undefined && (!sharedSchema || first)
        ? checkStructural(
            schema,
            sharedSchema ? "spec.validation.openAPIV3Schema" : `${at}.schema.openAPIV3Schema`,
          )
        : []),
      ...(!sharedParts || first ? checkScale(version, sharedParts ? "spec" : at) : []),
      ...(!sharedColumns || first ? checkColumns(version, sharedColumns ? "spec" : at) : []),
      ...(!sharedFields || first ? checkSelectable(version, sharedFields ? "spec" : at) : []),
    ];
  });
}

const MAX_SELECTABLE_FIELDS = 8;

function checkSelectable(
  { selectableFields = [], schema }: Definition["spec"]["versions"][number],
  path: string,
): StatusCause[] {
  const seen = new Set<string>();
  const causes = selectableFields.flatMap(({ jsonPath }, index) => {
    const at = `${path}.selectableFields[${index}].jsonPath`;
    if (!jsonPath) return [required(at)];
    const wrong = (problem: string) => [invalidValue(at, jsonPath, problem)];
    if (!/^(\.\w+)+$/.test(jsonPath)) return wrong("is an invalid path: does not refer to a valid field");
    const steps = jsonPath.slice(1).split(".");
    const found = steps.reduce<JsonSchema | undefined>(
      (each, step) => each?.properties?.[step],
      schema?.openAPIV3Schema,
    );
    if (steps[0] === "metadata") return wrong("must not point to fields in metadata");
    if (found === undefined) return wrong("is an invalid path: does not refer to a valid field");
    if (!["string", "boolean", "integer"].includes(found.type ?? ""))
      return wrong(
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      );
    if (seen.has(jsonPath)) return [duplicate(at, jsonPath)];
    seen.add(jsonPath);
    return [];
  });
  if (seen.size > MAX_SELECTABLE_FIELDS)
    causes.push(tooMany(`${path}.selectableFields`, seen.size, MAX_SELECTABLE_FIELDS));
  return causes;
}

function checkScale({ subresources }: Definition["spec"]["versions"][number], path: string): StatusCause[] {
  const { scale } = subresources ?? {};
  if (scale === undefined) return [];
  const at = `${path}.subresources.scale`;
  const check = (field: string, text: string | undefined, root: string) => {
    if (!text) return [required(`${at}.${field}`)];
    if (!text.startsWith(".") || pathProblem(text) !== undefined)
      return [invalidValue(`${at}.${field}`, text, "must be a simple json path starting with .")];
    return text.startsWith(`.${root}.`)
      ? []
      : [invalidValue(`${at}.${field}`, text, `should be a json path under .${root}`)];
  };
  return [
    ...check("specReplicasPath", scale.specReplicasPath, "spec"),
    ...check("statusReplicasPath", scale.statusReplicasPath, "status"),
  ];
}

function checkColumns(version: Definition["spec"]["versions"][number], path: string): StatusCause[] {
  return (version.additionalPrinterColumns ?? []).flatMap(({ name, type, jsonPath }, index) => {
    const at = `${path}.additionalPrinterColumns[${index}]`;
    const causes: StatusCause[] = name ? [] : [required(`${at}.name`)];
    if (!type) causes.push(required(`${at}.type`, `must be one of ${COLUMN_TYPES.join(",")}`));
    else if (!COLUMN_TYPES.includes(type))
      causes.push(invalidValue(`${at}.type`, type, `must be one of ${COLUMN_TYPES.join(",")}`));
    if (!jsonPath) causes.push(required(`${at}.JSONPath`));
    else if (!jsonPath.startsWith(".") || pathProblem(jsonPath) !== undefined)
      causes.push(invalidValue(`${at}.JSONPath`, jsonPath, "must be a simple json path starting with ."));
    return causes;
  });
}

function pathProblem(path: string): string | undefined {
  try {
    parseJsonPath(path);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
