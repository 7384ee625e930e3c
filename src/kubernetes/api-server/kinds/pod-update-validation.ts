/** What of a pod may change once it is there (`ValidatePodUpdate` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue, required } from "../field-error.ts";
import { checkRange } from "./field-rules.ts";
import { goStruct, goValue, sameStruct } from "./go-struct.ts";
import { structDiff } from "./unified-diff.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** The longest time that a pod may be given, in seconds. */
export const MAX_SECONDS = 2 ** 31 - 1;

const UPDATE_PROBLEM =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

export function validatePodUpdate(spec: Anything, before: Anything): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const list of ["containers", "initContainers"]) {
    const [now, old] = [spec[list] ?? [], before[list] ?? []];
    if (now.length !== old.length)
      return [...causes, forbiddenField(`spec.${list}`, "pod updates may not add or remove containers")];
    for (const [index, { image }] of now.entries()) {
      const field = `spec.${list}[${index}].image`;
      if (!image) causes.push(required(field));
      else if (image.trim() !== image)
        causes.push(invalidValue(field, image, "must not have leading or trailing whitespace"));
    }
  }
  const deadline = deadlineProblem(spec.activeDeadlineSeconds, before.activeDeadlineSeconds);
  if (deadline !== undefined && spec.activeDeadlineSeconds !== undefined) return [...causes, deadline];
  if (deadline !== undefined) causes.push(deadline);
  causes.push(...validateTolerationChange(spec, before), ...validateGateChange(spec, before));
  const munged = withoutAllowedChanges(spec, before);
  if ((before.schedulingGates ?? []).length > 0) causes.push(...validateGatedChange(munged, before));
  const [old, now] = [before, munged].map((each) => goStruct("core.PodSpec", each));
  if (!sameStruct(old, now))
    causes.push(forbiddenField("spec", `${UPDATE_PROBLEM}\n${structDiff(old, now)}`));
  return causes;
}

/** Once set it may only become shorter. */
function deadlineProblem(now: number | undefined, old: number | undefined): StatusCause | undefined {
  const field = "spec.activeDeadlineSeconds";
  if (now === undefined) {
    if (old === undefined) return undefined;
    return invalidValue(field, null, "must not update from a positive integer to nil value");
  }
  if (now < 0 || now > MAX_SECONDS) return checkRange(field, now, 0, MAX_SECONDS)[0];
  if (old === undefined || now <= old) return undefined;
  return invalidValue(field, now, "must be less than or equal to previous value");
}

function validateTolerationChange(spec: Anything, before: Anything): StatusCause[] {
  const asGo = (each: Anything) => goStruct("core.Toleration", { ...each, tolerationSeconds: undefined });
  const kept = (before.tolerations ?? []).every((old: Anything) =>
    (spec.tolerations ?? []).some((each: Anything) => sameStruct(asGo(each), asGo(old))),
  );
  if (kept) return [];
  const problem = "existing toleration can not be modified except its tolerationSeconds";
  return [forbiddenField("spec.tolerations", problem)];
}

function validateGateChange(spec: Anything, before: Anything): StatusCause[] {
  const gates = new Set((before.schedulingGates ?? []).map(({ name }: Anything) => name));
  return (spec.schedulingGates ?? []).flatMap(({ name }: Anything, index: number) => {
    if (gates.has(name)) return [];
    const problem = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return [forbiddenField(`spec.schedulingGates[${index}].name`, problem)];
  });
}

/** The new spec with the old one's values where they may differ. */
function withoutAllowedChanges(spec: Anything, before: Anything): Anything {
  const withImages = (list: string) =>
    (spec[list] ?? []).map((container: Anything, index: number) => ({
      ...container,
      image: before[list][index].image,
    }));
  const containers = withImages("containers");
  const initContainers = withImages("initContainers");
  const isGraceCorrected =
    before.terminationGracePeriodSeconds < 0 && spec.terminationGracePeriodSeconds === 1;
  return {
    ...spec,
    containers,
    initContainers: initContainers.length > 0 ? initContainers : undefined,
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
    terminationGracePeriodSeconds: isGraceCorrected
      ? before.terminationGracePeriodSeconds
      : spec.terminationGracePeriodSeconds,
  };
}

/** Before a pod may be scheduled, where it may go can be narrowed. Puts back in `munged` what is allowed. */
function validateGatedChange(munged: Anything, before: Anything): StatusCause[] {
  const causes: StatusCause[] = [];
  const [oldSelector = {}, selector = {}] = [before.nodeSelector, munged.nodeSelector];
  if (Object.entries(oldSelector).some(([key, value]) => selector[key] !== value)) {
    const problem = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    causes.push(invalidValue("spec.nodeSelector", goValue("{}string", munged.nodeSelector), problem));
  }
  munged.nodeSelector = before.nodeSelector;
  const [oldAffinity, affinity] = [before.affinity?.nodeAffinity, munged.affinity?.nodeAffinity];
  const asGo = (each: Anything) => goValue("*core.NodeAffinity", each);
  if (sameStruct(asGo(oldAffinity), asGo(affinity))) return causes;
  causes.push(...validateNodeAffinityChange(affinity, oldAffinity));
  const { podAffinity, podAntiAffinity } = munged.affinity ?? {};
  const isOnlyNew =
    before.affinity === undefined && podAffinity === undefined && podAntiAffinity === undefined;
  munged.affinity = isOnlyNew ? undefined : { ...munged.affinity, nodeAffinity: oldAffinity };
  return causes;
}

function validateNodeAffinityChange(affinity: Anything, old: Anything): StatusCause[] {
  const at = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  const termsOf = (each: Anything) =>
    each?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const [terms, oldTerms] = [termsOf(affinity), termsOf(old)];
  if (oldTerms.length === 0) return [];
  if (oldTerms.length !== terms.length) {
    const problem = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    const shown = terms.length > 0 ? goValue("[]core.NodeSelectorTerm", terms) : null;
    return [invalidValue(at, shown, problem)];
  }
  return terms.flatMap((term: Anything, index: number) => {
    if (hasOnlyAdditions(term, oldTerms[index])) return [];
    const problem = "only additions are allowed (no mutations or deletions)";
    return [invalidValue(`${at}[${index}]`, goStruct("core.NodeSelectorTerm", term), problem)];
  });
}

function hasOnlyAdditions(term: Anything, old: Anything): boolean {
  const listsOf = (each: Anything) => [each.matchExpressions ?? [], each.matchFields ?? []];
  const [lists, oldLists] = [listsOf(term), listsOf(old)];
  // A term without anything matches nothing: what is added would widen it.
  if (oldLists.flat().length === 0) return lists.flat().length === 0;
  return oldLists.every((list, index) =>
    sameStruct(
      goValue("[]core.NodeSelectorRequirement", list),
      goValue("[]core.NodeSelectorRequirement", lists[index].slice(0, list.length)),
    ),
  );
}
