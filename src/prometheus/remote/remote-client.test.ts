import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { type HttpRequest, type HttpResponse, readBody } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { countRequest } from "../../wire/remote-write/request-counts.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { decodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyDecompress } from "../../wire/snappy.ts";
import { parseConfig } from "../config/load-config.ts";
import type { RemoteWriteConfig } from "../config/remote-config.ts";
import { createHttpClient } from "../discovery/http-client.ts";
import { MetadataSender } from "./metadata-sender.ts";
import { RemoteClient } from "./remote-client.ts";
import { type FamilyMetadata, SeriesMetadata } from "./series-metadata.ts";

const REMOTE = "127.13.2.8";

async function remoteClient(
  settings: string,
  answer: (attempt: number) => HttpResponse,
  metadata: FamilyMetadata[] = [],
) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  const requests: { atMs: number; headers: HttpRequest["headers"]; body: Uint8Array }[] = [];
  await network.host(REMOTE).serve({ host: REMOTE, port: 80 }, async (request) => {
    const body = snappyDecompress(await readBody(request.body), 1 << 20);
    requests.push({ atMs: clock.now(), headers: request.headers, body });
    return answer(requests.length);
  });
  const text = `remote_write: [{url: "http://${REMOTE}/push", ${settings}}]`;
  const config = parseConfig(text, { env: {}, log: silentLogger }).remote_write![0] as RemoteWriteConfig;
  const client = createHttpClient(config, {
    network: network.host("127.13.1.1"),
    disk: new MemoryDisk(),
    clock,
  });
  const { signal } = new AbortController();
  const known = new SeriesMetadata(clock, () => metadata);
  const remote = new RemoteClient({
    config,
    client,
    clock,
    log: silentLogger,
    signal,
    onRequest: () => {},
    metadataOf: (name) => known.of(name),
  });
  return { clock, requests, remote };
}

const request = (...times: number[]) =>
  encodeWriteRequestV1({
    series: times.map((timestampMs, i) => ({
      labels: Labels.of({ __name__: "a", i: String(i) }),
      samples: [{ timestampMs, value: i }],
      histograms: [],
      exemplars: [],
    })),
    metadata: [],
  });

test("a remote that is busy is asked again when it says, others after a growing while", async () => {
  const { clock, requests, remote } = await remoteClient(
    "queue_config: {min_backoff: 1s, max_backoff: 3s}",
    (attempt) => {
      if (attempt === 1) return { status: 503, headers: { "retry-after": "20" } };
      return { status: attempt < 5 ? 500 : 204 };
    },
  );
  await clock.runUntil(remote.deliver(request(1000)));
  const waited = requests.slice(1).map(({ atMs }, i) => Math.round((atMs - requests[i].atMs) / 1000));
  assert.deepEqual(waited, [20, 3, 3, 3]);
  assert.deepEqual(
    requests.map(({ headers }) => headers["retry-attempt"]),
    [undefined, "1", "2", "3", "4"],
  );
  // Each attempt counts as sent, as upstream's counter has it.
  assert.equal(remote.counts.sent.samples, 5);
  assert.equal(remote.counts.retried.samples, 4);
  assert.equal(remote.counts.done.samples, 1);
  assert.equal(remote.counts.failed.samples, 0);
});

test("429 is tried again only where it is asked for, what the remote refuses is given up", async () => {
  const busy = await remoteClient("", () => ({ status: 429 }));
  await busy.clock.runUntil(busy.remote.deliver(request(1000, 2000)));
  assert.equal(busy.requests.length, 1);
  assert.equal(busy.remote.counts.failed.samples, 2);
  const again = await remoteClient("queue_config: {retry_on_http_429: true}", (attempt) => ({
    status: attempt === 1 ? 429 : 200,
  }));
  await again.clock.runUntil(again.remote.deliver(request(1000)));
  assert.equal(again.requests.length, 2);
  assert.equal(again.remote.counts.done.newestMs, 1000);
});

const V2 = 'protobuf_message: "io.prometheus.write.v2.Request"';

test("a remote of version 2 that confirms nothing has taken nothing", async () => {
  const silent = await remoteClient(V2, () => ({ status: 204 }));
  await silent.clock.runUntil(silent.remote.deliver(request(1000, 2000)));
  assert.equal(silent.remote.counts.failed.samples, 2);
  const partly = await remoteClient(V2, () => ({
    status: 200,
    headers: { "x-prometheus-remote-write-samples-written": "1" },
  }));
  await partly.clock.runUntil(partly.remote.deliver(request(1000, 2000)));
  assert.equal(partly.remote.counts.failed.samples, 1);
  // Version 1 knows no confirmation.
  const old = await remoteClient("", () => ({ status: 204 }));
  await old.clock.runUntil(old.remote.deliver(request(1000, 2000)));
  assert.equal(old.remote.counts.failed.samples, 0);
});

test("version 2 carries metadata with each series of a known family", async () => {
  const { clock, requests, remote } = await remoteClient(
    V2,
    () => ({ status: 204, headers: { "x-prometheus-remote-write-samples-written": "1" } }),
    [{ metric: "a", type: "gauge", help: "What it is.", unit: "s" }],
  );
  await clock.runUntil(remote.deliver(request(1000)));
  const [{ metadata }] = decodeWriteRequestV2(requests[0].body).series;
  assert.deepEqual(metadata, { type: "gauge", help: "What it is.", unit: "s" });
  assert.equal(remote.counts.sent.metadata, 1);
});

test("samples older than sample_age_limit are not sent, also when they grow old while they wait", async () => {
  const { clock, requests, remote } = await remoteClient(
    "queue_config: {sample_age_limit: 1m, min_backoff: 40s, max_backoff: 40s}",
    (attempt) => ({
      status: attempt === 1 ? 503 : 204,
    }),
  );
  const nowMs = clock.now();
  await clock.runUntil(remote.deliver(request(nowMs - 61_000, nowMs - 30_000, nowMs)));
  assert.deepEqual(
    requests.map(({ body }) => decodeWriteRequestV1(body).series.length),
    [2, 1],
  );
  assert.equal(remote.counts.tooOld, 2);
  await clock.runUntil(remote.deliver(request(nowMs - 90_000)));
  assert.equal(requests.length, 2);
  assert.equal(remote.counts.tooOld, 3);
});

test("metadata goes out at its interval, in requests of limited size", async () => {
  const { clock, requests, remote } = await remoteClient("", () => ({ status: 204 }));
  const entry = (metric: string) => ({ metric, type: "gauge", help: "H", unit: "" });
  const sender = new MetadataSender({
    clock,
    intervalMs: 60_000,
    batchSize: 2,
    client: remote,
    metadata: () => ["a", "b", "c"].map(entry),
  });
  await clock.advance(61_000);
  assert.deepEqual(
    requests.map(({ body }) => decodeWriteRequestV1(body).metadata.map(({ metric }) => metric)),
    [["a", "b"], ["c"]],
  );
  assert.equal(remote.counts.sent.metadata, 3);
  sender.stop();
  await clock.advance(120_000);
  assert.equal(requests.length, 2);
});

test("countRequest() counts without decoding", () => {
  const bytes = encodeWriteRequestV1({
    series: [
      {
        labels: Labels.of({ a: "b" }),
        samples: [
          { timestampMs: 5, value: 1 },
          { timestampMs: 9, value: 1 },
        ],
        histograms: [],
        exemplars: [{ labels: Labels.empty, value: 1, timestampMs: 50 }],
      },
    ],
    metadata: [{ metric: "a", type: "gauge", help: "", unit: "" }],
  });
  assert.deepEqual(countRequest(bytes), {
    samples: 2,
    exemplars: 1,
    histograms: 0,
    metadata: 1,
    newestMs: 9,
  });
});
