import assert from "node:assert/strict";
import { test } from "node:test";
import { nextCronTime, parseCron } from "../../model/cron-schedule.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import { createCronScaler } from "./cron-scaler.ts";

test("nextCronTime() finds the first matching minute after a time", () => {
  // 1 January 2026 is a Thursday.
  const cases: [expression: string, zone: string, after: string, expected: string | undefined][] = [
    ["* * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00.000Z"],
    ["* * * * *", "UTC", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00.000Z"],
    ["0 6 * * *", "UTC", "2026-01-01T06:00:00Z", "2026-01-02T06:00:00.000Z"],
    ["*/20 * * * *", "UTC", "2026-01-01T00:41:00Z", "2026-01-01T01:00:00.000Z"],
    ["5/25 * * * *", "UTC", "2026-01-01T00:31:00Z", "2026-01-01T00:55:00.000Z"],
    ["0 9-17/4 * * *", "UTC", "2026-01-01T10:00:00Z", "2026-01-01T13:00:00.000Z"],
    ["0 0 * * mon", "UTC", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00.000Z"],
    ["0 0 1 MAR,jun *", "UTC", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00.000Z"],
    // Both day fields restrict: either is enough.
    ["0 0 13 * fri", "UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000Z"],
    ["0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", undefined],
    ["0 6 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T05:00:00.000Z"],
    ["0 6 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T04:00:00.000Z"],
    ["0 6 * * *", "Asia/Kolkata", "2026-01-01T00:31:00Z", "2026-01-02T00:30:00.000Z"],
    // The clocks go forward on 29 March: half past two does not come.
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00.000Z"],
    ["TZ=UTC 0 6 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T06:00:00.000Z"],
  ];
  for (const [expression, zone, after, expected] of cases) {
    const next = nextCronTime(parseCron(expression), Date.parse(after), zone);
    const shown = next === undefined ? undefined : new Date(next).toISOString();
    assert.equal(shown, expected, `${expression} in ${zone} after ${after}`);
  }
});

test("parseCron() says what is wrong", () => {
  const cases: [expression: string, message: string][] = [
    ["", "empty spec string"],
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ];
  for (const [expression, message] of cases) assert.throws(() => parseCron(expression), { message });
});

const VALID = { start: "0 6 * * *", end: "0 20 * * *", timezone: "UTC", desiredReplicas: "4" };

function scaler(metadata: Record<string, string>, clock = new VirtualClock()) {
  const config: TriggerConfig = {
    namespace: "shop",
    scaledObject: "workload",
    type: "cron",
    name: "",
    index: 1,
    metadata,
    authParams: {},
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 3000,
  };
  return createCronScaler(config, clock);
}

test("createCronScaler() needs two schedules, a zone and replicas", () => {
  const cases: [metadata: Partial<typeof VALID>, problem: string][] = [
    [
      { start: "" },
      'missing required parameter "start" in [triggerMetadata]\nerror parsing start schedule: empty spec string',
    ],
    [{ timezone: "" }, 'missing required parameter "timezone" in [triggerMetadata]'],
    [{ end: VALID.start }, "start and end can not have exactly same time input"],
    [{ desiredReplicas: "0" }, "no desiredReplicas specified"],
    [{ start: "0 25 * * *" }, "error parsing start schedule: end of range (25) above maximum (23): 25"],
    [{ end: "never" }, "error parsing end schedule: expected exactly 5 fields, found 1: [never]"],
  ];
  for (const [metadata, problem] of cases) {
    const message = `error parsing cron metadata: ${problem}`;
    assert.throws(() => scaler({ ...VALID, ...metadata }), { message });
  }
});

test("the cron scaler is active from its start to its end", async () => {
  const cases: [start: string, end: string, hours: number, active: boolean][] = [
    ["0 6 * * *", "0 20 * * *", 5, false],
    ["0 6 * * *", "0 20 * * *", 6, true],
    ["0 6 * * *", "0 20 * * *", 19.99, true],
    ["0 6 * * *", "0 20 * * *", 20, false],
    // Over midnight.
    ["0 20 * * *", "0 6 * * *", 2, true],
    ["0 20 * * *", "0 6 * * *", 12, false],
    ["0 20 * * *", "0 6 * * *", 23, true],
  ];
  for (const [start, end, hours, active] of cases) {
    const clock = new VirtualClock();
    const cron = scaler({ ...VALID, start, end }, clock);
    await clock.advance(hours * 3_600_000);
    const outcome = await cron.metricsAndActivity("s1-cron");
    assert.equal(outcome.active, active, `${start} to ${end} at ${hours}`);
    assert.equal(outcome.metrics[0].value, active ? "4" : "0");
  }
  const [{ external }] = await scaler({ ...VALID, timezone: "Europe/Berlin" }).metricSpecs();
  assert.equal(external!.metric.name, "s1-cron-Europe-Berlin-06xxx-020xxx");
  assert.deepEqual(external!.target, { type: "AverageValue", averageValue: "1" });
});

test("an unknown time zone fails when asked", async () => {
  const cron = scaler({ ...VALID, timezone: "Mars/Olympus" });
  await assert.rejects(cron.metricsAndActivity("s1-cron"), {
    message: "unable to load timezone: unknown time zone Mars/Olympus",
  });
});
