/** `--vary threshold=1..10`: policies that differ from the ScaledObject in a field or two. */
import type { AutoscalerVersion } from "../../kubernetes/mod.ts";
import { UsageError } from "../options.ts";
import type { ReplayPolicy } from "./replay-model.ts";

/** All combinations together. */
export const MAX_VARIANTS = 500;

/** The name of the policy without a change. */
export const AS_IT_IS = "as it is";

export interface Variant {
  /** `threshold=3 tolerance=0`, or `as it is`. */
  name: string;
  policy: ReplayPolicy;
}

type Change = (policy: ReplayPolicy, value: string) => void;

const number = (value: string, least = Number.NEGATIVE_INFINITY): number => {
  const parsed = Number(value);
  if (value.trim() === "" || !Number.isFinite(parsed)) throw new UsageError(`"${value}" is no number`);
  if (parsed < least) throw new UsageError(`${value} is below ${least}`);
  return parsed;
};

const whole = (value: string, least: number, most: number): number => {
  const parsed = number(value);
  if (!Number.isInteger(parsed) || parsed < least || parsed > most)
    throw new UsageError(`${value} is no whole number from ${least} to ${most}`);
  return parsed;
};

/** Kubernetes' integers of 32 bits, and the HPA's longest window. */
const MAX_INT32 = 2 ** 31 - 1;
const MAX_WINDOW_SECONDS = 3_600;

const inSpec =
  (
    field: "minReplicaCount" | "maxReplicaCount" | "cooldownPeriod" | "pollingInterval" | "idleReplicaCount",
    least = 0,
  ): Change =>
  ({ object }, value) => {
    object.spec[field] = whole(value, least, MAX_INT32);
  };

/** In both directions of the HPA's behaviour, or in one. */
const inBehavior =
  (field: string, parse: (value: string) => number, ...directions: ("scaleUp" | "scaleDown")[]): Change =>
  ({ object }, value) => {
    object.spec.advanced ??= {};
    object.spec.advanced.horizontalPodAutoscalerConfig ??= {};
    const config = object.spec.advanced.horizontalPodAutoscalerConfig;
    config.behavior ??= {};
    for (const direction of directions) {
      config.behavior[direction] = { ...config.behavior[direction], [field]: parse(value) };
    }
  };

function windowOf(value: string): number {
  return whole(value, 0, MAX_WINDOW_SECONDS);
}

const inTrigger =
  (field: string): Change =>
  ({ object }, value) => {
    for (const trigger of object.spec.triggers) {
      if (trigger.type === "prometheus") trigger.metadata = { ...trigger.metadata, [field]: value };
    }
  };

const FIELDS: Record<string, Change> = {
  threshold: inTrigger("threshold"),
  activationThreshold: inTrigger("activationThreshold"),
  ignoreNullValues: inTrigger("ignoreNullValues"),
  minReplicaCount: inSpec("minReplicaCount"),
  maxReplicaCount: inSpec("maxReplicaCount"),
  idleReplicaCount: inSpec("idleReplicaCount"),
  cooldownPeriod: inSpec("cooldownPeriod"),
  pollingInterval: inSpec("pollingInterval", 1),
  tolerance: inBehavior("tolerance", (value) => number(value, 0), "scaleUp", "scaleDown"),
  scaleDownWindow: inBehavior("stabilizationWindowSeconds", windowOf, "scaleDown"),
  scaleUpWindow: inBehavior("stabilizationWindowSeconds", windowOf, "scaleUp"),
  kubernetes: (policy, value) => {
    if (value !== "1.28" && value !== "1.37")
      throw new UsageError(`kubernetes is 1.28 or 1.37, not ${value}`);
    policy.kubernetes = value as AutoscalerVersion;
  },
};

/** The policy as it is, and every combination of the values. @throws UsageError */
export function variantsOf(base: ReplayPolicy, vary: string[]): Variant[] {
  let variants: Variant[] = [{ name: "", policy: base }];
  for (const term of vary) {
    const [field, text] = term.split("=");
    const change = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
    if (change === undefined || text === undefined) {
      throw new UsageError(
        `--vary ${term}: FIELD=VALUES, where FIELD is one of ${Object.keys(FIELDS).join(", ")}`,
      );
    }
    const values = withTerm(term, () => valuesOf(text));
    if (values.length === 0) throw new UsageError(`--vary ${term}: no values`);
    variants = variants.flatMap(({ name, policy }) =>
      values.map((value) => {
        const varied = structuredClone(policy);
        withTerm(term, () => change(varied, value));
        return { name: `${name} ${field}=${value}`.trim(), policy: varied };
      }),
    );
    if (variants.length > MAX_VARIANTS) throw new UsageError(`more than ${MAX_VARIANTS} variants`);
  }
  const asItIs = { name: AS_IT_IS, policy: base };
  return vary.length === 0 ? [asItIs] : [asItIs, ...variants];
}

/** What is wrong in it is told with the term. */
function withTerm<T>(term: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError(`--vary ${term}: ${(error as Error).message}`);
  }
}

/** `1..5`, `1..3/0.5`, `1,2,4`, `true,false` */
function valuesOf(text: string): string[] {
  const range = /^(-?[\d.]+)\.\.(-?[\d.]+)(?:\/([\d.]+))?$/.exec(text);
  if (range === null) return text.split(",").filter((value) => value !== "");
  const [from, to, step] = [number(range[1]), number(range[2]), number(range[3] ?? "1")];
  if (step <= 0 || to < from || (to - from) / step > MAX_VARIANTS) {
    throw new UsageError(`not a range of up to ${MAX_VARIANTS} values`);
  }
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => String(Number((from + index * step).toPrecision(12))));
}
