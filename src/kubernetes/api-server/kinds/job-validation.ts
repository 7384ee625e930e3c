/** Checks of Jobs and CronJobs (`pkg/apis/batch/validation`). */

import { parseStandardCron } from "../../../model/cron-schedule.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, notNegative, notSupported, required } from "../field-error.ts";
import { checkOneOf, checkOptional, checkText, domainPathProblem } from "./field-rules.ts";
import { validatePodTemplate } from "./pod-validation.ts";
import { validateMatch } from "./workload-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const COUNTS = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
];

export function validateJob(job: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {}, metadata } = job;
  const causes = validateJobSpec(spec, "spec");
  if (spec.selector === undefined) causes.push(required("spec.selector"));
  else if (spec.manualSelector !== true && previous === undefined)
    causes.push(...validateGeneratedSelector(spec.selector, metadata.uid));
  causes.push(...validateMatch(spec));
  if (previous === undefined) return causes;
  const before = previous.spec ?? {};
  if (spec.completionMode !== "Indexed" && spec.completions !== before.completions)
    causes.push(invalidValue("spec.completions", spec.completions ?? null, "field is immutable"));
  if (!deepEqual(spec.selector, before.selector))
    causes.push(invalidValue("spec.selector", spec.selector ?? null, "field is immutable"));
  // A job that does not run yet may still be told where.
  if (before.suspend !== true && !deepEqual(spec.template, before.template))
    causes.push(invalidValue("spec.template", goTemplate(spec.template), "field is immutable"));
  if (spec.completionMode !== before.completionMode)
    causes.push(invalidValue("spec.completionMode", spec.completionMode, "field is immutable"));
  return causes;
}

/** Upstream prints its internal type, which says no more than this. */
function goTemplate(template: Anything) {
  return template ?? {};
}

/** A selector that is not the job's own would take over pods of others. */
function validateGeneratedSelector(selector: Anything, uid: string | undefined): StatusCause[] {
  const generated = { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
  return deepEqual(selector, generated)
    ? []
    : [invalidValue("spec.selector", selector, "`selector` not auto-generated")];
}

export function validateJobSpec(spec: Anything, path: string): StatusCause[] {
  const causes = COUNTS.flatMap((field) => notNegative(`${path}.${field}`, spec[field]));
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"])
    causes.push(...notNegative(`${path}.${field}`, spec[field]));
  if (spec.completionMode !== undefined) {
    if (!["NonIndexed", "Indexed"].includes(spec.completionMode))
      causes.push(notSupported(`${path}.completionMode`, spec.completionMode, ["NonIndexed", "Indexed"]));
    if (spec.completionMode === "Indexed" && spec.completions === undefined)
      causes.push(required(`${path}.completions`, "when completion mode is Indexed"));
  }
  causes.push(...validatePodTemplate(spec.template, `${path}.template`));
  const policy = spec.template?.spec?.restartPolicy;
  // "Always" is what a template gets that does not say.
  if (policy === "Always")
    causes.push(required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  causes.push(
    ...checkOptional(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, REPLACEMENT_POLICIES),
  );
  if (spec.managedBy !== undefined)
    causes.push(...checkText(`${path}.managedBy`, spec.managedBy, domainPathProblem));
  return causes;
}

const REPLACEMENT_POLICIES = ["Failed", "TerminatingOrFailed"];
/** Its jobs have eleven characters more in their names. */
const MAX_CRON_NAME = 52;

export function validateCronJob(
  { spec = {}, metadata }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!spec.schedule) causes.push(required("spec.schedule"));
  else causes.push(...validateSchedule(spec.schedule, previous?.spec?.schedule));
  if (spec.timeZone !== undefined) causes.push(...checkText("spec.timeZone", spec.timeZone, timeZoneProblem));
  causes.push(...notNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds));
  causes.push(
    ...checkOneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]),
  );
  causes.push(...validateJobSpec(spec.jobTemplate?.spec ?? {}, "spec.jobTemplate.spec"));
  for (const field of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"])
    causes.push(...notNegative(`spec.${field}`, spec[field]));
  if (metadata.name.length > MAX_CRON_NAME)
    causes.push(
      invalidValue("metadata.name", metadata.name, `must be no more than ${MAX_CRON_NAME} characters`),
    );
  return causes;
}

function validateSchedule(schedule: string, previous: string | undefined): StatusCause[] {
  if (/\bTZ=|CRON_TZ=/.test(schedule))
    return previous === schedule
      ? []
      : [
          invalidValue(
            "spec.schedule",
            schedule,
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
          ),
        ];
  return checkText("spec.schedule", schedule, cronProblem);
}

function cronProblem(schedule: string): string | undefined {
  try {
    parseStandardCron(schedule);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function timeZoneProblem(name: string): string | undefined {
  if (name === "") return "timeZone must be nil or non-empty string";
  if (name.toLowerCase() === "local")
    return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return undefined;
  } catch {
    return `unknown time zone ${name}`;
  }
}
