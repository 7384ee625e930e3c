import assert from "node:assert/strict";
import { test } from "node:test";
import { URL_BASE, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import { createHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { decodeMetricFamilies } from "../../wire/client-model/metric-family-decoder.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../wire/snappy.ts";

async function stored() {
  const it = await virtualPrometheus("");
  const timestampMs = it.clock.now();
  const series = (name: string, rest: object, labels: Record<string, string> = {}) => ({
    labels: Labels.of({ __name__: name, ...labels }),
    samples: [],
    histograms: [],
    exemplars: [],
    ...rest,
  });
  const buckets = { positiveSpans: [{ offset: 0, length: 2 }], positiveBuckets: [1, 2], count: 3, sum: 4 };
  const histogram = (fields: object) => ({
    histograms: [{ timestampMs, histogram: createHistogram({ ...buckets, ...fields }), isInteger: true }],
  });
  const body = encodeWriteRequestV1({
    series: [
      series("my.metric", { samples: [{ timestampMs, value: 1 }] }, { "a.b": "x" }),
      series("custom", histogram({ schema: -53, customValues: [0.5, 1] })),
      series("native", histogram({ schema: 1 })),
      series("ended", { samples: [{ timestampMs, value: Number.NaN, stale: true }] }),
    ],
    metadata: [],
  });
  const { status, text } = await it.post("/api/v1/write", snappyCompress(body), {
    "content-type": "application/x-protobuf",
  });
  assert.equal(status, 204, text);
  const federate = async (accept: string) => {
    const client = it.network.host("127.13.1.99");
    const url = `${URL_BASE}/federate?match[]=${encodeURIComponent('{__name__=~".+"}')}`;
    const answer = await client.fetch(url, { headers: { accept } });
    return { type: answer.headers["content-type"], bytes: Buffer.from(await answer.bytes()) };
  };
  return { it, federate, timestampMs };
}

test("the server's own metrics are text, with the escaping that the client asks for", async () => {
  const { it } = await stored();
  const client = it.network.host("127.13.1.99");
  const typeFor = async (accept: string) =>
    (await client.fetch(`${URL_BASE}/metrics`, { headers: { accept } })).headers["content-type"];
  const text = "text/plain; version=0.0.4; charset=utf-8";
  assert.equal(await typeFor("application/openmetrics-text;version=1.0.0"), `${text}; escaping=underscores`);
  assert.equal(await typeFor("text/plain;version=0.0.4;escaping=dots"), `${text}; escaping=dots`);
  await it.server.stop();
});

test("federate escapes names as the client asks", async () => {
  const { it, federate, timestampMs: t } = await stored();
  const of = async (accept: string) => (await federate(accept)).bytes.toString().split("\n").slice(-3, -1);
  assert.deepEqual(await of(""), ["# TYPE my_metric untyped", `my_metric{a_b="x",instance=""} 1 ${t}`]);
  assert.deepEqual(await of("text/plain;version=0.0.4;escaping=values"), [
    "# TYPE U__my_2e_metric untyped",
    `U__my_2e_metric{U__a_2e_b="x",instance=""} 1 ${t}`,
  ]);
  const plain = await federate(
    "application/json;escaping=dots,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.5",
  );
  assert.equal(plain.type, "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8");
  assert.match(
    plain.bytes.toString(),
    /# TYPE "my.metric" untyped\n\{"my.metric","a.b"="x",instance=""\} 1 \d+\n$/,
  );
  await it.server.stop();
});

test("federate tells histograms with custom buckets as classic ones, native ones in protobuf", async () => {
  const { it, federate, timestampMs: t } = await stored();
  const { bytes } = await federate("text/plain");
  assert.equal(
    bytes.toString().slice(0, bytes.indexOf("# TYPE my")),
    [
      "# TYPE custom histogram",
      `custom_bucket{instance="",le="0.5"} 1 ${t}`,
      `custom_bucket{instance="",le="1"} 3 ${t}`,
      `custom_bucket{instance="",le="+Inf"} 3 ${t}`,
      `custom_sum{instance=""} 4 ${t}`,
      `custom_count{instance=""} 3 ${t}`,
      "",
    ].join("\n"),
  );
  const protobuf = await federate(
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  );
  assert.match(protobuf.type, /encoding=delimited; escaping=underscores$/);
  const families = decodeMetricFamilies(protobuf.bytes);
  assert.deepEqual(
    families.map(({ name, type }) => [name, type]),
    [
      ["custom", "histogram"],
      ["my_metric", "unknown"],
      ["native", "histogram"],
    ],
  );
  const { histogram, timestampMs } = families[2].metrics[0];
  assert.equal(timestampMs, t);
  assert.deepEqual(
    [histogram!.schema, histogram!.sampleCountFloat, histogram!.positive],
    [1, 3, { spans: [{ offset: 0, length: 2 }], deltas: [], counts: [1, 2] }],
  );
  await it.server.stop();
});
