import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, URL_BASE, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import {
  encodeReadRequest,
  type ReadMatcher,
  type ReadRequest,
} from "../../wire/remote-read/read-request.ts";
import { decodeChunkedReadResponse, decodeReadResponse } from "../../wire/remote-read/read-response.ts";
import { snappyCompress, snappyDecompress } from "../../wire/snappy.ts";
import { SeriesColumns } from "../tsdb/chunks/chunk-decoder.ts";
import type { ChunkEncoding } from "../tsdb/chunks/chunk-encoding.ts";
import { decodeFrames } from "./chunked-stream.ts";

const CONFIG = scrapeConfigOf("").replace(
  "{scrape_interval: 10s}",
  "{scrape_interval: 10s, external_labels: {site: s, pod: none}}",
);

async function scraped() {
  const it = await virtualPrometheus(CONFIG);
  const body = { text: 'a{x="1"} 1\na{x="2"} NaN\nb 3\n' };
  await it.target("127.13.2.1", body);
  await it.clock.advance(31_000);
  const client = it.network.host("127.13.1.99");
  const read = async (request: Partial<ReadRequest>) => {
    const sent = snappyCompress(encodeReadRequest({ queries: [], acceptedTypes: [], ...request }));
    const answer = await client.fetch(`${URL_BASE}/api/v1/read`, { method: "POST", body: sent });
    return { status: answer.status, headers: answer.headers, bytes: await answer.bytes() };
  };
  const query = (...matchers: ReadMatcher[]) => ({
    startMs: it.clock.now() - 60_000,
    endMs: it.clock.now(),
    matchers,
    function: "",
  });
  return { it, read, query };
}

const A: ReadMatcher = { type: 0, name: "__name__", value: "a" };
const NOT_2: ReadMatcher = { type: 3, name: "x", value: "2" };

test("remote read answers samples with the external labels that series lack", async () => {
  const { it, read, query } = await scraped();
  const { status, headers, bytes } = await read({ queries: [query(A, NOT_2), query(A)] });
  assert.equal(status, 200);
  assert.equal(headers["content-encoding"], "snappy");
  const [one, two] = decodeReadResponse(snappyDecompress(bytes, 1 << 20));
  assert.deepEqual(
    one.map(({ labels }) => String(labels)),
    ['{__name__="a", instance="127.13.2.1", job="app", pod="db-0", site="s", x="1"}'],
  );
  assert.ok(one[0].samples.length >= 3);
  assert.deepEqual(new Set(one[0].samples.map(({ value }) => value)), new Set([1]));
  assert.equal(two.length, 2);
  // Asked for with the external label, which is none of the store's.
  const asked = await read({ queries: [query(A, { type: 0, name: "site", value: "s" })] });
  assert.equal(decodeReadResponse(snappyDecompress(asked.bytes, 1 << 20))[0].length, 2);
  const other = await read({ queries: [query(A, { type: 0, name: "site", value: "t" })] });
  assert.equal(decodeReadResponse(snappyDecompress(other.bytes, 1 << 20))[0].length, 0);
  await it.server.stop();
});

test("remote read streams chunks where the reader takes them", async () => {
  const { it, read, query } = await scraped();
  const { status, headers, bytes } = await read({ queries: [query(A)], acceptedTypes: [1, 0] });
  assert.equal(status, 200);
  assert.equal(
    headers["content-type"],
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
  );
  const messages = [...decodeFrames(bytes)].map(decodeChunkedReadResponse);
  assert.deepEqual(
    messages.map(({ series }) => series.map(({ labels }) => labels.get("x"))),
    [["1"], ["2"]],
  );
  const columns = new SeriesColumns();
  for (const chunk of messages[0].series[0].chunks) {
    const padded = new Uint8Array(chunk.bytes.length + 32);
    padded.set(chunk.bytes);
    const view = new DataView(padded.buffer);
    columns.addChunk(chunk.encoding as ChunkEncoding, view, 0, chunk.bytes.length, -Infinity, Infinity);
  }
  assert.ok(columns.length >= 3);
  assert.equal(columns.floats.values[0], 1);
  await it.server.stop();
});

test("remote read refuses what it cannot answer", async () => {
  const { it, read, query } = await scraped();
  const cases: [request: Partial<ReadRequest>, status: number, text: RegExp][] = [
    [{ acceptedTypes: [9] }, 400, /does not support any of the requested response types: \[9\]/],
    [{ queries: [query({ type: 2, name: "x", value: "(" })] }, 500, /missing closing \)/],
    [
      { queries: [query({ type: 7, name: "x", value: "" })], acceptedTypes: [1] },
      500,
      /invalid matcher type/,
    ],
  ];
  for (const [request, status, text] of cases) {
    const answer = await read(request);
    assert.equal(answer.status, status);
    assert.match(Buffer.from(answer.bytes).toString(), text);
  }
  assert.equal((await it.post("/api/v1/read", "x")).status, 400);
  await it.server.stop();
});
