import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { Labels } from "../../model/labels.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { Engine, InstantResult } from "../promql/mod.ts";
import { AppendError, type Appender, type SeriesSamples } from "../storage.ts";
import type { ActiveAlert } from "./alert-state.ts";
import { Rule } from "./rule.ts";
import { concurrentBatches, dependenciesOf, RuleConcurrency } from "./rule-concurrency.ts";
import type { RuleContext } from "./rule-context.ts";
import { parseRuleFile } from "./rule-file.ts";
import { RuleGroup } from "./rule-group.ts";
import { RuleMetrics } from "./rule-metrics.ts";

type Answers = Record<string, [labels: Record<string, string>, value: number][] | Error>;

/** Rules over expressions whose answers the test decides; what is written is kept as text. */
function rulesOver(answers: Answers, settings: Partial<RuleContext> = {}) {
  const clock = new VirtualClock(1_000_000_000_000);
  const written: string[] = [];
  const stored: SeriesSamples[] = [];
  const told: ActiveAlert[][] = [];
  const at = (ms: number) => (ms - 1_000_000_000_000) / 1000;
  const engine = {
    async instant(query: string): Promise<InstantResult> {
      const answer = answers[query] ?? [];
      if (answer instanceof Error) throw answer;
      const samples = answer.map(([labels, value]) => ({
        labels: Labels.of(labels),
        value,
        timestampMs: 0,
        histogram: undefined,
      }));
      const counts = { queried: 0, read: 0, peak: 0 };
      const seconds = { prepare: 0, evaluate: 0, sort: 0 };
      return { kind: "vector", samples, warnings: [], infos: [], counts, seconds };
    },
  } as Pick<Engine, "instant">;
  const appender = (): Appender => {
    const batch: string[] = [];
    return {
      append: (_: number, labels: Labels, ms: number, value: number) =>
        batch.push(`${at(ms)} ${labels} ${value}`),
      appendStale: (_: number, labels: Labels, ms: number) => batch.push(`${at(ms)} ${labels} stale`),
      commit: async () => void written.push(...batch.splice(0)),
    } as unknown as Appender;
  };
  const context: RuleContext = {
    engine,
    storage: { appender, select: async () => stored },
    clock,
    log: silentLogger,
    metrics: new RuleMetrics(clock),
    externalLabels: {},
    externalUrl: "",
    queryOffsetMs: () => 0,
    notify: (alerts) => void told.push(alerts),
    outageToleranceMs: 3_600_000,
    forGracePeriodMs: 600_000,
    resendDelayMs: 60_000,
    ...settings,
  };
  const groupOf = (text: string, restores = false) => {
    const [config] = parseRuleFile(`groups: [${text}]`);
    return new RuleGroup({ config, file: "f", intervalMs: 60_000, restores, context });
  };
  return { clock, written, stored, told, context, groupOf };
}

function rulesOf(...rules: string[]): Rule[] {
  const [{ rules: configs }] = parseRuleFile(`groups: [{name: g, rules: [${rules.join(", ")}]}]`);
  return configs.map((config) => new Rule(config, undefined, undefined, false));
}

test("RuleGroup.slotBefore() is the place that upstream gives a group of this file and name", () => {
  // What Prometheus 3.14 evaluated at, for groups of rules.yml.
  const { context } = rulesOver({});
  for (const [name, intervalMs, seen] of [
    ["g1", 2_000, 1_795_950_040_891],
    ["offset", 3_000, 1_795_950_041_383],
  ] as const) {
    const config = { name, interval: intervalMs, limit: 0, rules: [] };
    const group = new RuleGroup({ config, file: "rules.yml", intervalMs, restores: false, context });
    assert.equal(group.slotBefore(seen), seen);
    assert.equal(group.slotBefore(seen + intervalMs - 1), seen);
    assert.equal(group.slotBefore(seen - 1), seen - intervalMs);
  }
});

test("RuleGroup leaves out evaluations that it has no time for, and counts them", async () => {
  const { clock, context, groupOf } = rulesOver({ a: [[{}, 1]] });
  const { engine } = context;
  context.engine = {
    async instant(query: string, timeMs: number) {
      await clock.sleep(25_000);
      return engine.instant(query, timeMs);
    },
  } as Pick<Engine, "instant">;
  const group = groupOf("{name: g, interval: 10s, rules: [{record: r, expr: a}]}");
  group.start();
  await clock.advance(100_000);
  const { iterations, iterationsMissed, evaluations } = context.metrics;
  const [total, missed, done] = [iterations, iterationsMissed, evaluations].map((each) =>
    each.value(group.key),
  );
  assert.equal(total, done + missed);
  assert.ok(missed >= 3 && done >= 3, `${done} done, ${missed} missed`);
  await clock.runUntil(group.stop());
});

test("RuleGroup evaluates each slot once and not before its time, where timers fire a little early", async () => {
  const { clock, context, groupOf } = rulesOver({ a: [[{}, 1]] });
  const times: [slotMs: number, atMs: number][] = [];
  const { engine } = context;
  context.engine = {
    async instant(query: string, timeMs: number) {
      times.push([timeMs, clock.now()]);
      return engine.instant(query, timeMs);
    },
  } as Pick<Engine, "instant">;
  const early = Object.create(clock) as typeof clock;
  early.now = () => clock.now();
  early.monotonic = () => clock.monotonic();
  early.after = (delayMs, callback) =>
    clock.after(Math.max(0, delayMs > 1 ? delayMs - 1 : delayMs), callback);
  context.clock = early;
  const group = groupOf("{name: g, interval: 10s, rules: [{record: r, expr: a}]}");
  group.start();
  await clock.advance(60_500);
  assert.equal(times.length, 6);
  for (const [slotMs, atMs] of times) assert.ok(atMs >= slotMs && atMs < slotMs + 5, `${atMs - slotMs}`);
  assert.equal(new Set(times.map(([slotMs]) => slotMs)).size, 6);
  await group.stop();
});

test("RuleGroup writes no ALERTS before the second evaluation, after which ages are restored", async () => {
  const it = rulesOver({ a: [[{ x: "1" }, 1]] });
  const { clock, written, stored, groupOf } = it;
  const labels = Labels.of({ __name__: "ALERTS_FOR_STATE", alertname: "A", x: "1" });
  const start = clock.now();
  // Active for 15 minutes of 30, then down for 5.
  stored.push({
    labels,
    timestamps: Float64Array.of(start - 300_000),
    values: Float64Array.of(start / 1000 - 1200),
  });
  const group = groupOf("{name: g, interval: 10s, rules: [{alert: A, expr: a, for: 30m}]}", true);
  group.start();
  await clock.advance(20_000);
  assert.deepEqual(written, []);
  const [alert] = group.rules[0].alerts!.active;
  // The time that it was down does not count.
  assert.ok(Math.abs(alert.activeAtMs - (start - 900_000)) <= 20_000, String(alert.activeAtMs - start));
  await clock.advance(10_000);
  assert.equal(written.length, 2);
  await group.stop();
});

test("restored alerts near their end wait for the grace period, and those that fired fire again", async () => {
  const cases: [
    activeBefore: number,
    downFor: number,
    expectedActive: (nowMs: number) => number | undefined,
  ][] = [
    [1700, 60, (nowMs) => nowMs + 600_000 - 1_800_000],
    [3000, 60, () => -3000],
    // Longer than the tolerance: forgotten.
    [100_000, 3700, () => undefined],
  ];
  for (const [activeSeconds, downSeconds, expected] of cases) {
    const { clock, stored, context, groupOf } = rulesOver({ a: [[{}, 1]] });
    const start = clock.now();
    const labels = Labels.of({ __name__: "ALERTS_FOR_STATE", alertname: "A" });
    const series = {
      labels,
      timestamps: Float64Array.of(start - downSeconds * 1000),
      values: Float64Array.of(start / 1000 - activeSeconds),
    };
    context.storage.select = async (_, { minMs }) => (series.timestamps[0] >= minMs ? [series] : []);
    const group = groupOf("{name: g, interval: 10s, rules: [{alert: A, expr: a, for: 30m}]}", true);
    group.start();
    await clock.advance(20_000);
    const [{ activeAtMs }] = group.rules[0].alerts!.active;
    const wanted = expected(clock.now());
    if (wanted === undefined) assert.ok(activeAtMs >= start);
    else if (wanted < 0) assert.equal(activeAtMs, start + wanted * 1000);
    else assert.ok(Math.abs(activeAtMs - wanted) <= 20_000, `${activeAtMs - wanted}`);
    await group.stop();
    assert.equal(stored.length, 0);
  }
});

test("an alert keeps firing for as long as it is told, is sent again and again, and ends", async () => {
  const answers: Answers = { a: [[{}, 1]] };
  const { groupOf, told, context } = rulesOver(answers);
  context.resendDelayMs = 25_000;
  const group = groupOf(
    "{name: g, interval: 10s, rules: [{alert: A, expr: a, for: 10s, keep_firing_for: 20s}]}",
  );
  const base = 1_000_000_000_000;
  const states: string[] = [];
  for (let at = 0; at <= 90; at += 10) {
    if (at === 40) answers.a = [];
    await group.evaluate(base + at * 1000);
    const [alert] = group.rules[0].alerts!.known;
    states.push(`${at} ${alert.state}${told.at(-1)!.length > 0 ? " sent" : ""}`);
  }
  assert.deepEqual(states, [
    "0 pending",
    "10 firing sent",
    "20 firing",
    "30 firing",
    "40 firing sent",
    "50 firing",
    "60 inactive sent",
    "70 inactive",
    "80 inactive",
    "90 inactive sent",
  ]);
  const [sent] = told[1];
  assert.equal(sent.validUntilMs, base + 10_000 + 4 * 25_000);
  const [resolved] = told[6];
  assert.deepEqual([resolved.firedAtMs, resolved.resolvedAtMs], [base + 10_000, base + 60_000]);
});

test("a limit that is exceeded fails the rule and ends what it wrote", async () => {
  const answers: Answers = { a: [[{ x: "1" }, 1]] };
  const { groupOf, written, context } = rulesOver(answers);
  const group = groupOf(
    "{name: g, limit: 1, rules: [{record: r, expr: a}, {alert: A, expr: a}, {record: s, expr: a, labels: {x: y}}]}",
  );
  await group.evaluate(1_000_000_000_000);
  answers.a = [
    [{ x: "1" }, 1],
    [{ x: "2" }, 1],
  ];
  written.length = 0;
  await group.evaluate(1_000_000_010_000);
  assert.deepEqual(
    group.rules.map(({ status }) => status.lastError),
    [
      "exceeded limit of 1 with 2 series",
      "exceeded limit of 1 with 2 alerts",
      "vector contains metrics with the same labelset after applying rule labels",
    ],
  );
  assert.deepEqual(written, []);
  assert.equal(context.metrics.evaluationFailures.value(group.key), 3);
});

test("a sample that the store does not take fails the rule, and its reason is told", async () => {
  const { groupOf, context } = rulesOver({ a: [[{}, 1]] });
  const refusing = {
    append: () => {
      throw new AppendError("out of bounds");
    },
    commit: async () => {},
  } as unknown as Appender;
  context.storage.appender = () => refusing;
  const group = groupOf("{name: g, rules: [{record: r, expr: a}]}");
  await group.evaluate(1_000_000_000_000);
  assert.deepEqual([group.rules[0].status.health, group.rules[0].status.lastError], ["err", "out of bounds"]);
});

test("RuleGroup.inherit() keeps alerts and series of rules that stay, and ends those of rules that are gone", async () => {
  const { groupOf, written } = rulesOver({ a: [[{ x: "1" }, 1]] });
  const old = groupOf(
    "{name: g, rules: [{record: r, expr: a}, {record: gone, expr: a}, {alert: A, expr: a, for: 1h}]}",
  );
  await old.evaluate(1_000_000_000_000);
  await old.stop();
  const next = groupOf(
    "{name: g, interval: 5s, rules: [{alert: A, expr: a, for: 2h}, {record: r, expr: b}]}",
  );
  assert.equal(next.equals(old), false);
  next.inherit(old);
  written.length = 0;
  await next.evaluate(1_000_000_010_000);
  assert.equal(next.rules[0].alerts!.active[0].activeAtMs, 1_000_000_000_000);
  assert.deepEqual(
    written.filter((line) => line.endsWith("stale")),
    ['10 {__name__="r", x="1"} stale', '10 {__name__="gone", x="1"} stale'],
  );
});

test("RuleGroup.endLater() marks what a group that is gone wrote, as of its end, two intervals later", async () => {
  const { groupOf, written, clock } = rulesOver({ a: [[{ x: "1" }, 1]] });
  const group = groupOf("{name: g, interval: 10s, rules: [{record: r, expr: a}]}");
  await group.evaluate(clock.now());
  await group.stop();
  written.length = 0;
  group.endLater();
  await clock.advance(19_000);
  assert.deepEqual(written, []);
  await clock.advance(1_000);
  assert.deepEqual(written, ['0 {__name__="r", x="1"} stale']);
});

test("a label that its template leaves empty is none of the alert's, but one of ALERTS", async () => {
  const { groupOf, written } = rulesOver({ a: [[{}, 1]] });
  const group = groupOf('{name: g, rules: [{alert: A, expr: a, labels: {e: "{{ $labels.none }}"}}]}');
  await group.evaluate(1_000_000_000_000);
  assert.equal(String(group.rules[0].alerts!.active[0].labels), '{alertname="A"}');
  assert.equal(
    written[0],
    '0 {__name__="ALERTS", alertname="A", alertstate="firing", e="{{ $labels.none }}"} 1',
  );
});

test("dependenciesOf() finds the earlier rules that a rule reads", () => {
  const rules = rulesOf(
    "{record: 'a:b', expr: up}",
    "{record: c, expr: 'rate(a:b[5m]) + a:b'}",
    "{alert: D, expr: 'c > 1'}",
    "{record: e, expr: 'ALERTS{alertname=\"D\"}'}",
    "{record: f, expr: 'ALERTS_FOR_STATE{alertname=\"Other\"}'}",
    "{record: g, expr: '{__name__=~\"a:.*\"}'}",
    "{record: h, expr: i}",
    "{record: i, expr: 'sum(ALERTS)'}",
  );
  assert.deepEqual(
    dependenciesOf(rules)!.map((each) => [...each]),
    [[], [0], [1], [2], [], [0], [], [2]],
  );
  assert.deepEqual(concurrentBatches(rules), [[0, 4, 6], [1], [2], [3, 5, 7]]);
  assert.equal(dependenciesOf(rulesOf("{record: a, expr: b}", "{record: c, expr: '{x=\"y\"}'}")), undefined);
});

test("independent rules run at the same time, as many as there is room for", async () => {
  const concurrency = new RuleConcurrency(2);
  const { groupOf, context } = rulesOver({}, { concurrency });
  let running = 0;
  let most = 0;
  const { engine } = context;
  context.engine = {
    async instant(query: string, timeMs: number) {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return engine.instant(query, timeMs);
    },
  } as Pick<Engine, "instant">;
  const rules = ["a", "b", "c", "d", "e"].map((name) => `{record: '${name}', expr: up}`);
  await groupOf(`{name: g, rules: [${rules.join(", ")}]}`).evaluate(1_000_000_000_000);
  // Two by the room that there is, and the one that every group runs.
  assert.equal(most, 3);
  assert.ok(concurrency.tryAcquire() && concurrency.tryAcquire() && !concurrency.tryAcquire());
});
