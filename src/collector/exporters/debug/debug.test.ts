import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, textOf } from "../../../model/otlp-attributes.ts";
import type { Metric, MetricData } from "../../../model/otlp-metrics.ts";
import type { Span } from "../../../model/otlp-traces.ts";
import type { Payload } from "../../component.ts";
import { detailedText } from "./detailed-text.ts";
import { timeText } from "./lines.ts";
import { normalText } from "./normal-text.ts";

const START = 1_581_452_772_000_000_321n;
const END = 1_581_452_773_000_000_789n;
const head = { startTimeUnixNano: START, timeUnixNano: END, flags: 0 };
const none = { attributes: [], droppedAttributesCount: 0 };

function payload(...data: MetricData[]): Payload {
  const metrics = data.map(
    (one, i): Metric => ({ name: `m${i}`, description: "", unit: "1", metadata: [], data: one }),
  );
  const resource = { ...none, attributes: attributesOf({ "resource-attr": "value" }) };
  const scope = { ...none, name: "lib", version: "1" };
  return {
    signal: "metrics",
    data: [{ resource, schemaUrl: "", scopeMetrics: [{ scope, schemaUrl: "", metrics }] }],
  };
}

test("detailedText() writes metrics as upstream does", () => {
  const attributes = attributesOf({ "label-1": "label-value-1" });
  const sum: MetricData = {
    type: "sum",
    monotonic: true,
    temporality: 2,
    points: [
      { ...head, attributes, value: 123n, exemplars: [] },
      { ...head, attributes: [], value: 1.23, exemplars: [] },
    ],
  };
  const exponential: MetricData = {
    type: "exponentialHistogram",
    temporality: 1,
    points: [
      {
        ...head,
        attributes: [],
        count: 5,
        sum: 0.15,
        min: undefined,
        max: undefined,
        scale: 1,
        zeroCount: 1,
        zeroThreshold: 0,
        positive: { offset: 1, counts: [1, 1] },
        negative: { offset: -1, counts: [1, 1] },
        exemplars: [
          {
            filteredAttributes: attributesOf({ k: "v" }),
            timeUnixNano: END,
            value: 15n,
            traceId: "0102",
            spanId: "11",
          },
        ],
      },
    ],
  };
  assert.equal(
    detailedText(payload(sum, exponential)),
    `ResourceMetrics #0
Resource SchemaURL: 
Resource attributes:
     -> resource-attr: Str(value)
ScopeMetrics #0
ScopeMetrics SchemaURL: 
InstrumentationScope lib 1
Metric #0
Descriptor:
     -> Name: m0
     -> Description: 
     -> Unit: 1
     -> DataType: Sum
     -> IsMonotonic: true
     -> AggregationTemporality: Cumulative
NumberDataPoints #0
Data point attributes:
     -> label-1: Str(label-value-1)
StartTimestamp: 2020-02-11 20:26:12.000000321 +0000 UTC
Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC
Value: 123
NumberDataPoints #1
StartTimestamp: 2020-02-11 20:26:12.000000321 +0000 UTC
Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC
Value: 1.230000
Metric #1
Descriptor:
     -> Name: m1
     -> Description: 
     -> Unit: 1
     -> DataType: ExponentialHistogram
     -> AggregationTemporality: Delta
ExponentialHistogramDataPoints #0
StartTimestamp: 2020-02-11 20:26:12.000000321 +0000 UTC
Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC
Count: 5
Sum: 0.150000
Bucket [-1.414214, -1.000000), Count: 1
Bucket [-1.000000, -0.707107), Count: 1
Bucket [0, 0], Count: 1
Bucket (1.414214, 2.000000], Count: 1
Bucket (2.000000, 2.828427], Count: 1
Exemplars:
Exemplar #0
     -> Trace ID: 0102
     -> Span ID: 11
     -> Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC
     -> Value: 15
     -> FilteredAttributes:
          -> k: Str(v)
`,
  );
});

test("timeText() is Go's, for any time", () => {
  assert.equal(timeText(0n), "1970-01-01 00:00:00 +0000 UTC");
  assert.equal(timeText(START), "2020-02-11 20:26:12.000000321 +0000 UTC");
  assert.equal(timeText(1_500_000_000n), "1970-01-01 00:00:01.5 +0000 UTC");
  // More than a Date can hold, which a client may send.
  assert.equal(timeText(2n ** 64n - 1n), "2554-07-21 23:34:33.709551615 +0000 UTC");
});

test("normalText() writes a line for each point", () => {
  const point = { ...head, attributes: attributesOf({ a: "1", b: 2 }), value: 5n, exemplars: [] };
  assert.equal(
    normalText(payload({ type: "gauge", points: [point] })),
    "ResourceMetrics #0 resource-attr=value\nScopeMetrics #0 lib@1\nm0{a=1,b=2} 5\n",
  );
});

test("normalText() gives resources, scopes and spans lines, and numbers as Go prints them", () => {
  const bounds = { sum: 2_500_000, min: undefined, max: 1e-7 };
  const exponential: MetricData = {
    type: "exponentialHistogram",
    temporality: 2,
    points: [
      {
        ...head,
        ...bounds,
        attributes: [],
        count: 3,
        scale: 0,
        zeroCount: 1,
        zeroThreshold: 0,
        positive: { offset: 0, counts: [1] },
        negative: { offset: 0, counts: [1, 0] },
        exemplars: [],
      },
    ],
  };
  assert.equal(
    normalText(payload(exponential)),
    "ResourceMetrics #0 resource-attr=value\nScopeMetrics #0 lib@1\n" +
      "m0{} count=3 sum=2.5e+06 max=1e-07 le-2=0 le-1=1 zero=1 le2=1\n",
  );
  const scope = { ...none, name: "lib", version: "" };
  const resource = { ...none, attributes: attributesOf({ "service.name": "test-db" }) };
  const span = { name: "op", traceId: "01", spanId: "02", attributes: attributesOf({ a: true }) } as Span;
  assert.equal(
    normalText({
      signal: "traces",
      data: [{ resource, schemaUrl: "https://x", scopeSpans: [{ scope, schemaUrl: "", spans: [span] }] }],
    }),
    "ResourceTraces #0 [https://x] service.name=test-db\nScopeTraces #0 lib\nop 01 02 a=true\n",
  );
});

test("detailedText() names the entities of a resource", () => {
  const entityRefs = [
    { type: "service", schemaUrl: "https://x", idKeys: ["service.name"], descriptionKeys: [] },
    { type: "host", schemaUrl: "", idKeys: [], descriptionKeys: ["host.name"] },
  ];
  const data = [{ resource: { ...none, entityRefs }, schemaUrl: "", scopeLogs: [] }];
  assert.equal(
    detailedText({ signal: "logs", data }),
    `ResourceLog #0
Resource SchemaURL: 
Resource entity refs:
     -> Entity ref #0:
          -> Type: service
          -> Schema URL: https://x
          -> ID keys:
               -> service.name
     -> Entity ref #1:
          -> Type: host
          -> Description keys:
               -> host.name
`,
  );
});

test("textOf() leaves a list empty that holds what JSON cannot say", () => {
  assert.equal(textOf([1, Number.NaN]), "");
  assert.equal(textOf([1, new Uint8Array()]), "[1,null]");
});
