import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Disk, systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import type { Machine } from "../../base/machine.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { command } from "./command.ts";

/** Runs promtool on files in memory; answers its exit code, what it printed, and of that what went to standard error. */
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
  let errors = "";
  const machine = {
    clock,
    disk,
    network: network.host("127.13.3.2"),
    random: seededRandom(1),
    env: {},
    log: silentLogger,
    print: (text: string) => void (printed += text),
    printError(text: string) {
      printed += text;
      errors += text;
    },
  } as unknown as Machine;
  return { code: await command(args, machine), printed, errors, disk };
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
  const check = (text: string, ...flags: string[]) =>
    promtool(["check", "rules", ...flags, "/r.yml"], { "/r.yml": text });
  const remarked = await check(twice);
  assert.deepEqual([remarked.code, (await check(twice, "--lint-fatal")).code], [0, 3]);
  assert.equal(
    remarked.printed,
    "Checking /r.yml\n  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: a\nLabel(s):\n" +
      "Might cause inconsistency while recording expressions\n\n",
  );
  assert.equal((await check(twice, "--lint=none")).printed, "Checking /r.yml\n  SUCCESS: 2 rules found\n\n");
  const bad = await check("groups:\n- name: g\n  rules:\n  - {alert: a, record: b, expr: up}\n");
  assert.deepEqual(
    [bad.code, bad.printed],
    [
      1,
      `Checking /r.yml\n  FAILED:\n/r.yml: 4:24: 4:13: group "g", rule 1, "a": only one of 'record' and 'alert' must be set\n`,
    ],
  );
  const none = await promtool(["check", "rules", "/none"]);
  assert.deepEqual(
    [none.code, none.errors],
    [1, "promtool: error: path '/none' does not exist, try --help\n"],
  );
});

test("promtool check metrics reads both text formats", async () => {
  const cases: [text: string, code: number, printed: RegExp][] = [
    ["# HELP a_total x\n# TYPE a_total counter\na_total 1\n", 0, /^$/],
    ["# TYPE a counter\na 1\n", 3, /a counter metrics should have "_total" suffix\na no help text/],
    ["a{\n", 1, /^error while linting: text format parsing error in line 1: /],
    ["# HELP a x\n# HELP a x\na 1\n", 1, /line 2: second HELP line for metric name "a"\n$/],
    [
      "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\na_ms 2\n",
      3,
      /^a_ms metric names should not contain abbreviated units\na_ms metric not unique\n$/,
    ],
    ['# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', 0, /^$/],
    ['# TYPE h histogram\nh_bucket{le="1"} -1\n', 1, /negative bucket population for histogram "h"/],
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
  assert.match((await promtool(["tsdb", "list", "/nowhere"])).errors, /no such file or directory/);
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
  assert.equal(good.printed, "  SUCCESS\n\n");
  const bad = await promtool(["test", "rules", "/t.yml"], { "/rules.yml": rules, "/t.yml": test_(9) });
  assert.equal(bad.code, 1);
  assert.equal(
    bad.printed,
    '  FAILED:\n    expr: "doubled", time: 3m,\n        exp: {__name__="doubled", x="1"} 9E+00\n' +
      '        got: {__name__="doubled", x="1"} 8E+00\n\n\n',
  );
});

test("promtool test rules says where a series goes wrong, in the lexer's words or in the parser's", async () => {
  const cases: [series: string, values: string, complaint: string][] = [
    ['a{x="1"', "5", "2:9: parse error: unexpected character inside braces: '5'"],
    ["a{x=y}", "1", '2:5: parse error: unexpected identifier "y" in label set, expected string'],
    ["a", "7x", "2:5: parse error: unexpected end of input in series values"],
    ["a", "-x3", '2:4: parse error: unexpected "x" in series values'],
    ["a", "{{odd:1}}", '2:5: parse error: bad histogram descriptor found: "odd"'],
    ["a", "1 2y", '2:5: parse error: bad number syntax: "2"'],
    ["", "1x3", '2:1: parse error: unexpected number "1" in series values'],
    // No store takes these.
    [
      "a",
      "{{schema:9}}",
      "invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 9\n",
    ],
    ['a{b="1",b="2"}', "1", 'label name "b" is not unique: invalid sample\n'],
    ["{}", "1", "empty labelset: invalid sample\n"],
  ];
  for (const [series, values, complaint] of cases) {
    const file = `tests:\n- input_series: [{series: '${series}', values: '${values}'}]\n  promql_expr_test: [{expr: a, eval_time: 0}]\n`;
    const { code, printed, errors } = await promtool(["test", "rules", "/t.yml"], { "/t.yml": file });
    assert.equal(code, 1);
    assert.ok(`${printed}${errors}`.includes(complaint), `${series} ${values}: ${printed}${errors}`);
  }
});

test("promtool without a subcommand shows what there is", async () => {
  const help = await promtool([]);
  assert.equal(help.code, 0);
  assert.match(help.printed, /topology promtool tsdb create-blocks-from openmetrics/);
  assert.equal((await promtool(["tsdb", "explode"])).code, 1);
});

test("promtool complains of its command line as upstream does", async () => {
  const cases: [args: string[], complaint: string][] = [
    [["tsdb"], "must select a subcommand of 'tsdb'"],
    [["tsdb", "explode"], 'expected command but got "explode"'],
    [["check", "rules", "--loud"], "unknown long flag '--loud'"],
    [["check", "config", "-x"], "unknown short flag '-x'"],
    [["check", "rules", "--lint"], "expected argument for flag '--lint'"],
    [["check", "rules", "--lint=all", "--lint=all"], "flag 'lint' cannot be repeated"],
    [["query", "instant"], "required argument 'server' not provided"],
    [["query", "instant", "u", "1", "2"], "unexpected 2"],
    [["query", "series", "u"], "required flag(s) '--match' not provided"],
    [["query", "-o", "xml", "instant", "u", "1"], "enum value must be one of promql,json, got 'xml'"],
    [["tsdb", "dump", "--min-time=x"], 'strconv.ParseInt: parsing "x": invalid syntax'],
  ];
  for (const [args, complaint] of cases) {
    const { code, errors } = await promtool(args);
    assert.deepEqual([code, errors], [1, `promtool: error: ${complaint}, try --help\n`]);
  }
});

test("promtool takes flags before, among and behind the words of a subcommand", async () => {
  const server = "http://127.13.3.1:9090";
  const json = '[{"metric":{"__name__":"up","job":"a"},"value":[1.5,"1"]}]\n';
  for (const args of [
    ["query", "-o", "json", "instant", server, "up"],
    ["query", "instant", server, "up", "--format=json"],
    [
      "--enable-feature",
      "promql-experimental-functions",
      "query",
      "--format",
      "json",
      "instant",
      server,
      "up",
    ],
  ]) {
    assert.equal((await promtool(args)).printed, json);
  }
});

test("promtool test rules --diff marks what differs", async () => {
  const files = {
    "/rules.yml": "groups: [{name: g, rules: [{alert: Down, expr: up == 0, labels: {team: a}}]}]",
    "/t.yml": `
rule_files: [rules.yml]
tests:
- input_series: [{series: 'up{job="x"}', values: "0"}]
  alert_rule_test:
  - {eval_time: 0m, alertname: Down, exp_alerts: [{exp_labels: {job: x, team: b, extra: "1"}}]}
`,
  };
  const { code, errors } = await promtool(["test", "rules", "--diff", "/t.yml"], files);
  assert.equal(code, 1);
  assert.match(errors, /\n {8}diff: \[\n {16}\{\n {20}"Annotations": \{\},\n/);
  assert.ok(errors.includes('\x1b[0;31m"extra": "1"\x1b[0m'));
  assert.ok(errors.includes('"team": \x1b[0;33m"b" => "a"\x1b[0m'));
});
