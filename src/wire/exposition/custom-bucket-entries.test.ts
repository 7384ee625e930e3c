import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTestHistogram } from "../../model/histogram-format.ts";
import { customBucketEntries } from "./custom-bucket-entries.ts";
import { textEntries } from "./scraped-entry.ts";
import { TextParser } from "./text-parser.ts";

function read(text: string, keepClassic = false): string[] {
  const parser = new TextParser(Buffer.from(text), { format: "text" });
  return Array.from(customBucketEntries(textEntries(parser), keepClassic), (entry) => {
    if (entry.kind !== "sample") return `${entry.kind} ${entry.metricName}`;
    const [, name, ...rest] = entry.labels();
    const value = entry.histogram === undefined ? entry.value : formatTestHistogram(entry.histogram);
    return `${name}{${rest}} ${value}`;
  });
}

const SERIES = `h_bucket{a="1",le="1"} 1
h_bucket{a="1",le="2"} 3
h_bucket{a="1",le="+Inf"} 4
h_sum{a="1"} 7
h_count{a="1"} 4
`;
const NATIVE = "h{a,1} {{schema:-53 count:4 sum:7 custom_values:[1 2] buckets:[1 2 1]}}";

test("customBucketEntries() makes one native histogram of the series of a classic one", () => {
  assert.deepEqual(read(`# TYPE h histogram\n${SERIES}other 1\n`), ["type h", NATIVE, "other{} 1"]);
  assert.deepEqual(read(`# TYPE h histogram\n${SERIES}${SERIES.replaceAll('a="1"', 'a="2"')}`), [
    "type h",
    NATIVE,
    NATIVE.replace("a,1", "a,2"),
  ]);
  assert.deepEqual(read(`# TYPE h histogram\n${SERIES}# TYPE b gauge\nb 1\n`), [
    "type h",
    NATIVE,
    "type b",
    "b{} 1",
  ]);
});

test("customBucketEntries() keeps the classic series on request", () => {
  const entries = read(`# TYPE h histogram\n${SERIES}`, true);
  assert.equal(entries.length, 7);
  assert.equal(entries[1], "h_bucket{a,1,le,1.0} 1");
  assert.equal(entries[6], NATIVE);
});

test("customBucketEntries() leaves alone what is no histogram by its type, and drops one that does not add up", () => {
  assert.equal(read(SERIES).length, 5);
  assert.equal(read(`# TYPE h summary\n${SERIES}`).length, 6);
  assert.deepEqual(read(`# TYPE h histogram\n${SERIES.replace("} 3", "} 0")}`), ["type h"]);
  assert.deepEqual(read(`# TYPE h histogram\n${SERIES.replace('h_count{a="1"} 4', 'h_count{a="1"} 5')}`), [
    "type h",
  ]);
});
