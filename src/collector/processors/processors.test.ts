import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { seededRandom } from "../../base/random.ts";
import { type Attributes, attributesOf, textOf } from "../../model/otlp-attributes.ts";
import type { NumberPoint } from "../../model/otlp-metrics.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { ComponentSettings, Payload } from "../component.ts";
import { RETRY, SENDING_QUEUE } from "../config/shared-settings.ts";
import { PermanentError, ThrottleError } from "../errors.ts";
import { createSender } from "../exporters/sender.ts";
import { Telemetry } from "../telemetry.ts";
import { ACTION, type ActionConfig, compileActions, validateActions } from "./attribute-actions.ts";
import { BatchProcessor, MAX_BATCHES_IN_FLIGHT } from "./batch.ts";
import { memoryLimiterProcessor } from "./memory-limiter.ts";
import { countItems, joinPayloads, splitPayload } from "./payloads.ts";

const point: NumberPoint = {
  attributes: [],
  startTimeUnixNano: 0n,
  timeUnixNano: 1n,
  flags: 0,
  value: 1n,
  exemplars: [],
};
const empty = { attributes: [], droppedAttributesCount: 0 };

/** Metrics with so many points each. */
function metrics(...counts: number[]): Payload {
  const all = counts.map((count, i) => ({
    name: `m${i}`,
    description: "",
    unit: "",
    metadata: [],
    data: { type: "gauge" as const, points: Array.from({ length: count }, () => point) },
  }));
  const scope = { name: "", version: "", ...empty };
  return {
    signal: "metrics",
    data: [{ resource: empty, schemaUrl: "", scopeMetrics: [{ scope, schemaUrl: "", metrics: all }] }],
  };
}

function settings(
  clock = new VirtualClock(),
  memoryUsage = () => 0,
): ComponentSettings & { clock: VirtualClock } {
  return {
    id: "x",
    log: silentLogger,
    clock,
    random: seededRandom(1),
    network: createNodeNetwork(() => {}),
    disk: systemDisk,
    telemetry: new Telemetry(),
    memoryUsage,
    print: () => {},
    storageDirectory: () => undefined,
  };
}

const BATCH = {
  timeout: 200,
  send_batch_size: 10,
  send_batch_max_size: 0,
  metadata_keys: [],
  metadata_cardinality_limit: 1000,
};

test("splitPayload() cuts anywhere and loses nothing", () => {
  for (const [counts, max, sizes] of [
    [[3, 4, 5], 5, [5, 5, 2]],
    [[12], 5, [5, 5, 2]],
    [[5], 5, [5]],
    [[1, 1, 1], 1, [1, 1, 1]],
    [[7], 0, [7]],
  ] as const) {
    const parts = splitPayload(metrics(...counts), max);
    assert.deepEqual(parts.map(countItems), sizes);
    assert.equal(
      countItems(joinPayloads(parts)),
      counts.reduce<number>((a, b) => a + b, 0),
    );
  }
});

test("batch sends by size, by time, and what is left at shutdown", async () => {
  const clock = new VirtualClock();
  const sent: number[] = [];
  const batch = new BatchProcessor(
    BATCH,
    clock,
    silentLogger,
    async (payload) => void sent.push(countItems(payload)),
  );
  await batch.consume(metrics(4));
  await batch.consume(metrics(5));
  assert.deepEqual(sent, []);
  await batch.consume(metrics(1));
  assert.deepEqual(sent, [10]);
  await batch.consume(metrics(3));
  await clock.advance(199);
  assert.deepEqual(sent, [10]);
  await clock.advance(1);
  assert.deepEqual(sent, [10, 3]);
  await batch.consume(metrics(2));
  await batch.shutdown();
  assert.deepEqual(sent, [10, 3, 2]);
});

test("batch keeps to its largest size, does not pass errors back, and makes clients wait when it is behind", async () => {
  const clock = new VirtualClock();
  const sent: number[] = [];
  const fail = new BatchProcessor(
    { ...BATCH, timeout: 0, send_batch_max_size: 4 },
    clock,
    silentLogger,
    async (payload) => {
      sent.push(countItems(payload));
      throw new Error("no");
    },
  );
  await fail.consume(metrics(9));
  assert.deepEqual(sent, [4, 4, 1]);
  let finish = () => {};
  const slow = new BatchProcessor(
    { ...BATCH, timeout: 0 },
    clock,
    silentLogger,
    () => new Promise((resolve) => (finish = resolve)),
  );
  for (let i = 0; i < MAX_BATCHES_IN_FLIGHT; i++) await slow.consume(metrics(1));
  let isTaken = false;
  const waiting = slow.consume(metrics(1)).then(() => (isTaken = true));
  await clock.advance(1);
  assert.equal(isTaken, false);
  finish();
  await waiting;
});

test("memory_limiter refuses above the soft limit and takes again below it", async () => {
  let used = 0;
  const own = settings(new VirtualClock(), () => used);
  const config = { ...memoryLimiterProcessor.schema.default(), check_interval: 1000, limit_mib: 100 };
  assert.equal(memoryLimiterProcessor.validate!(config), undefined);
  const limiter = memoryLimiterProcessor.create(config, own, async () => {});
  await limiter.start!();
  // 100 MiB less the default spike of a fifth.
  for (const [mib, isRefused] of [
    [79, false],
    [80, true],
    [200, true],
    [10, false],
  ] as const) {
    used = mib * 2 ** 20;
    await own.clock.advance(1000);
    const taking = limiter.consume(metrics(1));
    if (isRefused) await assert.rejects(taking, { message: "data refused due to high memory usage" });
    else await taking;
  }
  await limiter.shutdown!();
});

test("attribute actions change attributes as upstream's do", () => {
  const action = (given: Partial<ActionConfig>): ActionConfig => ({ ...ACTION.default(), ...given });
  const before = attributesOf({ a: "1", b: "user@host", n: 5 });
  const text = (attributes: Attributes) =>
    attributes.map(({ key, value }) => `${key}=${textOf(value)}`).join(" ");
  const cases: [Partial<ActionConfig>, string][] = [
    [{ key: "a", action: "insert", value: "2" }, "a=1 b=user@host n=5"],
    [{ key: "c", action: "insert", value: 2 }, "a=1 b=user@host n=5 c=2"],
    [{ key: "a", action: "update", value: "2" }, "a=2 b=user@host n=5"],
    [{ key: "c", action: "update", value: "2" }, "a=1 b=user@host n=5"],
    [{ key: "c", action: "upsert", from_attribute: "b" }, "a=1 b=user@host n=5 c=user@host"],
    [{ key: "a", action: "delete" }, "b=user@host n=5"],
    [{ action: "delete", pattern: "^[ab]$" }, "n=5"],
    [
      { key: "b", action: "extract", pattern: "^(?P<user>.*)@(?P<host>.*)$" },
      "a=1 b=user@host n=5 user=user host=host",
    ],
    [{ key: "a", action: "convert", converted_type: "double" }, "a=1 b=user@host n=5"],
    [
      { key: "a", action: "hash" },
      "a=6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b b=user@host n=5",
    ],
  ];
  for (const [given, expected] of cases) {
    assert.equal(validateActions([action(given)]), undefined);
    assert.equal(text(compileActions([action(given)])(before)), expected, JSON.stringify(given));
  }
  assert.match(
    validateActions([action({ action: "upsert" })])!,
    /missing required field "key" at the 0-th actions/,
  );
  assert.match(
    validateActions([action({ key: "a", action: "upsert" })])!,
    /Either field "value", "from_attribute"/,
  );
});

function sender(push: (payload: Payload) => Promise<void>, queue: object = {}, retry: object = {}) {
  const own = settings();
  const created = createSender({
    settings: own,
    signal: "metrics",
    queue: { ...SENDING_QUEUE.default(), ...queue },
    retry: { ...RETRY.default(), randomization_factor: 0, ...retry },
    push,
  });
  return { ...own, sender: created };
}

test("a sender tries again, ever more slowly, and gives up in time", async () => {
  const attempts: number[] = [];
  const {
    sender: retrying,
    clock,
    telemetry,
  } = sender(
    async () => {
      attempts.push(clock.monotonic());
      throw new Error("later");
    },
    { enabled: false },
    { initial_interval: 1000, multiplier: 2, max_interval: 3000, max_elapsed_time: 10_000 },
  );
  await assert.rejects(clock.runUntil(retrying.consume(metrics(2))), {
    message: "no more retries left: later",
  });
  assert.deepEqual(attempts, [0, 1000, 3000, 6000, 9000]);
  assert.equal(telemetry.total("otelcol_exporter_send_failed_metric_points"), 2);
});

test("a sender keeps to the server's delay and does not repeat what can never work", async () => {
  const attempts: number[] = [];
  const { sender: throttled, clock } = sender(
    async () => {
      attempts.push(clock.monotonic());
      if (attempts.length === 1) throw new ThrottleError(7000, new Error("busy"));
      throw new PermanentError("bad data");
    },
    { enabled: false },
  );
  await assert.rejects(clock.runUntil(throttled.consume(metrics(1))), {
    message: "not retryable error: Permanent error: bad data",
  });
  assert.deepEqual(attempts, [0, 7000]);
});

test("a sender's queue has an end: what comes then is refused, or waits", async () => {
  const finish: (() => void)[] = [];
  const push = () => new Promise<void>((resolve) => finish.push(resolve));
  const { sender: refusing, telemetry } = sender(push, { queue_size: 3, num_consumers: 1 });
  for (let i = 0; i < 3; i++) await refusing.consume(metrics(1));
  await assert.rejects(refusing.consume(metrics(1)), { message: "sending queue is full" });
  assert.equal(telemetry.total("otelcol_exporter_enqueue_failed_metric_points"), 1);
  assert.equal(telemetry.total("otelcol_exporter_queue_size"), 3);
  const waiting = sender(push, { queue_size: 1, num_consumers: 1, block_on_overflow: true });
  finish.length = 0;
  await waiting.sender.consume(metrics(1));
  let isTaken = false;
  const taking = waiting.sender.consume(metrics(1)).then(() => (isTaken = true));
  await waiting.clock.advance(1);
  assert.equal(isTaken, false);
  finish[0]();
  await taking;
});

test("a sender's shutdown gives everything in the queue one attempt", async () => {
  let attempts = 0;
  const { sender: queued, clock } = sender(
    async () => {
      attempts++;
      throw new Error("down");
    },
    { num_consumers: 1 },
  );
  for (let i = 0; i < 5; i++) await queued.consume(metrics(1));
  await clock.advance(100);
  assert.equal(attempts, 1);
  await clock.runUntil(queued.shutdown!());
  // The one under way gets one more, the four that waited one each.
  assert.equal(attempts, 6);
});
