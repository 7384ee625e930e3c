import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualPrometheus } from "../../../test/virtual-prometheus.ts";

const REMOTES = `
remote_write:
- url: http://127.0.0.1:1/a
- url: http://user:pass@127.0.0.1:1/c?x=1
  protobuf_message: io.prometheus.write.v2.Request
  basic_auth: {username: u, password: p}
- url: http://127.0.0.1:1/d
  name: mine
`;

test("remotes without a name are called by upstream's hash of their section, and no password is shown", async () => {
  const it = await virtualPrometheus(REMOTES);
  const { text } = await it.get("/metrics");
  const rows = text.split("\n").filter((line) => line.startsWith("prometheus_remote_storage_shards_max{"));
  assert.deepEqual(rows.sort(), [
    'prometheus_remote_storage_shards_max{remote_name="95de3e",url="http://user:xxxxx@127.0.0.1:1/c?x=1"} 50',
    'prometheus_remote_storage_shards_max{remote_name="e8bfd6",url="http://127.0.0.1:1/a"} 50',
    'prometheus_remote_storage_shards_max{remote_name="mine",url="http://127.0.0.1:1/d"} 50',
  ]);
  const config = (await it.get("/api/v1/status/config")).text;
  assert.doesNotMatch(config, /user:pass/);
  assert.match(config, /user:xxxxx@127/);
  await it.server.stop();
});

test("remotes that differ in nothing but a secret are refused", async () => {
  const twice = `
remote_write:
- url: http://u:a@127.0.0.1:1/a
- url: http://u:b@127.0.0.1:1/a
`;
  await assert.rejects(
    virtualPrometheus(twice),
    /duplicate remote write configs are not allowed, found duplicate for URL: http:\/\/u:xxxxx@127\.0\.0\.1:1\/a/,
  );
});
