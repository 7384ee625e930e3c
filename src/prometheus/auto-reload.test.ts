import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualPrometheus } from "../../test/virtual-prometheus.ts";

test("auto-reload-config: a changed file is taken, a bad one is not, until it is mended", async () => {
  const main = "global: {external_labels: {a: one}}\nrule_files: [rules.yml]\n";
  const rules = (name: string) => `groups: [{name: ${name}, rules: [{record: r, expr: "1"}]}]`;
  const it = await virtualPrometheus(main, { "/etc/rules.yml": rules("first") }, "auto-reload-config");
  const config = async () => JSON.parse((await it.get("/api/v1/status/config")).text).data.yaml as string;
  const groups = async () =>
    JSON.parse((await it.get("/api/v1/rules")).text).data.groups.map((each: { name: string }) => each.name);
  assert.match(await config(), /a: one/);
  await it.disk.writeFile("/etc/prometheus.yml", main.replace("one", "two"));
  await it.clock.advance(29_000);
  assert.match(await config(), /a: one/);
  await it.clock.advance(2_000);
  assert.match(await config(), /a: two/);
  await it.disk.writeFile("/etc/prometheus.yml", "nonsense: 1");
  await it.clock.advance(31_000);
  assert.match(await config(), /a: two/);
  await it.disk.writeFile("/etc/prometheus.yml", main.replace("one", "three"));
  await it.disk.writeFile("/etc/rules.yml", rules("second"));
  await it.clock.advance(31_000);
  assert.match(await config(), /a: three/);
  assert.deepEqual(await groups(), ["second"]);
  await it.disk.writeFile("/etc/rules.yml", rules("third"));
  await it.clock.advance(31_000);
  assert.deepEqual(await groups(), ["third"]);
  await it.server.stop();
});
