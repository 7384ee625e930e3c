/** Checks of workloads (`pkg/apis/apps/validation`). */

import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import {
  dnsLabelProblem,
  matchesSelector,
  type Selector,
  selectorOf,
} from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notNegative, notSupported, required } from "../field-error.ts";
import { validateClaimSpec } from "./claim-validation.ts";
import {
  checkCountOrPercent,
  checkLabel,
  checkOneOf,
  checkPercentLimit,
  checkSelector,
  checkText,
  goSelector,
} from "./field-rules.ts";
import { goValue } from "./go-struct.ts";
import { validatePodTemplate } from "./pod-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** The selector as a test of labels: undefined when it can't be read; without one, nothing fits. */
function readSelector(spec: Anything): ((labels: Record<string, string> | undefined) => boolean) | undefined {
  if (spec.selector === undefined) return () => false;
  let selector: Selector;
  try {
    selector = selectorOf(spec.selector)!;
  } catch {
    return undefined;
  }
  return (labels) => matchesSelector(selector, labels);
}

export function validateSelector(spec: Anything, owner: string): StatusCause[] {
  if (spec.selector === undefined) return [required("spec.selector")];
  const causes = checkSelector("spec.selector", spec.selector);
  const { matchLabels = {}, matchExpressions = [] } = spec.selector;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0)
    causes.push(
      invalidValue("spec.selector", goSelector(spec.selector), `empty selector is invalid for ${owner}`),
    );
  return causes;
}

/** Whether a selector is one that upstream can use: its expressions have the values they need. */
function isUsable(spec: Anything): boolean {
  return checkSelector("", spec.selector).length === 0;
}

/** That the selector finds the pods of the template. */
export function validateMatch(spec: Anything): StatusCause[] {
  if (!isUsable(spec))
    return [invalidValue("spec.selector", goSelector(spec.selector), "invalid label selector")];
  const labels = spec.template?.metadata?.labels;
  if (readSelector(spec)?.(labels)) return [];
  const problem = "`selector` does not match template `labels`";
  return [invalidValue("spec.template.metadata.labels", goValue("{}string", labels), problem)];
}

function validateTemplate(spec: Anything, owner: string): StatusCause[] {
  const causes = validatePodTemplate(spec.template, "spec.template");
  const { restartPolicy, activeDeadlineSeconds } = spec.template?.spec ?? {};
  if (restartPolicy !== "Always")
    causes.push(notSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"]));
  if (activeDeadlineSeconds !== undefined)
    causes.push(
      forbiddenField(
        "spec.template.spec.activeDeadlineSeconds",
        `activeDeadlineSeconds in ${owner} is not Supported`,
      ),
    );
  return causes;
}

function immutableSelector(spec: Anything, previous: KubernetesObject | undefined): StatusCause[] {
  if (previous === undefined || deepEqual(spec.selector, previous.spec?.selector)) return [];
  return [invalidValue("spec.selector", spec.selector ?? null, "field is immutable")];
}

export function validateReplicaSet(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const causes = notNegative("spec.replicas", spec.replicas);
  causes.push(...notNegative("spec.minReadySeconds", spec.minReadySeconds));
  causes.push(...validateSelector(spec, "deployment"), ...validateMatch(spec));
  causes.push(...validateTemplate(spec, "ReplicaSet"));
  return [...causes, ...immutableSelector(spec, previous)];
}

export function validateDeployment(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const causes = notNegative("spec.replicas", spec.replicas);
  causes.push(...validateSelector(spec, "deployment"));
  const match = validateMatch(spec);
  causes.push(...match);
  if (isUsable(spec)) causes.push(...validateTemplate(spec, "ReplicaSet"));
  causes.push(...validateStrategy(spec.strategy ?? {}));
  for (const field of ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"])
    causes.push(...notNegative(`spec.${field}`, spec[field]));
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  if (deadline !== undefined && deadline <= minReadySeconds)
    causes.push(
      invalidValue("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"),
    );
  return [...causes, ...immutableSelector(spec, previous)];
}

function validateStrategy({ type, rollingUpdate }: Anything): StatusCause[] {
  if (type === "Recreate") {
    if (rollingUpdate === undefined) return [];
    const problem = "may not be specified when strategy `type` is 'Recreate'";
    return [forbiddenField("spec.strategy.rollingUpdate", problem)];
  }
  if (type !== "RollingUpdate")
    return [
      notSupported(
        "spec.strategy",
        { Type: type ?? "", RollingUpdate: goRolling(rollingUpdate, "MaxSurge") },
        ["Recreate", "RollingUpdate"],
      ),
    ];
  const at = "spec.strategy.rollingUpdate";
  if (rollingUpdate === undefined) return [required(at, "this should be defaulted and never be nil")];
  const { maxSurge, maxUnavailable } = rollingUpdate;
  const causes = checkCountOrPercent(`${at}.maxUnavailable`, maxUnavailable);
  causes.push(...checkCountOrPercent(`${at}.maxSurge`, maxSurge));
  if (isNone(maxSurge) && isNone(maxUnavailable))
    causes.push(invalidValue(`${at}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  return [...causes, ...checkPercentLimit(`${at}.maxUnavailable`, maxUnavailable)];
}

/** As Go prints the internal type. */
function goRolling(rolling: Anything, kind: "MaxSurge" | "Partition") {
  if (rolling === undefined) return null;
  const { maxUnavailable, maxSurge, partition = 0 } = rolling;
  return kind === "MaxSurge"
    ? { MaxUnavailable: maxUnavailable ?? 0, MaxSurge: maxSurge ?? 0 }
    : { Partition: partition, MaxUnavailable: maxUnavailable ?? null };
}

/** What comes to nothing, also because it can't be read. */
function comesToNone(value: unknown): boolean {
  return isNone(value) || (typeof value === "string" && !/^[0-9]+%$/.test(value));
}

function isNone(value: unknown): boolean {
  return value === undefined || value === 0 || value === "0%";
}

export function validateDaemonSet(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const causes = immutableSelector(spec, previous);
  if (spec.selector !== undefined) causes.push(...validateSelector(spec, "daemonset"));
  if (isUsable(spec)) causes.push(...validateMatch(spec));
  causes.push(...validateTemplate(spec, "DaemonSet"));
  causes.push(...notNegative("spec.minReadySeconds", spec.minReadySeconds));
  causes.push(...validateDaemonStrategy(spec.updateStrategy ?? {}));
  return [...causes, ...notNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit)];
}

function validateDaemonStrategy({ type, rollingUpdate }: Anything): StatusCause[] {
  if (type === "OnDelete") return [];
  if (type !== "RollingUpdate")
    return [
      notSupported(
        "spec.updateStrategy",
        { Type: type ?? "", RollingUpdate: goRolling(rollingUpdate, "MaxSurge") },
        ["RollingUpdate", "OnDelete"],
      ),
    ];
  const at = "spec.updateStrategy.rollingUpdate";
  const { maxSurge, maxUnavailable } = rollingUpdate ?? {};
  const causes = checkCountOrPercent(`${at}.maxUnavailable`, maxUnavailable);
  causes.push(...checkCountOrPercent(`${at}.maxSurge`, maxSurge));
  if (!comesToNone(maxUnavailable) && !comesToNone(maxSurge))
    causes.push(invalidValue(`${at}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (comesToNone(maxUnavailable) && comesToNone(maxSurge))
    causes.push(required(`${at}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
  return [
    ...causes,
    ...checkPercentLimit(`${at}.maxUnavailable`, maxUnavailable),
    ...checkPercentLimit(`${at}.maxSurge`, maxSurge),
  ];
}

/** The fields of a StatefulSet's spec that may change. */
const MUTABLE_FIELDS = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

const STATEFUL_UPDATE_PROBLEM =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSet(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {}, metadata } = object;
  const causes: StatusCause[] = [];
  if (previous === undefined && metadata.name)
    causes.push(...checkText("metadata.name", metadata.name, setNameProblem));
  causes.push(...validateStatefulStrategy(spec));
  const claims: KubernetesObject[] = spec.volumeClaimTemplates ?? [];
  if (previous === undefined)
    for (const [index, claim] of claims.entries())
      causes.push(...validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`));
  causes.push(...notNegative("spec.replicas", spec.replicas));
  causes.push(...notNegative("spec.minReadySeconds", spec.minReadySeconds));
  causes.push(...notNegative("spec.ordinals.start", spec.ordinals?.start));
  if (previous === undefined && spec.serviceName)
    causes.push(...checkLabel("spec.serviceName", spec.serviceName));
  causes.push(...validateSelector(spec, "statefulset"));
  if (isUsable(spec)) causes.push(...validateMatch(spec));
  else causes.push(invalidValue("spec.selector", goSelector(spec.selector), ""));
  causes.push(...validateTemplate(withClaimVolumes(spec, claims), "StatefulSet"));
  if (previous !== undefined && !deepEqual(fixedPart(spec), fixedPart(previous.spec)))
    causes.push(forbiddenField("spec", STATEFUL_UPDATE_PROBLEM));
  return causes;
}

/** Its pods are named after it. */
function setNameProblem(name: string): string | undefined {
  if (name.length > 63) return "must be no more than 63 characters";
  if (name.includes(".") && dnsLabelProblem(name.replaceAll(".", "-")) === undefined)
    return "must not contain dots";
  return dnsLabelProblem(name);
}

/** The set as its pods will be: claims stand in for volumes of the same name, hosts are named by the controller. */
function withClaimVolumes(spec: Anything, claims: KubernetesObject[]): Anything {
  if (spec.template?.spec === undefined) return spec;
  const { hostname: _, subdomain: __, ...pod } = spec.template.spec;
  const names = new Set(claims.map(({ metadata }) => metadata?.name ?? ""));
  const made = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = (pod.volumes ?? []).filter(({ name }: Anything) => !names.has(name));
  return { ...spec, template: { ...spec.template, spec: { ...pod, volumes: [...made, ...others] } } };
}

function validateStatefulStrategy(spec: Anything): StatusCause[] {
  const causes: StatusCause[] = [];
  const {
    podManagementPolicy: policy,
    updateStrategy = {},
    persistentVolumeClaimRetentionPolicy: retention,
  } = spec;
  if (!["OrderedReady", "Parallel"].includes(policy))
    causes.push(
      invalidValue("spec.podManagementPolicy", policy ?? "", "must be 'OrderedReady' or 'Parallel'"),
    );
  const { type, rollingUpdate } = updateStrategy;
  const at = "spec.updateStrategy.rollingUpdate";
  if (type === "OnDelete") {
    if (rollingUpdate !== undefined) {
      const shown = {
        Partition: rollingUpdate.partition ?? 0,
        MaxUnavailable: rollingUpdate.maxUnavailable ?? null,
      };
      causes.push(invalidValue(at, shown, "only allowed for updateStrategy 'RollingUpdate'"));
    }
  } else if (type !== "RollingUpdate") {
    const shown = { Type: type ?? "", RollingUpdate: goRolling(rollingUpdate, "Partition") };
    causes.push(invalidValue("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rollingUpdate !== undefined) {
    causes.push(...notNegative(`${at}.partition`, rollingUpdate.partition));
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable !== undefined) {
      causes.push(...checkCountOrPercent(`${at}.maxUnavailable`, maxUnavailable));
      if (comesToNone(maxUnavailable))
        causes.push(invalidValue(`${at}.maxUnavailable`, maxUnavailable, "cannot be 0"));
      causes.push(...checkPercentLimit(`${at}.maxUnavailable`, maxUnavailable));
    }
  }
  for (const field of ["whenDeleted", "whenScaled"])
    if (retention?.[field] !== undefined)
      causes.push(
        ...checkOneOf(`spec.persistentVolumeClaimRetentionPolicy.${field}`, retention[field], [
          "Retain",
          "Delete",
        ]),
      );
  return causes;
}

function fixedPart(spec: Record<string, unknown> | undefined): unknown {
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !MUTABLE_FIELDS.includes(field)));
}

export function validateReplicationController({ spec = {} }: KubernetesObject): StatusCause[] {
  const causes = Object.keys(spec.selector ?? {}).length === 0 ? [required("spec.selector")] : [];
  causes.push(...notNegative("spec.replicas", spec.replicas));
  causes.push(...notNegative("spec.minReadySeconds", spec.minReadySeconds));
  if (spec.template === undefined) return [...causes, required("spec.template")];
  const labels = spec.template.metadata?.labels ?? {};
  if (Object.entries(spec.selector ?? {}).some(([key, value]) => labels[key] !== value))
    causes.push(
      invalidValue(
        "spec.template.metadata.labels",
        spec.template.metadata?.labels ?? null,
        "`selector` does not match template `labels`",
      ),
    );
  return [...causes, ...validateTemplate(spec, "ReplicationController")];
}
