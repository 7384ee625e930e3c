/** Checks of CustomResourceDefinitions (`apiextensions-apiserver/pkg/apis/apiextensions/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import type { Definition } from "./definition.ts";
import { parseJsonPath } from "./json-path.ts";

export function validateDefinition(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec, metadata } = object as Definition;
  if (spec === undefined) return [required("spec.group"), required("spec.names.plural")];
  const causes: StatusCause[] = [];
  const names = spec.names ?? {};
  if (!spec.group) causes.push(required("spec.group"));
  for (const field of ["plural", "kind"] as const)
    if (!names[field]) causes.push(required(`spec.names.${field}`));
  if (metadata.name !== `${names.plural}.${spec.group}`) {
    causes.push(invalidValue("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  if (!["Cluster", "Namespaced"].includes(spec.scope)) {
    causes.push(
      spec.scope ? notSupported("spec.scope", spec.scope, ["Cluster", "Namespaced"]) : required("spec.scope"),
    );
  }
  const versions = spec.versions ?? [];
  if (versions.filter((version) => version.storage).length !== 1) {
    causes.push(
      invalidValue(
        "spec.versions",
        versions.map(({ name }) => name),
        "must have exactly one version marked as storage version",
      ),
    );
  }
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    if (version.schema?.openAPIV3Schema === undefined) {
      causes.push(required(`${at}.schema.openAPIV3Schema`, "schemas are required"));
    }
    for (const [at2, column] of (version.additionalPrinterColumns ?? []).entries()) {
      const problem = pathProblem(column.jsonPath);
      if (problem !== undefined) {
        causes.push(
          invalidValue(`${at}.additionalPrinterColumns[${at2}].jsonPath`, column.jsonPath, problem),
        );
      }
    }
  }
  const old = previous as Definition | undefined;
  if (old !== undefined && old.spec.scope !== spec.scope)
    causes.push(forbiddenField("spec.scope", "field is immutable"));
  return causes;
}

function pathProblem(path: string): string | undefined {
  try {
    parseJsonPath(path);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
