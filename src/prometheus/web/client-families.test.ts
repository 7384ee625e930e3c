import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMetricFamilies } from "../../wire/client-model/metric-family-decoder.ts";
import { encodeMetricFamilies } from "../../wire/client-model/metric-family-encoder.ts";
import { type MetricFamily, writeTextFormat } from "../../wire/exposition/exposition-writer.ts";
import { protobufEntries } from "../../wire/exposition/protobuf-entries.ts";
import { textEntries } from "../../wire/exposition/scraped-entry.ts";
import { TextParser } from "../../wire/exposition/text-parser.ts";
import { Counter, Gauge, Histogram, Summary } from "../metrics/instruments.ts";
import { clientFamilies } from "./client-families.ts";

function families(): MetricFamily[] {
  const counter = new Counter({ name: "requests", help: "Requests.", labels: ["code", "path"] });
  counter.add(3, "200", "/a");
  counter.add(1, "500", "/a");
  const gauge = new Gauge({ name: "depth", help: "Depth." });
  gauge.set(-1.5);
  const histogram = new Histogram({ name: "size", help: "Size.", labels: ["path"] }, [1, 10]);
  for (const size of [0.5, 5, 50]) histogram.observe(size, "/a");
  const summary = new Summary({ name: "wait", help: "Wait." }, [0.5], { monotonic: () => 0 });
  summary.observe(2);
  return [counter, gauge, histogram, summary].map((each) => each.family());
}

/** `name{labels} value` of each series, sorted. */
function series(
  entries: Iterable<ReturnType<typeof textEntries> extends Iterable<infer Entry> ? Entry : never>,
): string[] {
  const found: string[] = [];
  for (const entry of entries)
    if (entry.kind === "sample") found.push(`${entry.labels().join(" ")} ${entry.value}`);
  return found.sort();
}

test("clientFamilies() tells in protobuf what the text tells", () => {
  const bytes = encodeMetricFamilies(clientFamilies(families(), 1000));
  const options = {
    ignoreNativeHistograms: true,
    keepClassicHistograms: false,
    convertClassicHistograms: false,
  };
  const text = new TextEncoder().encode(writeTextFormat(families()));
  assert.deepEqual(
    series(protobufEntries(bytes, options)),
    series(textEntries(new TextParser(text, { format: "text" }))),
  );
});

test("clientFamilies() has one metric for each set of labels, with the time since when it counts", () => {
  const decoded = decodeMetricFamilies(encodeMetricFamilies(clientFamilies(families(), 1000)));
  assert.deepEqual(
    decoded.map(({ name, type, metrics }) => [name, type, metrics.map((metric) => metric.startTimestampMs)]),
    [
      ["requests_total", "counter", [1000, 1000]],
      ["depth", "gauge", [0]],
      ["size", "histogram", [1000]],
      ["wait", "summary", [1000]],
    ],
  );
});

test("a histogram's native buckets are in protobuf, unless it is to have none", () => {
  const native = new Histogram({ name: "wait", help: "" }, [1]);
  const classic = new Histogram({ name: "size", help: "" }, [1], { classicOnly: true });
  for (const histogram of [native, classic]) histogram.observe(2);
  const decoded = decodeMetricFamilies(
    encodeMetricFamilies(clientFamilies([native.family(), classic.family()], 0)),
  );
  const [first, second] = decoded.map(({ metrics }) => metrics[0].histogram!);
  assert.equal(first.schema, 3);
  assert.deepEqual(first.positive, { spans: [{ offset: 8, length: 1 }], deltas: [1], counts: [] });
  assert.equal(first.buckets.length, 1);
  assert.deepEqual(second.positive.spans, []);
});
