/**
 * What KEDA's webhook refuses and warns of (keda `apis/keda/v1alpha1/scaledobject_webhook.go`). The operator itself asks
 * too when it first sees a generation: where the webhook can't be reached everything is let in.
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import {
  fallbackProblem,
  HPA_OWNERSHIP_ANNOTATION,
  hpaNameOf,
  OWNER_LABEL,
  replicaBoundsProblem,
  type ScaledObject,
  type ScaledObjectSpec,
  TRANSFER_OWNERSHIP_ANNOTATION,
  triggersProblem,
  usesModifiers,
} from "../scaled-object.ts";
import { compileScalingModifiers } from "../scaling/scaling-modifiers.ts";

/** What a label's value may measure. */
export const MAX_NAME_LENGTH = 63;

/** What stands in the ScaledObject's namespace. */
export interface AdmissionWorld {
  /** Others, and perhaps the object itself. */
  scaledObjects: readonly ScaledObject[];
  hpas: readonly KubernetesObject[];
  /** Of a Deployment or StatefulSet; others are not looked into. */
  containers?: readonly Container[];
  limitRanges?: readonly KubernetesObject[];
}

export interface Container {
  name: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}

export interface AdmissionProblem {
  /** In `keda_webhook_scaled_object_validation_errors_total`. */
  reason: string;
  /** Upstream's text. */
  message: string;
}

/**
 * Why the object is refused, or undefined.
 *
 * @param isFormulaChecked somebody else looks at the formula. @default false
 */
export function admissionProblem(
  object: ScaledObject,
  world: AdmissionWorld,
  { isFormulaChecked = false } = {},
): AdmissionProblem | undefined {
  return (
    conflictProblem(object, world.scaledObjects) ??
    (isFormulaChecked ? undefined : formulaProblem(object)) ??
    fallbackFormulaProblem(object) ??
    resourceProblem(object, world) ??
    hpaProblem(object, world.hpas) ??
    because("incorrect-replicas", replicaBoundsProblem(object)) ??
    because("incorrect-fallback", fallbackProblem(object)) ??
    nameProblem(object) ??
    because("incorrect-triggers", triggersProblem(object.spec.triggers))
  );
}

function because(reason: string, message: string | undefined): AdmissionProblem | undefined {
  return message === undefined ? undefined : { reason, message };
}

/** Settings that have no effect. */
export function admissionWarnings({ spec }: ScaledObject): string[] {
  const warnings: string[] = [];
  const { minReplicaCount = 0, idleReplicaCount, pollingInterval, cooldownPeriod, triggers } = spec;
  if (minReplicaCount <= 0 || idleReplicaCount !== undefined) return warnings;
  if (pollingInterval !== undefined && !triggers.some(({ useCachedMetrics }) => useCachedMetrics)) {
    warnings.push(
      "PollingInterval is configured but is not relevant. PollingInterval is only relevant when minReplicaCount = 0, idleReplicaCount is set, or useCachedMetrics is enabled",
    );
  }
  if (cooldownPeriod !== undefined) {
    warnings.push(
      "CooldownPeriod is configured but is not relevant. CooldownPeriod is only relevant when minReplicaCount = 0 or idleReplicaCount is set",
    );
  }
  return warnings;
}

type TargetReference = ScaledObjectSpec["scaleTargetRef"];

function kindOf({ apiVersion, kind }: TargetReference): string {
  return `${apiVersion || "apps/v1"}.${kind || "Deployment"}`;
}

const isSameTarget = (a: TargetReference, b: TargetReference) => a.name === b.name && kindOf(a) === kindOf(b);

function conflictProblem(object: ScaledObject, all: readonly ScaledObject[]): AdmissionProblem | undefined {
  const target = object.spec.scaleTargetRef;
  const others = all.filter(({ metadata }) => metadata.name !== object.metadata.name);
  const rival = others.find(({ spec }) => isSameTarget(spec.scaleTargetRef, target));
  if (rival !== undefined) {
    const message = `the workload '${target.name}' of type '${kindOf(target)}' is already managed by the ScaledObject '${rival.metadata.name}'`;
    return { reason: "other-scaled-object", message };
  }
  const hpa = hpaNameOf(object);
  const namesake = others.find((other) => hpaNameOf(other) === hpa);
  if (namesake === undefined) return undefined;
  const message = `the HPA '${hpa}' is already managed by the ScaledObject '${namesake.metadata.name}'`;
  return { reason: "other-scaled-object-hpa", message };
}

function formulaProblem(object: ScaledObject): AdmissionProblem | undefined {
  if (!usesModifiers(object)) return undefined;
  try {
    compileScalingModifiers(object);
    return undefined;
  } catch (error) {
    return { reason: "scaling-modifiers", message: (error as Error).message };
  }
}

function fallbackFormulaProblem(object: ScaledObject): AdmissionProblem | undefined {
  const { advanced, fallback } = object.spec;
  if (fallback?.behavior !== "scalingModifiers" || advanced?.scalingModifiers?.formula) return undefined;
  const message = "scalingModifiers fallback behavior requires scalingModifiers.formula to be defined";
  return { reason: "scaling-modifiers-fallback", message };
}

const isResource = (type: string) => type === "cpu" || type === "memory";

/** A trigger on a resource works only where each container asks for some of it, and can't wake anything. */
function resourceProblem({ spec }: ScaledObject, world: AdmissionWorld): AdmissionProblem | undefined {
  const { containers, limitRanges = [] } = world;
  if (containers === undefined) return undefined;
  for (const { type, metadata } of spec.triggers ?? []) {
    if (!isResource(type)) continue;
    const { containerName = "" } = metadata;
    const bare = containers.find(
      ({ name, resources }) =>
        (containerName === "" || name === containerName) &&
        !isPositive(resources?.requests?.[type], resources?.limits?.[type]),
    );
    if (bare !== undefined && !hasDefault(limitRanges, type)) {
      const message = `the scaledobject has a ${type} trigger but the container ${bare.name} doesn't have the ${type} request defined`;
      return { reason: "missing-requests", message };
    }
    if (!spec.minReplicaCount && spec.triggers.every((trigger) => isResource(trigger.type))) {
      const message =
        "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in this case)";
      return { reason: "scale-to-zero-requirements-not-met", message };
    }
  }
  return undefined;
}

function hasDefault(limitRanges: readonly KubernetesObject[], type: string): boolean {
  interface Limit {
    type: string;
    default?: Record<string, string>;
    defaultRequest?: Record<string, string>;
  }
  const limits = limitRanges.flatMap(({ spec }): Limit[] => spec?.limits ?? []);
  return limits.some(
    (limit) => limit.type === "Container" && isPositive(limit.defaultRequest?.[type], limit.default?.[type]),
  );
}

function isPositive(...quantities: (string | undefined)[]): boolean {
  return quantities.some((quantity) => quantity !== undefined && parseQuantity(String(quantity)) > 0);
}

function hpaProblem(object: ScaledObject, hpas: readonly KubernetesObject[]): AdmissionProblem | undefined {
  const { metadata, spec } = object;
  const target = spec.scaleTargetRef;
  const foreign = hpas.filter(
    (hpa) =>
      hpa.metadata.annotations?.[HPA_OWNERSHIP_ANNOTATION] !== "false" &&
      isSameTarget(hpa.spec.scaleTargetRef, target) &&
      !hpa.metadata.ownerReferences?.some(
        ({ kind, name }) => kind === "ScaledObject" && name === metadata.name,
      ),
  );
  const isTransfer = metadata.annotations?.[TRANSFER_OWNERSHIP_ANNOTATION] === "true";
  const named = spec.advanced?.horizontalPodAutoscalerConfig?.name;
  const hpa = foreign.find((candidate) => !isTransfer || candidate.metadata.name !== named);
  if (hpa === undefined) return undefined;
  const workload = `workload '${target.name}' of type '${kindOf(target)}'`;
  const { name } = hpa.metadata;
  if (!isTransfer) {
    return { reason: "other-hpa", message: `the ${workload} is already managed by the hpa '${name}'` };
  }
  const message = `the existing hpa '${name}' for ${workload} must be specified by name in advanced settings to enable ownership transfer`;
  return { reason: "transfer-ownership-missing-hpa-name", message };
}

function nameProblem(object: ScaledObject): AdmissionProblem | undefined {
  const { name } = object.metadata;
  const quoted = JSON.stringify;
  if (name.length > MAX_NAME_LENGTH) {
    const message = `scaledobject name ${quoted(name)} is ${name.length} characters long; must be no more than ${MAX_NAME_LENGTH} characters because it is used as the ${quoted(OWNER_LABEL)} label value`;
    return { reason: "name-too-long", message };
  }
  const hpa = hpaNameOf(object);
  if (hpa.length <= MAX_NAME_LENGTH) return undefined;
  const message = `HPA name ${quoted(hpa)} derived from scaledobject is ${hpa.length} characters long; must be no more than ${MAX_NAME_LENGTH} characters; set spec.advanced.horizontalPodAutoscalerConfig.name to a shorter name or shorten the scaledobject name`;
  return { reason: "hpa-name-too-long", message };
}
