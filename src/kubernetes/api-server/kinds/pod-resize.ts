/** What may change of a pod by its `resize` (`ValidatePodResize`): the CPU and memory of its containers and sidecars. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { qosClassOf } from "../../../model/quality-of-service.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue } from "../field-error.ts";

type Quantities = Record<string, string | number>;

interface Container {
  name: string;
  restartPolicy?: string;
  resources?: { requests?: Quantities; limits?: Quantities };
}

const RESIZED = ["cpu", "memory"];
const LISTS = ["containers", "initContainers"] as const;

export function resizeProblems(pod: KubernetesObject, previous: KubernetesObject): StatusCause[] {
  const causes: StatusCause[] = [];
  if (qosClassOf(pod.spec) !== qosClassOf(previous.spec)) {
    const problem = "Pod QOS Class may not change as a result of resizing";
    causes.push(invalidValue("spec", pod.status?.qosClass ?? "", problem));
  }
  const misplaced = LISTS.flatMap((list) => orderProblems(list, pod.spec[list], previous.spec[list]));
  if (misplaced.length > 0) return [...causes, ...misplaced];
  causes.push(...LISTS.toReversed().flatMap((list) => removalProblems(list, pod, previous)));
  for (const list of LISTS) causes.push(...changeProblems(list, pod, previous));
  if (causes.length > 0) return causes;
  const rest = ({ spec: { containers: _, initContainers: __, ...others } }: KubernetesObject) => others;
  const isSame = deepEqual(rest(pod), rest(previous));
  return isSame ? [] : [forbiddenField("spec", "only cpu and memory resources are mutable")];
}

function orderProblems(list: string, now: Container[] = [], before: Container[] = []): StatusCause[] {
  if (now.length !== before.length)
    return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)];
  return before.flatMap(({ name }, index) =>
    now[index].name === name
      ? []
      : [forbiddenField(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`)],
  );
}

function pairs(
  list: (typeof LISTS)[number],
  pod: KubernetesObject,
  previous: KubernetesObject,
): [now: Container, before: Container, index: number][] {
  const before: Container[] = previous.spec[list] ?? [];
  return before.map((each, index) => [pod.spec[list][index], each, index]);
}

const isFixed = (list: string, { restartPolicy }: Container) =>
  list === "initContainers" && restartPolicy !== "Always";

function removalProblems(
  list: (typeof LISTS)[number],
  pod: KubernetesObject,
  previous: KubernetesObject,
): StatusCause[] {
  return pairs(list, pod, previous).flatMap(([now, before, index]) => {
    if (isFixed(list, before)) return [];
    return (["requests", "limits"] as const).flatMap((kind) => {
      const left = now.resources?.[kind] ?? {};
      const isRemoved = Object.keys(before.resources?.[kind] ?? {}).some((name) => !(name in left));
      const field = `spec.${list}[${index}].resources.${kind}`;
      return isRemoved ? [forbiddenField(field, `resource ${kind} cannot be removed`)] : [];
    });
  });
}

function changeProblems(
  list: (typeof LISTS)[number],
  pod: KubernetesObject,
  previous: KubernetesObject,
): StatusCause[] {
  return pairs(list, pod, previous).flatMap(([now, before]) => {
    if (isFixed(list, before)) {
      const problem = "resources for non-sidecar init containers are immutable";
      return deepEqual(now, before) ? [] : [forbiddenField("spec", problem)];
    }
    if (deepEqual(withoutResized(now), withoutResized(before))) return [];
    const whose = list === "containers" ? "" : " for sidecar containers";
    return [forbiddenField("spec", `only cpu and memory resources${whose} are mutable`)];
  });
}

function withoutResized({ resources = {}, ...rest }: Container): object {
  const left = (quantities: Quantities = {}) =>
    Object.fromEntries(Object.entries(quantities).filter(([name]) => !RESIZED.includes(name)));
  return { ...rest, requests: left(resources.requests), limits: left(resources.limits) };
}
