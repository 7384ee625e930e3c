/** Checks of Jobs and CronJobs (`pkg/apis/batch/validation`). */

import { parseStandardCron } from "../../../model/cron-schedule.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblem, matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, notNegative, notSupported, required, tooLong } from "../field-error.ts";
import { checkOneOf, checkOptional, checkText, domainPathProblem, goSelector } from "./field-rules.ts";
import { goStruct, goValue } from "./go-struct.ts";
import { validateFailurePolicy, validateSuccessPolicy } from "./job-policy-validation.ts";
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
  const isGenerated = spec.selector !== undefined && spec.manualSelector !== true;
  const causes = previous === undefined && isGenerated ? validateGeneratedSelector(job) : [];
  causes.push(...validateJobSpec(spec, "spec"));
  if (spec.selector === undefined) causes.push(required("spec.selector"));
  causes.push(...validateMatch(spec));
  if (previous === undefined) return [...causes, ...validateHostname(spec, metadata.name)];
  const before = previous.spec ?? {};
  if (spec.completionMode !== "Indexed" && spec.completions !== before.completions)
    causes.push(invalidValue("spec.completions", spec.completions ?? null, "field is immutable"));
  if (!deepEqual(spec.selector, before.selector))
    causes.push(
      invalidValue("spec.selector", spec.selector ? goSelector(spec.selector) : null, "field is immutable"),
    );
  // A job that does not run yet may still be told where.
  if (before.suspend !== true && !deepEqual(spec.template, before.template))
    causes.push(
      invalidValue("spec.template", goStruct("core.PodTemplateSpec", spec.template), "field is immutable"),
    );
  for (const field of Object.keys(FIXED))
    if (!deepEqual(spec[field], before[field]))
      causes.push(invalidValue(`spec.${field}`, goValue(FIXED[field], spec[field]), "field is immutable"));
  return causes;
}

/** What never changes, with its type. */
const FIXED: Record<string, string> = {
  completionMode: "*string",
  podFailurePolicy: "*batch.PodFailurePolicy",
  backoffLimitPerIndex: "*number",
  managedBy: "*string",
  successPolicy: "*batch.SuccessPolicy",
};

/** A pod of an indexed job is called after the job and its index. */
function validateHostname({ completionMode, completions }: Anything, name: string): StatusCause[] {
  if (completionMode !== "Indexed" || !(completions > 0)) return [];
  const longest = `${name}-${completions - 1}`;
  if (dnsLabelProblem(longest) === undefined) return [];
  const problem = `will not able to create pod with invalid DNS label: ${longest}`;
  return [invalidValue("metadata.name", name, problem)];
}

/** A selector and labels that are not the job's own would take over pods of others. */
function validateGeneratedSelector({ metadata, spec }: KubernetesObject): StatusCause[] {
  const { uid = "", name } = metadata;
  const expected: Record<string, string> = {
    "controller-uid": uid,
    "job-name": name,
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
  };
  const labels = spec.template?.metadata?.labels ?? {};
  const causes = Object.entries(expected).flatMap(([key, value]) => {
    const field = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) return [required(field, `must be '${value}'`)];
    return labels[key] === value
      ? []
      : [invalidValue(field, goValue("{}string", labels), `must be '${value}'`)];
  });
  const selector = selectorOf(spec.selector);
  if (selector !== undefined && !matchesSelector(selector, expected))
    causes.push(invalidValue("spec.selector", goSelector(spec.selector), "`selector` not auto-generated"));
  return causes;
}

export function validateJobSpec(spec: Anything, path: string): StatusCause[] {
  const causes = COUNTS.flatMap((field) => notNegative(`${path}.${field}`, spec[field]));
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"])
    causes.push(...notNegative(`${path}.${field}`, spec[field]));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    causes.push(required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  if (spec.managedBy !== undefined) {
    const field = `${path}.managedBy`;
    if (spec.managedBy === "") causes.push(required(field));
    else causes.push(...checkText(field, spec.managedBy, domainPathProblem));
    if (spec.managedBy.length > MAX_MANAGER_LENGTH) causes.push(tooLong(field, MAX_MANAGER_LENGTH));
  }
  causes.push(...validateCompletionMode(spec, path));
  if (spec.podFailurePolicy !== undefined)
    causes.push(...validateFailurePolicy(spec, `${path}.podFailurePolicy`));
  if (spec.successPolicy !== undefined && spec.completionMode !== "Indexed")
    causes.push(
      invalidValue(
        `${path}.successPolicy`,
        goSuccessPolicy(spec.successPolicy),
        "requires indexed completion mode",
      ),
    );
  else if (spec.successPolicy !== undefined)
    causes.push(...validateSuccessPolicy(spec, `${path}.successPolicy`));
  const replacements = spec.podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
  causes.push(...checkOptional(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, replacements));
  causes.push(...validatePodTemplate(spec.template, `${path}.template`));
  return [...causes, ...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`)];
}

/** The longest name of a controller, in bytes. */
const MAX_MANAGER_LENGTH = 63;
/** From so many completions on, less may run and fail at a time. */
const MANY_COMPLETIONS = 100_000;
const MAX_PARALLELISM_OF_MANY = 10_000;
const MAX_FAILED_INDEXES_OF_MANY = 10_000;
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;

function validateCompletionMode(spec: Anything, path: string): StatusCause[] {
  const { completionMode: mode, completions, parallelism = 0, maxFailedIndexes: failed } = spec;
  const causes: StatusCause[] = [];
  const refuse = (field: string, problem: string) =>
    causes.push(invalidValue(`${path}.${field}`, spec[field], problem));
  const atMost = (limit: number) => `must be less than or equal to ${limit}`;
  if (mode === undefined || mode === "NonIndexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"])
      if (spec[field] !== undefined) refuse(field, "requires indexed completion mode");
    return causes;
  }
  if (mode !== "Indexed") return [notSupported(`${path}.completionMode`, mode, ["NonIndexed", "Indexed"])];
  if (completions === undefined)
    causes.push(required(`${path}.completions`, "when completion mode is Indexed"));
  if (parallelism > MAX_INDEXED_PARALLELISM)
    refuse("parallelism", `${atMost(MAX_INDEXED_PARALLELISM)} when completion mode is Indexed`);
  if (completions !== undefined && failed > completions)
    refuse("maxFailedIndexes", "must be less than or equal to completions");
  if (failed > MAX_FAILED_INDEXES) refuse("maxFailedIndexes", atMost(MAX_FAILED_INDEXES));
  if (completions === undefined || completions <= MANY_COMPLETIONS || spec.backoffLimitPerIndex === undefined)
    return causes;
  const many = `when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (failed === undefined) {
    const problem = `must be specified when completions is above ${MANY_COMPLETIONS}`;
    causes.push(required(`${path}.maxFailedIndexes`, problem));
  }
  if (parallelism > MAX_PARALLELISM_OF_MANY)
    refuse("parallelism", `${atMost(MAX_PARALLELISM_OF_MANY)} ${many}`);
  if (failed > MAX_FAILED_INDEXES_OF_MANY)
    refuse("maxFailedIndexes", `${atMost(MAX_FAILED_INDEXES_OF_MANY)} ${many}`);
  return causes;
}

function validateRestartPolicy(spec: Anything, field: string): StatusCause[] {
  const policy = spec.template?.spec?.restartPolicy;
  // "Always" is what a template gets that does not say.
  if (policy === "Always" || !policy) return [required(field, 'valid values: "OnFailure", "Never"')];
  if (!["OnFailure", "Never"].includes(policy)) return [notSupported(field, policy, ["OnFailure", "Never"])];
  if (spec.podFailurePolicy === undefined || policy === "Never") return [];
  return [invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}

/** As Go prints the internal type. */
function goSuccessPolicy({ rules }: Anything) {
  const goRule = ({ succeededIndexes, succeededCount }: Anything) => ({
    SucceededIndexes: succeededIndexes ?? null,
    SucceededCount: succeededCount ?? null,
  });
  return { Rules: rules?.map(goRule) ?? null };
}

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
  const jobSpec = spec.jobTemplate?.spec ?? {};
  causes.push(...validateJobSpec(jobSpec, "spec.jobTemplate.spec"));
  if (jobSpec.manualSelector === true)
    causes.push(notSupported("spec.jobTemplate.spec.manualSelector", true, ["nil", "false"]));
  if (jobSpec.selector !== undefined)
    causes.push(
      invalidValue(
        "spec.jobTemplate.spec.selector",
        goSelector(jobSpec.selector),
        "`selector` will be auto-generated",
      ),
    );
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
