import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Disk, systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import type { Machine } from "../../base/machine.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryDisk } from "../../simulation/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual-network.ts";
import { command } from "./command.ts";

/** Runs promtool on files in memory; answers its exit code and what it printed. */
async function promtool(args: string[], files: Record<string, string> = {}, disk: Disk = new MemoryDisk()) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  await network.host("127.13.3.1").serve({ host: "127.13.3.1", port: 9090 }, () => ({
    status: 200,
    body: JSON.stringify({
      status: "success",
      data: { resultType: "vector", result: [{ metric: { __name__: "up", job: "a" }, value: [1.5, "1"] }] },
    }),
  }));
  for (const [path, text] of Object.entries(files)) await disk.writeFile(path, text);
  let printed = "";
  const machine = {
    clock,
    disk,
    network: network.host("127.13.3.2"),
    random: seededRandom(1),
    env: {},
    log: silentLogger,
    print: (text: string) => void (printed += text),
  } as unknown as Machine;
  return { code: await command(args, machine), printed, disk };
}

test("promtool check config judges the configuration and the rules that it names", async () => {
  const files = {
    "/a.yml": "rule_files: [r*.yml]\nscrape_configs: [{job_name: a}]",
    "/r1.yml": "groups: [{name: g, rules: [{record: a, expr: up}]}]",
    "/b.yml": "nonsense: 1",
  };
  const good = await promtool(["check", "config", "/a.yml"], files);
  assert.equal(good.code, 0);
  assert.match(
    good.printed,
    /1 rule files found\n SUCCESS: \/a.yml is valid.*\n\nChecking \/r1.yml\n {2}SUCCESS: 1 rules found/,
  );
  const bad = await promtool(["check", "config", "/b.yml"], files);
  assert.equal(bad.code, 1);
  assert.match(
    bad.printed,
    /FAILED: parsing YAML file \/b.yml: yaml: unmarshal errors:\n {2}line 1: field nonsense not found/,
  );
});

test("promtool check rules names what is wrong, duplicates included", async () => {
  const twice = "groups: [{name: g, rules: [{record: a, expr: up}, {record: a, expr: up}]}]";
  assert.equal((await promtool(["check", "rules", "/r.yml"], { "/r.yml": twice })).code, 1);
  const bad = await promtool(["check", "rules", "/r.yml"], {
    "/r.yml": "groups: [{name: g, rules: [{expr: up}]}]",
  });
  assert.match(bad.printed, /one of 'record' or 'alert' must be set/);
});

test("promtool check metrics reads both text formats", async () => {
  const cases: [text: string, code: number, printed: RegExp][] = [
    ["# HELP a_total x\n# TYPE a_total counter\na_total 1\n", 0, /^$/],
    ["# TYPE a counter\na 1\n", 3, /a counter metrics should have "_total" suffix\na no help text/],
    ["a{\n", 1, /error while linting/],
    ["# TYPE a gauge\na 1\n# EOF\n", 0, /^$/],
    ["# TYPE a counter\na_total -1\n# EOF\n", 1, /counts are not negative/],
  ];
  for (const [text, code, printed] of cases) {
    const result = await promtool(["check", "metrics", "/m"], { "/m": text });
    assert.equal(result.code, code, text);
    assert.match(result.printed, printed);
  }
});

test("promtool query instant prints a server's answer", async () => {
  const { code, printed } = await promtool(["query", "instant", "http://127.13.3.1:9090", "up"]);
  assert.equal(code, 0);
  assert.equal(printed, 'up{job="a"} => 1 @[1.5]\n');
});

test("promtool tsdb makes blocks from OpenMetrics, lists, analyses and dumps them", async () => {
  const start = Date.UTC(2025, 0, 1) / 1000;
  const lines = [0, 60, 7200].map((seconds) => `a{b="c"} ${seconds} ${start + seconds}\n`);
  // A real disk: blocks are made by renaming their directories.
  const directory = await mkdtemp(join(tmpdir(), "promtool-"));
  const [file, data] = [join(directory, "m"), join(directory, "data")];
  const made = await promtool(
    ["tsdb", "create-blocks-from", "openmetrics", file, data],
    { [file]: `${lines.join("")}# EOF\n` },
    systemDisk,
  );
  assert.equal(made.code, 0);
  assert.equal(made.printed.split("\n").length, 4);
  const dump = await promtool(["tsdb", "dump", data], {}, systemDisk);
  assert.equal(
    dump.printed,
    [0, 60, 7200].map((s) => `{__name__="a", b="c"} ${s} ${(start + s) * 1000}\n`).join(""),
  );
  const analyze = await promtool(["tsdb", "analyze", data], {}, systemDisk);
  assert.match(analyze.printed, /Total Series: 1\nLabel names: 2\n/);
  await rm(directory, { recursive: true });
  await assert.rejects(promtool(["tsdb", "list", "/nowhere"]), /no such file or directory/);
});

test("promtool test rules compares alerts and expressions", async () => {
  const rules = `groups: [{name: g, rules: [
    {record: doubled, expr: a * 2},
    {alert: Many, expr: a > 3, for: 1m, labels: {severity: page}, annotations: {text: "{{ $value }} of {{ $labels.x }}"}}]}]`;
  const test_ = (value: number) => `
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series: [{series: 'a{x="1"}', values: "1+1x10"}]
  alert_rule_test:
  - {eval_time: 2m, alertname: Many}
  - {eval_time: 5m, alertname: Many, exp_alerts: [{exp_labels: {x: 1, severity: page}, exp_annotations: {text: "6 of 1"}}]}
  promql_expr_test:
  - {expr: doubled, eval_time: 3m, exp_samples: [{labels: 'doubled{x="1"}', value: ${value}}]}
`;
  const good = await promtool(["test", "rules", "/t.yml"], { "/rules.yml": rules, "/t.yml": test_(8) });
  assert.equal(good.printed, "Unit Testing:  /t.yml\n  SUCCESS\n\n");
  const bad = await promtool(["test", "rules", "/t.yml"], { "/rules.yml": rules, "/t.yml": test_(9) });
  assert.equal(bad.code, 1);
  assert.match(bad.printed, /expr: "doubled", time: 3m/);
});

test("promtool without a subcommand shows what there is", async () => {
  const help = await promtool([]);
  assert.equal(help.code, 0);
  assert.match(help.printed, /topology promtool tsdb create-blocks-from openmetrics/);
  assert.equal((await promtool(["tsdb", "explode"])).code, 2);
});
