import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { parseConfig } from "./config/load-config.ts";
import { parseFlags, walCompressionOf, walSegmentBytesOf } from "./flags.ts";
import { inertFlags, inertOptions } from "./inert-options.ts";

const of = (text: string) => inertOptions(parseConfig(text, { env: {}, log: silentLogger }));

test("inertOptions() names what was set and changes nothing", () => {
  assert.deepEqual(of(""), []);
  assert.deepEqual(of("remote_write: [{url: http://x}]"), []);
  assert.deepEqual(
    of(`
runtime: {gogc: 50}
storage: {tsdb: {stale_series_compaction_threshold: 0.5, retention: {percentage: 50}, chunk_encoding: {floats: xor2}}}
remote_write:
- url: http://x
  failed_request_logging: true
  queue_config: {max_shards: 3, min_shards: 2, capacity: 1}
`),
    [
      "runtime.gogc",
      "storage.tsdb.stale_series_compaction_threshold",
      "storage.tsdb.retention.percentage",
      "storage.tsdb.chunk_encoding.floats",
      "remote_write[0].queue_config.max_shards",
      "remote_write[0].queue_config.min_shards",
      "remote_write[0].queue_config.capacity",
      "remote_write[0].failed_request_logging",
    ],
  );
});

test("inertFlags() names what was given; the log's flags are real", () => {
  const flags = parseFlags(["--web.read-timeout=5m", "--storage.tsdb.path=x"]);
  assert.deepEqual(inertFlags(flags), ["--web.read-timeout"]);
  assert.equal(walCompressionOf(flags), "none");
  assert.equal(walCompressionOf(parseFlags(["--storage.tsdb.wal-compression"])), "snappy");
  assert.equal(walCompressionOf(parseFlags(["--no-storage.tsdb.wal-compression"])), "none");
  assert.equal(walSegmentBytesOf(flags), undefined);
  assert.equal(walSegmentBytesOf(parseFlags(["--storage.tsdb.wal-segment-size=10MB"])), 10 << 20);
  const small = parseFlags(["--storage.tsdb.wal-segment-size=9MB"]);
  assert.throws(() => walSegmentBytesOf(small), /must be set between 10MB and 256MB/);
  assert.throws(() => parseFlags(["--log.level=loud"]), /unrecognized log level loud/);
});
