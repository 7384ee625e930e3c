/** Label and field selectors of a request, as one test on objects. */

import { type FieldSelector, matchesFields, parseFieldSelector } from "../../model/field-selector.ts";
import type { SelectorOptions } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import { matchesSelector, parseSelector, type Selector } from "../../model/label-selector.ts";
import { strategyOf } from "./kinds/strategies.ts";
import { isJsonObject } from "./patch/merge-patch.ts";
import type { ResourceInfo } from "./resource-info.ts";

export type ObjectFilter = (object: KubernetesObject) => boolean;

/** @throws KubernetesError 400 when a selector can't be read or names a field that the kind can't be selected by. */
export function objectFilter(info: ResourceInfo, options: SelectorOptions): ObjectFilter {
  const labels = parseLabels(options.labelSelector);
  const fields = parseFields(info, options.fieldSelector);
  if (labels.length === 0 && fields.length === 0) return () => true;
  return (object) =>
    matchesSelector(labels, object.metadata.labels) &&
    matchesFields(fields, (field) => fieldOf(info, object, field));
}

function parseLabels(text: string | undefined): Selector {
  if (!text) return [];
  try {
    return parseSelector(text);
  } catch (error) {
    throw statusError("BadRequest", (error as Error).message);
  }
}

function parseFields(info: ResourceInfo, text: string | undefined): FieldSelector {
  if (!text) return [];
  let selector: FieldSelector;
  try {
    selector = parseFieldSelector(text);
  } catch (error) {
    throw statusError("BadRequest", (error as Error).message);
  }
  for (const { field } of selector) {
    if (!isKnownField(info, field)) {
      const hasOwn = info.isCustom || strategyOf(info).fields !== undefined;
      throw statusError(
        "BadRequest",
        hasOwn
          ? unsupported(info, field)
          : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
  }
  return selector;
}

/** What events.k8s.io calls the fields of events, of which only the core group has others. */
const EVENT_FIELDS = /^(regarding\.|reportingController$|reason$|type$)/;

function unsupported({ collection }: ResourceInfo, field: string): string {
  return collection === "batch/jobs"
    ? `field label ${JSON.stringify(field)} not supported for Job`
    : `field label not supported: ${field}`;
}

/** The field's name in the version that is stored. */
function storedField({ group }: ResourceInfo, field: string): string {
  if (group !== "events.k8s.io") return field;
  return field
    .replace(/^regarding\./, "involvedObject.")
    .replace(/^reportingController$/, "reportingComponent");
}

function isKnownField(info: ResourceInfo, field: string): boolean {
  if (field === "metadata.name" || (field === "metadata.namespace" && info.namespaced)) return true;
  if (info.selectableFields?.includes(`.${field}`)) return true;
  if (info.group === "events.k8s.io" && !EVENT_FIELDS.test(field)) return false;
  return Object.hasOwn(strategyOf(info).fields ?? {}, storedField(info, field));
}

function fieldOf(info: ResourceInfo, object: KubernetesObject, field: string): string {
  if (field === "metadata.name") return object.metadata.name;
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  const value = info.selectableFields?.includes(`.${field}`)
    ? field.split(".").reduce<unknown>((at, step) => (isJsonObject(at) ? at[step] : undefined), object)
    : strategyOf(info).fields?.[storedField(info, field)]?.(object);
  return value === undefined || value === null ? "" : String(value);
}
