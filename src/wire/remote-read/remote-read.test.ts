import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import {
  decodeReadRequest,
  encodeReadRequest,
  MAX_MATCHERS,
  MAX_QUERIES,
  type ReadRequest,
} from "./read-request.ts";
import {
  decodeChunkedReadResponse,
  decodeReadResponse,
  encodeChunkedReadResponse,
  encodeReadResponse,
} from "./read-response.ts";

const many = (random: Random, below: number) => Array.from({ length: randomInteger(random, below) });
const word = (random: Random) =>
  ["", "a", "böse", "x".repeat(randomInteger(random, 200))][randomInteger(random, 4)];

function randomRequest(random: Random): ReadRequest {
  return {
    queries: many(random, 4).map(() => ({
      startMs: randomInteger(random, 1e9) - 5e8,
      endMs: 1.7e12 + randomInteger(random, 1e9),
      matchers: many(random, 4).map(() => ({
        type: randomInteger(random, 4),
        name: word(random),
        value: word(random),
      })),
      function: word(random),
    })),
    acceptedTypes: many(random, 3).map(() => randomInteger(random, 3)),
  };
}

const labelsOf = (random: Random) =>
  Labels.of(many(random, 4).map((_, i) => [`l${i}`, word(random)] as const));

test("decodeReadRequest() reads what encodeReadRequest() writes", () => {
  for (let seed = 0; seed < 200; seed++) {
    const request = randomRequest(seededRandom(seed));
    assert.deepEqual(decodeReadRequest(encodeReadRequest(request)), request, `seed ${seed}`);
  }
});

test("decodeReadRequest() limits queries and matchers", () => {
  const query = { startMs: 0, endMs: 0, matchers: [], function: "" };
  const queries = (count: number) =>
    encodeReadRequest({ queries: new Array(count).fill(query), acceptedTypes: [] });
  assert.equal(decodeReadRequest(queries(MAX_QUERIES)).queries.length, MAX_QUERIES);
  assert.throws(() => decodeReadRequest(queries(MAX_QUERIES + 1)), ProtobufError);
  const matchers = (count: number) =>
    encodeReadRequest({
      queries: [{ ...query, matchers: new Array(count).fill({ type: 0, name: "a", value: "b" }) }],
      acceptedTypes: [],
    });
  assert.equal(decodeReadRequest(matchers(MAX_MATCHERS)).queries[0].matchers.length, MAX_MATCHERS);
  assert.throws(() => decodeReadRequest(matchers(MAX_MATCHERS + 1)), ProtobufError);
});

test("decodeReadResponse() and decodeChunkedReadResponse() read what their encoders write", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const results = many(random, 3).map(() =>
      many(random, 3).map(() => ({
        labels: labelsOf(random),
        samples: many(random, 3).map((_, i) => ({ timestampMs: i * 1000, value: random.float() })),
        histograms: [],
        exemplars: [],
      })),
    );
    assert.deepEqual(decodeReadResponse(encodeReadResponse(results)), results, `seed ${seed}`);
    const chunked = {
      series: many(random, 3).map(() => ({
        labels: labelsOf(random),
        chunks: many(random, 3).map((_, i) => ({
          minMs: i,
          maxMs: i + 10,
          encoding: randomInteger(random, 5),
          bytes: random.bytes(randomInteger(random, 50)),
        })),
      })),
      queryIndex: randomInteger(random, 3),
    };
    assert.deepEqual(decodeChunkedReadResponse(encodeChunkedReadResponse(chunked)), chunked, `seed ${seed}`);
  }
});

test("the decoders take damaged input as such", () => {
  const random = seededRandom(7);
  for (let i = 0; i < 2_000; i++) {
    const bytes = encodeReadRequest(randomRequest(random));
    for (let k = 0; k < 3 && bytes.length > 0; k++)
      bytes[randomInteger(random, bytes.length)] ^= 1 << randomInteger(random, 8);
    for (const decode of [decodeReadRequest, decodeReadResponse, decodeChunkedReadResponse]) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }
  }
});
