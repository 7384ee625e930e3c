import assert from "node:assert/strict";
import { test } from "node:test";
import { KEPT_SCRAPES, MAX_METADATA_PER_TARGET, TargetMetadata } from "./target-metadata.ts";

test("a metric that is gone is described for ten more scrapes that are complete", () => {
  const metadata = new TargetMetadata();
  metadata.set("help", "old", "H");
  metadata.end(true);
  for (let scrape = 0; scrape < KEPT_SCRAPES; scrape++) {
    metadata.set("type", "new", "gauge");
    metadata.end(true);
  }
  assert.deepEqual(metadata.get("old")?.help, "H");
  metadata.end(false);
  assert.equal(metadata.size, 2);
  metadata.end(true);
  assert.deepEqual(
    [...metadata].map(([metric]) => metric),
    ["new"],
  );
});

test("so many metrics of a target are described and no more", () => {
  const metadata = new TargetMetadata();
  for (let i = 0; i <= MAX_METADATA_PER_TARGET; i++) metadata.set("help", `m${i}`, "H");
  assert.equal(metadata.size, MAX_METADATA_PER_TARGET);
  metadata.set("type", "m0", "gauge");
  assert.equal(metadata.get("m0")?.type, "gauge");
});
