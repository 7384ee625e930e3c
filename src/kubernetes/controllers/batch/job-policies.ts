/** What failed pods mean for a Job, and when it has succeeded early (upstream `pod_failure_policy.go`, `success_policy.go`). */
import type { Job, Pod, PodFailureRule } from "../../types.ts";

export interface FailureMatch {
  action: PodFailureRule["action"];
  /** Which pod, what it did and which rule that is. */
  message: string;
}

/** The first rule that says something of a failed pod. */
export function failureMatch(job: Job, pod: Pod): FailureMatch | undefined {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const did = rule.onExitCodes === undefined ? conditionText(rule, pod) : exitText(rule, pod);
    if (did !== undefined)
      return { action: rule.action, message: `${did} matching ${rule.action} rule at index ${index}` };
  }
  return undefined;
}

function exitText({ onExitCodes }: PodFailureRule, { metadata, status }: Pod): string | undefined {
  const { containerName, operator, values } = onExitCodes!;
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  for (const { name, state } of all) {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (containerName && containerName !== name)) continue;
    if (values.includes(code) !== (operator === "In")) continue;
    return `Container ${name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${code}`;
  }
  return undefined;
}

function conditionText(
  { onPodConditions = [] }: PodFailureRule,
  { metadata, status }: Pod,
): string | undefined {
  const found = (status?.conditions ?? []).find((condition) =>
    onPodConditions.some(
      ({ type, status: wanted = "True" }) => type === condition.type && wanted === condition.status,
    ),
  );
  if (found === undefined) return undefined;
  return `Pod ${metadata.namespace}/${metadata.name} has condition ${found.type}`;
}

/** The index of the first rule of the success policy that the indexes done fulfil. Only for Jobs by index. */
export function successMatch(job: Job, done: ReadonlySet<number>): number | undefined {
  if (job.spec.completionMode !== "Indexed") return undefined;
  const found = (job.spec.successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    const counted = succeededIndexes === undefined ? [...done] : indexesOf(succeededIndexes);
    const reached = counted.filter((index) => done.has(index)).length;
    return reached >= (succeededCount ?? counted.length) && (succeededCount ?? counted.length) > 0;
  });
  return found === -1 ? undefined : found;
}

/** `0,2-4` → 0, 2, 3, 4. */
function indexesOf(text: string): number[] {
  return text.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}
