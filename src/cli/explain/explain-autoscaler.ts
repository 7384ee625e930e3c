/** The HPA's part of `explain`: from each metric to the replicas that it asks for, and what holds them. */
import { COMPOSITE_METRIC, hpaMaxReplicas, hpaMinReplicas, type ScaledObject } from "../../keda/mod.ts";
import {
  DEFAULT_TOLERANCE,
  DOWNSCALE_STABILIZATION_SECONDS,
  type HorizontalPodAutoscaler,
  type MetricSpec,
} from "../../kubernetes/mod.ts";
import { parseQuantity } from "../../model/quantity.ts";

/** What a metric says, and how many replicas it asks for where that is known. */
interface Explained {
  name: string;
  lines: string[];
  asked?: number;
}

export function explainAutoscaler(
  object: ScaledObject,
  hpa: HorizontalPodAutoscaler,
  specReplicas: number,
  pods: number,
): string[] {
  const { spec } = object;
  const conditions = hpa.status?.conditions ?? [];
  const lines = conditions.map(
    ({ type, status, reason, message }) => `  ${type}: ${status}, ${reason}: ${message}`,
  );
  const [min, max] = [hpaMinReplicas(spec), hpaMaxReplicas(spec)];
  lines.push(`  between ${min} and ${max} replicas`);
  if (specReplicas === 0) return [...lines, "  off while there are no replicas: only KEDA leaves zero"];
  // What the status says is of its last look, and an average over the pods that there were then.
  const counted = hpa.status?.currentReplicas || pods;
  const metrics = (hpa.spec.metrics ?? []).map((metric, index) => {
    const explained = explainMetric(metric, index, hpa, counted);
    if (isFallback(object, explained.name))
      explained.lines.splice(1, 0, "    the fallback's number, not the source's");
    return explained;
  });
  if (counted !== specReplicas) lines.push(`  at its last look, with ${counted} replicas:`);
  lines.push(...metrics.flatMap((metric) => metric.lines));
  lines.push(...outcome(metrics, hpa, counted, min, max));
  return [...lines, ...windows(hpa)];
}

/** Whether what KEDA says of a metric is what the fallback makes of it. */
function isFallback({ spec, status }: ScaledObject, metric: string): boolean {
  const { fallback } = spec;
  if (fallback === undefined || fallback.behavior === "scalingModifiers") return false;
  return Object.entries(status?.health ?? {}).some(
    ([name, { status, numberOfFailures = 0 }]) =>
      (name === metric || metric === COMPOSITE_METRIC) &&
      status === "Failing" &&
      numberOfFailures > fallback.failureThreshold,
  );
}

function explainMetric(
  spec: MetricSpec,
  index: number,
  hpa: HorizontalPodAutoscaler,
  pods: number,
): Explained {
  const status = hpa.status?.currentMetrics?.[index];
  const { external, resource, containerResource } = spec;
  const source = resource ?? containerResource;
  if (source !== undefined) {
    const current = (status?.resource ?? status?.containerResource)?.current;
    return explainResource(source.name, source.target, current, pods, hpa);
  }
  if (external === undefined) return { name: spec.type, lines: [`  a metric of type ${spec.type}`] };
  const { name } = external.metric;
  const current = status?.external?.current;
  const { averageValue, value } = external.target;
  if (averageValue !== undefined && current?.averageValue !== undefined) {
    return explainAverage(name, parseQuantity(current.averageValue), parseQuantity(averageValue), pods, hpa);
  }
  if (value !== undefined && current?.value !== undefined) {
    return explainValue(name, parseQuantity(current.value), parseQuantity(value), pods, hpa);
  }
  return { name, lines: [`  ${name}: not known now`] };
}

function tolerancesOf(hpa: HorizontalPodAutoscaler): { up: number; down: number } {
  const of = (direction: "scaleUp" | "scaleDown") =>
    parseQuantity(hpa.spec.behavior?.[direction]?.tolerance ?? DEFAULT_TOLERANCE);
  return { up: of("scaleUp"), down: of("scaleDown") };
}

function isWithin(ratio: number, { up, down }: { up: number; down: number }): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

function withinLine({ up, down }: { up: number; down: number }, pods: number): string {
  return `    within the tolerance (${round(1 - down)} to ${round(1 + up)}): asks for the ${pods} that there are`;
}

function explainAverage(
  name: string,
  average: number,
  target: number,
  pods: number,
  hpa: HorizontalPodAutoscaler,
): Explained {
  const sum = sumOf(average, pods);
  const ratio = sum / pods / target;
  const tolerances = tolerancesOf(hpa);
  const within = isWithin(ratio, tolerances);
  const wanted = Math.ceil(sum / target - 1e-9);
  const lines = [
    `  ${name}: ${sum} in all, ${round(average)} a pod, target ${target} a pod: ratio ${round(ratio)}`,
    within ? withinLine(tolerances, pods) : `    asks for ⌈${sum} / ${target}⌉ = ${wanted}`,
  ];
  if (within && wanted > pods) {
    lines.push(
      `    the tolerance hides ${wanted - pods}: ${sum} needs ${wanted}. Set behavior.scaleUp.tolerance lower.`,
    );
  }
  lines.push(changeLine(target * pods, pods, tolerances));
  return { name, lines, asked: within ? pods : wanted };
}

/** The status has the average rounded up to thousandths: of the sums that may be meant, the whole one if there is one. */
function sumOf(average: number, pods: number): number {
  const highest = Math.round(average * 1000) * pods;
  const whole = Math.floor(highest / 1000) * 1000;
  return (whole > highest - pods ? whole : highest) / 1000;
}

/**
 * What would change the number, where `full` is what the pods that there are bear. Fewer are asked for only when what
 * is rounded up fits into one pod less, and the tolerance is left.
 */
function changeLine(full: number, pods: number, { up, down }: { up: number; down: number }): string {
  const more = `    more than ${round(full * (1 + up))} asks for more`;
  if (pods <= 1) return more;
  const fits = (full * (pods - 1)) / pods;
  const left = full * (1 - down);
  return `${more}, ${fits < left ? `${round(fits)} or less` : `less than ${round(left)}`} for fewer`;
}

function explainValue(
  name: string,
  value: number,
  target: number,
  pods: number,
  hpa: HorizontalPodAutoscaler,
): Explained {
  const ratio = value / target;
  const tolerances = tolerancesOf(hpa);
  const within = isWithin(ratio, tolerances);
  const wanted = Math.ceil(ratio * pods - 1e-9);
  const lines = [
    `  ${name}: ${value}, target ${target}: ratio ${round(ratio)}`,
    within
      ? withinLine(tolerances, pods)
      : `    asks for ⌈${round(ratio)} × ${pods}⌉ = ${wanted}, of pods that are all ready`,
    changeLine(target, pods, tolerances),
  ];
  return { name, lines, asked: within ? pods : wanted };
}

function explainResource(
  name: string,
  target: { averageUtilization?: number; averageValue?: string | number },
  current: { averageUtilization?: number; averageValue?: string } | undefined,
  pods: number,
  hpa: HorizontalPodAutoscaler,
): Explained {
  const [now, wanted, unit] =
    target.averageUtilization === undefined
      ? [current?.averageValue, target.averageValue, " a pod"]
      : [current?.averageUtilization, target.averageUtilization, " % of the request"];
  if (now === undefined || wanted === undefined) return { name, lines: [`  ${name}: not known now`] };
  const ratio = parseQuantity(now) / parseQuantity(wanted);
  const tolerances = tolerancesOf(hpa);
  const within = isWithin(ratio, tolerances);
  const asked = within ? pods : Math.ceil(ratio * pods - 1e-9);
  return {
    name,
    lines: [
      `  ${name}: ${now}${unit}, target ${wanted}${unit}: ratio ${round(ratio)}`,
      within
        ? withinLine(tolerances, pods)
        : `    asks for ⌈${round(ratio)} × ${pods}⌉ = ${asked}, of pods that are all ready and measured`,
    ],
    asked,
  };
}

/** From what the metrics ask for to the replicas that there are. */
function outcome(
  metrics: Explained[],
  hpa: HorizontalPodAutoscaler,
  replicas: number,
  min: number,
  max: number,
): string[] {
  const known = metrics.filter(({ asked }) => asked !== undefined);
  if (known.length === 0) return [];
  const highest = known.reduce((a, b) => (b.asked! > a.asked! ? b : a));
  const bounded = Math.min(Math.max(highest.asked!, min), max);
  const bound = bounded < highest.asked! ? "maxReplicaCount" : "minReplicaCount";
  const cut =
    bounded === highest.asked ? "" : `, which ${bound} makes ${bounded}: change it for another number`;
  const which = known.length === 1 ? "" : ` (the highest: ${highest.name})`;
  const lines = [`  asked for: ${highest.asked}${which}${cut}`];
  if (known.length < metrics.length && bounded < replicas) {
    lines.push("  while a metric is not known, nothing is taken away");
  }
  const reasonOf = (type: string) => hpa.status?.conditions?.find((condition) => condition.type === type);
  const able = reasonOf("AbleToScale")?.reason;
  if (able === "ScaleDownStabilized" && bounded < replicas) {
    lines.push(`  held at ${replicas}: more were asked for within the window for scaling down`);
  } else if (able === "ScaleUpStabilized" && bounded > replicas) {
    lines.push(`  held at ${replicas}: fewer were asked for within the window for scaling up`);
  }
  const limit = reasonOf("ScalingLimited");
  const isCurrent = reasonOf("ScalingActive")?.status !== "False";
  if (isCurrent && limit?.status === "True" && /^Scale(Up|Down)Limit$/.test(limit.reason ?? "")) {
    lines.push("  slowed down by the policies below");
  }
  return lines;
}

function windows(hpa: HorizontalPodAutoscaler): string[] {
  const { behavior } = hpa.spec;
  const window = behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const lines = [`  down only to the highest number asked for in the last ${window} s`];
  const up = behavior?.scaleUp?.stabilizationWindowSeconds ?? 0;
  if (up > 0) lines.push(`  up only to the lowest number asked for in the last ${up} s`);
  if (behavior === undefined) lines.push("  up to twice as many, or 4, at once");
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = behavior?.[direction];
    if (rules?.selectPolicy === "Disabled") lines.push(`  ${direction} is disabled`);
    for (const { type, value, periodSeconds } of rules?.policies ?? []) {
      const unit = type === "Percent" ? " %" : value === 1 ? " pod" : " pods";
      lines.push(`  ${direction}: at most ${value}${unit} in ${periodSeconds} s`);
    }
  }
  return lines;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
