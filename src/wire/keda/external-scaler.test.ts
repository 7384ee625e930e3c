import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeNetwork } from "../../base/node-network.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import {
  createExternalScalerClient,
  decodeMetrics,
  decodeMetricsRequest,
  decodeRef,
  type ExternalScalerServer,
  encodeIsActive,
  encodeMetrics,
  encodeMetricsRequest,
  encodeRef,
  externalScalerHandler,
  MAX_ENTRIES,
} from "./external-scaler.ts";

const REF = { name: "test-db-small", namespace: "percolate-test", scalerMetadata: { tier: "small" } };

test("messages decode to what was encoded (seeded)", () => {
  const random = seededRandom(51);
  const text = () =>
    String.fromCodePoint(
      ...Array.from({ length: randomInteger(random, 9) }, () => 33 + randomInteger(random, 9000)),
    );
  for (let round = 0; round < 300; round++) {
    const scalerMetadata = Object.fromEntries(
      Array.from({ length: randomInteger(random, 4) }, () => [text(), text()]),
    );
    const request = {
      scaledObjectRef: { name: text(), namespace: text(), scalerMetadata },
      metricName: text(),
    };
    assert.deepEqual(decodeMetricsRequest(encodeMetricsRequest(request)), request);
    const metrics = Array.from({ length: randomInteger(random, 4) }, () => ({
      metricName: text(),
      value: random.float() < 0.5 ? randomInteger(random, 2 ** 40) : random.float() * 100,
    }));
    assert.deepEqual(decodeMetrics(encodeMetrics(metrics)), metrics);
  }
});

test("decoders end with an error on any cut or changed message, and on nothing else (seeded)", () => {
  const random = seededRandom(52);
  const whole = encodeMetricsRequest({ scaledObjectRef: REF, metricName: "waiting" });
  for (let round = 0; round < 2000; round++) {
    const bytes = whole.slice(0, 1 + randomInteger(random, whole.length));
    bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    try {
      decodeMetricsRequest(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error));
    }
  }
});

test("decodeRef() takes no more than MAX_ENTRIES of metadata, and keeps a key that names a prototype", () => {
  const entries = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
  assert.doesNotThrow(() => decodeRef(encodeRef({ ...REF, scalerMetadata: entries(MAX_ENTRIES) })));
  assert.throws(
    () => decodeRef(encodeRef({ ...REF, scalerMetadata: entries(MAX_ENTRIES + 1) })),
    /more than/,
  );
  const hostile = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
  const decoded = decodeRef(encodeRef({ ...REF, scalerMetadata: hostile }));
  assert.deepEqual(Object.keys(decoded.scalerMetadata), ["__proto__"]);
});

test("encodeIsActive() writes the bytes of proto3", () => {
  assert.deepEqual([...encodeIsActive(true)], [8, 1]);
  assert.deepEqual([...encodeIsActive(false)], []);
});

test("client and server speak over gRPC, streams included", async () => {
  const network = createNodeNetwork((error) => assert.fail(String(error)));
  const seen: unknown[] = [];
  const scaler: ExternalScalerServer = {
    isActive: (ref) => ref.scalerMetadata.tier === "small",
    async *streamIsActive(ref) {
      seen.push(ref);
      yield false;
      yield true;
    },
    getMetricSpec: () => [{ metricName: "waiting", targetSize: 2.5 }],
    getMetrics: ({ metricName }) => [{ metricName, value: 7 }],
  };
  const server = await network.serve(
    { host: "127.18.0.1", port: 0, protocol: "h2c" },
    externalScalerHandler(scaler),
  );
  const client = createExternalScalerClient(network, `127.18.0.1:${server.port}`);
  try {
    assert.equal(await client.isActive(REF), true);
    assert.deepEqual(await client.getMetricSpec(REF), [{ metricName: "waiting", targetSize: 2.5 }]);
    const request = { scaledObjectRef: REF, metricName: "waiting" };
    assert.deepEqual(await client.getMetrics(request), [{ metricName: "waiting", value: 7 }]);
    assert.deepEqual(await Array.fromAsync(client.streamIsActive(REF)), [false, true]);
    assert.deepEqual(seen, [REF]);
    const stop = new AbortController();
    const specs = client.streamMetricSpec(REF, { signal: stop.signal })[Symbol.asyncIterator]();
    assert.deepEqual((await specs.next()).value, [{ metricName: "waiting", targetSize: 2.5 }]);
    stop.abort();
    await assert.rejects(specs.next());
  } finally {
    await server.close();
  }
});
