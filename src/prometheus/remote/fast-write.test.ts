import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { ProtobufError } from "../../wire/protobuf/reader.ts";
import type { WriteRequest, WriteSeries } from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { createMatcher } from "../matcher.ts";
import { openTsdb, type TsdbAppender } from "../tsdb/mod.ts";
import { createFastWrite } from "./fast-write.ts";

const clock = new VirtualClock();
const NOW = clock.now();

async function store() {
  const tsdb = await openTsdb({
    directory: "/data",
    disk: new MemoryDisk(),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    compactInBackground: false,
  });
  const fast = createFastWrite({
    appender: () => tsdb.appender(),
    now: () => NOW,
    maxAheadMs: 600_000,
    hashSeed: 7,
  });
  const samples = async () => {
    const all = await tsdb.select([createMatcher("__name__", "=~", ".+")], { minMs: 0, maxMs: NOW + 1e9 });
    return all.map(
      ({ labels, timestamps, values }) =>
        `${labels} ${[...timestamps].map((t, i) => `${t - NOW}:${values[i]}`)}`,
    );
  };
  return { tsdb, fast, samples };
}

function series(
  labels: Record<string, string>,
  ...samples: [offsetMs: number, value: number][]
): WriteSeries {
  return {
    labels: Labels.of(labels),
    samples: samples.map(([offsetMs, value]) => ({ timestampMs: NOW + offsetMs, value })),
    histograms: [],
    exemplars: [],
  };
}
const encode = (...all: WriteSeries[]) =>
  encodeWriteRequestV1({ series: all, metadata: [] } satisfies WriteRequest);

test("createFastWrite() stores what a request says, in whatever order series come", async () => {
  const { fast, samples } = await store();
  const names = ["a", "b", "c"];
  for (const [step, order] of [
    [0, names],
    [1, names],
    [2, ["c", "a"]],
    [3, ["b", "c", "a"]],
  ] as const)
    await fast.write(
      encode(
        ...order.map((name) =>
          series({ __name__: name, x: "1" }, [step, step], [step + 0.5 * 2 * 10, -step]),
        ),
      ).slice(),
    );
  const outcome = await fast.write(encode(series({ __name__: "d" }, [0, 1], [1, 0])));
  assert.deepEqual(outcome, { samples: 2, histograms: 0, exemplars: 0, problem: "" });
  const found = await samples();
  assert.equal(found.length, 4);
  assert.equal(found[3], '{__name__="d"} 0:1,1:0');
});

test("createFastWrite() stores nothing of a request with a sample that is refused, and leaves out bad labels", async () => {
  const { fast, samples } = await store();
  await fast.write(encode(series({ __name__: "a" }, [10, 1])));
  const outcome = await fast.write(
    encode(
      series({ __name__: "a" }, [5, 1], [11, 2]),
      series({ x: "no name" }, [0, 1]),
      series({ __name__: "b" }, [11 * 60_000, 1], [1, 3]),
    ),
  );
  assert.equal(outcome?.problem, "out of order sample");
  assert.deepEqual(await samples(), ['{__name__="a"} 10:1']);
  const taken = await fast.write(
    encode(series({ __name__: "a" }, [11, 2]), series({ x: "no name" }, [0, 1])),
  );
  assert.deepEqual([taken?.samples, taken?.problem], [1, ""]);
  assert.match(taken?.leftOut ?? "", /invalid metric name or labels/);
  assert.deepEqual(await samples(), ['{__name__="a"} 10:1,11:2']);
});

test("createFastWrite() leaves unusual requests to the general way, having stored nothing", async () => {
  const { fast, samples } = await store();
  const unusual: WriteRequest[] = [
    {
      series: [series({ __name__: "a" }, [0, 1])],
      metadata: [{ metric: "a", type: "counter", help: "", unit: "" }],
    },
    {
      series: [
        {
          ...series({ __name__: "a" }, [0, 1]),
          exemplars: [{ labels: Labels.empty, value: 1, timestampMs: 1 }],
        },
      ],
      metadata: [],
    },
  ];
  for (const request of unusual) assert.equal(await fast.write(encodeWriteRequestV1(request)), undefined);
  assert.deepEqual(await samples(), []);
});

test("createFastWrite() reads the samples that the decoder reads, whatever the forms of times and values (seed 5)", async () => {
  const random = seededRandom(5);
  const times = [0, 1, 127, 128, NOW, NOW + 1, NOW + 128, 2 ** 35, 2 ** 42 - 1, 2 ** 42, 2 ** 42 + 1];
  const values = [0, 1, -1, 1e300, 2 ** -1074];
  const oneOf = (choices: number[]) => choices[randomInteger(random, choices.length)];
  const read: [timestampMs: number, value: number][] = [];
  const halves = new Int32Array(2);
  const take = (timestampMs: number, low: number, high: number) => {
    halves[0] = low;
    halves[1] = high;
    read.push([timestampMs, new Float64Array(halves.buffer)[0]]);
  };
  let isRefused = false;
  const appender = {
    appendKnownBits(_: number, timestampMs: number, low: number, high: number) {
      take(timestampMs, low, high);
      return true;
    },
    appendKey(_: Uint8Array, __: number, ___: number, timestampMs: number, low: number, high: number) {
      take(timestampMs, low, high);
      return 1;
    },
    commit: async () => {},
    rollback() {
      isRefused = true;
    },
  } as unknown as TsdbAppender;
  const fast = createFastWrite({
    appender: () => appender,
    now: () => 2 ** 43,
    maxAheadMs: 600_000,
    hashSeed: 7,
  });
  for (let round = 0; round < 2000; round++) {
    // Mostly one time for all, as senders do it.
    const usual = oneOf(times);
    const all = Array.from({ length: 1 + randomInteger(random, 6) }, (_, i) => {
      const samples = Array.from({ length: 1 + randomInteger(random, 3) }, () => ({
        timestampMs: random.float() < 0.6 ? usual : oneOf(times),
        value: oneOf(values),
      }));
      return { labels: Labels.of({ __name__: `m${i}` }), samples, histograms: [], exemplars: [] };
    });
    const bytes = encode(...all).slice();
    if (round % 4 === 0) bytes[randomInteger(random, bytes.length)] ^= 1 << randomInteger(random, 8);
    read.length = 0;
    isRefused = false;
    const outcome = await fast.write(bytes).catch((error) => assert.ok(error instanceof ProtobufError));
    if (outcome === undefined || isRefused) continue;
    const expected = decodeWriteRequestV1(bytes).series.flatMap(({ samples }) =>
      samples.map(({ timestampMs, value }) => [timestampMs, value]),
    );
    if (round % 4 !== 0) assert.equal(read.length, all.flatMap(({ samples }) => samples).length);
    if (outcome.leftOut === undefined) assert.deepEqual(read, expected, `round ${round}`);
  }
});

test("createFastWrite() answers mutated requests with a refusal or an outcome (seeded)", async () => {
  const { fast } = await store();
  const random = seededRandom(4);
  for (let round = 0; round < 5_000; round++) {
    const bytes = encode(
      series({ __name__: "a", x: String(round % 7) }, [round, 1]),
      series({ __name__: "b", long: "y".repeat(randomInteger(random, 200)) }, [round, 2]),
    ).slice();
    for (let n = randomInteger(random, 4); n >= 0; n--)
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    try {
      await fast.write(bytes.subarray(0, 1 + randomInteger(random, bytes.length)));
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error));
    }
  }
});
