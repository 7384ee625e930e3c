/** Checks of Events, of old and of new ones (`pkg/apis/core/validation/events.go`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, required } from "../field-error.ts";
import { checkQualifiedName } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** The longest values, in bytes. */
const LIMITS: Record<string, number> = { reportingInstance: 128, action: 128, reason: 128, message: 1024 };

/** An event as it is stored. Those with a time of their own are made by newer clients and checked more closely. */
export function validateEvent(object: KubernetesObject): StatusCause[] {
  const event = object as Anything;
  const { metadata, eventTime } = event;
  const namespace = event.involvedObject?.namespace ?? "";
  const mismatch = invalidValue("involvedObject.namespace", namespace, "does not match event.namespace");
  if (!eventTime) {
    // Events about cluster-wide objects are in the default namespace.
    const isClusterWide = namespace === "" && metadata.namespace === "default";
    return namespace === metadata.namespace || isClusterWide ? [] : [mismatch];
  }
  const causes: StatusCause[] = [];
  if (namespace === "" && !["default", "kube-system"].includes(metadata.namespace)) causes.push(mismatch);
  const { reportingComponent: controller = "" } = event;
  if (controller === "") causes.push(required("reportingController"));
  causes.push(...checkQualifiedName("reportingController", controller));
  for (const field of ["reportingInstance", "action", "reason", "message"]) {
    const value = event[field] ?? "";
    if (value === "" && field !== "message") causes.push(required(field));
    if (value.length > LIMITS[field])
      causes.push(invalidValue(field, "", `can have at most ${LIMITS[field]} characters`));
  }
  return causes;
}

/** What only the newer version of the API asks for, when an event is made. The event is in the version that is stored. */
export function validateNewEvent(object: KubernetesObject): StatusCause[] {
  const event = object as Anything;
  const causes = checkSeries(event);
  if (!event.eventTime) causes.push(required("eventTime"));
  const { type = "" } = event;
  if (type !== "Normal" && type !== "Warning")
    causes.push(invalidValue("type", "", `has invalid value: ${type}`));
  for (const field of ["firstTimestamp", "lastTimestamp", "count"])
    if (event[field]) causes.push(invalidValue(field, "", "needs to be unset"));
  if (event.source?.component || event.source?.host)
    causes.push(invalidValue("source", "", "needs to be unset"));
  return causes;
}

function checkSeries({ series }: Anything): StatusCause[] {
  if (series === undefined) return [];
  return [
    ...(series.count >= 2 ? [] : [invalidValue("series.count", "", "should be at least 2")]),
    ...(series.lastObservedTime ? [] : [required("series.lastObservedTime")]),
  ];
}

/** What the newer version lets nobody change, and what messages show where it is not there. */
const FIXED: Record<string, unknown> = {
  involvedObject: {},
  reason: "",
  message: "",
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  count: 0,
  type: "",
  eventTime: null,
  action: "",
  related: null,
  reportingComponent: "",
  reportingInstance: "",
};

/** What only the newer version of the API asks for, when an event is changed. Both are in the version that is stored. */
export function validateChangedEvent(object: KubernetesObject, previous: KubernetesObject): StatusCause[] {
  const [event, before] = [object, previous] as Anything[];
  const causes = deepEqual(event.series, before.series) ? [] : checkSeries(event);
  for (const [field, absent] of Object.entries(FIXED)) {
    if (deepEqual(event[field] ?? absent, before[field] ?? absent)) continue;
    const shown = field === "reportingComponent" ? "reportingController" : field;
    causes.push(invalidValue(shown, event[field] ?? absent, "field is immutable"));
  }
  return causes;
}
