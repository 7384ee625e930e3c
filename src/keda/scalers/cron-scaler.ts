/**
 * So many replicas between two times (keda `pkg/scalers/cron_scaler.go`): active when the schedule's next end comes
 * before its next start.
 */
import type { Clock } from "../../base/clock.ts";
import { nextCronTime, parseCron } from "../../model/cron-schedule.ts";
import { asInteger, asText, readParameters, required, type TriggerConfig } from "../trigger-config.ts";
import { externalMetric, externalMetricType, externalSpec, normalizedName, type Scaler } from "./scaler.ts";

const PARAMETERS = {
  start: required("start", asText),
  end: required("end", asText),
  timezone: required("timezone", asText),
  desiredReplicas: required("desiredReplicas", asInteger),
};

/** @throws Error with upstream's text */
export function createCronScaler(config: TriggerConfig, clock: Clock): Scaler {
  externalMetricType(config);
  const { start, end, startSchedule, endSchedule, timezone, desiredReplicas } = parseMetadata(config);
  const name = normalizedName(`cron-${timezone}-${inName(start)}-${inName(end)}`);
  return {
    kind: "cronScaler",
    metricSpecs: async () => [externalSpec(config, name, 1)],
    async metricsAndActivity(metricName) {
      checkTimezone(timezone);
      const nowMs = clock.now();
      const nextStart = nextCronTime(startSchedule, nowMs, timezone);
      const nextEnd = nextCronTime(endSchedule, nowMs, timezone);
      // Both lie ahead, so "between start and end" is what is left when the start comes later than the end.
      const active = nextStart !== undefined && nextEnd !== undefined && nextStart >= nextEnd;
      const value = active ? desiredReplicas : 0;
      return { metrics: [externalMetric(metricName, value, nowMs)], active };
    },
  };
}

function parseMetadata(config: TriggerConfig) {
  try {
    const metadata = readParameters(config, PARAMETERS, problemOf);
    const { start, end } = metadata;
    return { ...metadata, startSchedule: parseCron(start), endSchedule: parseCron(end) };
  } catch (error) {
    throw new Error(`error parsing cron metadata: ${(error as Error).message}`);
  }
}

interface Times {
  start?: string;
  end?: string;
  desiredReplicas?: number;
}

function problemOf({ start = "", end = "", desiredReplicas = 0 }: Times): string | undefined {
  for (const [which, text] of [
    ["start", start],
    ["end", end],
  ]) {
    try {
      parseCron(text);
    } catch (error) {
      return `error parsing ${which} schedule: ${(error as Error).message}`;
    }
  }
  if (start === end) return "start and end can not have exactly same time input";
  return desiredReplicas === 0 ? "no desiredReplicas specified" : undefined;
}

function checkTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: timezone });
  } catch {
    throw new Error(`unable to load timezone: unknown time zone ${timezone}`);
  }
}

/** A schedule in a metric's name. */
function inName(schedule: string): string {
  const replacements: [string, string][] = [
    [" ", ""],
    ["*", "x"],
    ["/", "Sl"],
    ["?", "Qm"],
    [",", "Cm"],
  ];
  return replacements.reduce((text, [from, to]) => text.replaceAll(from, to), schedule);
}
