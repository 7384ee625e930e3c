/** The commands that ask a server, or send to one, on a network in memory. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { type Disk, systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import type { Machine } from "../../base/machine.ts";
import { type HttpHandler, readBody } from "../../base/network.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { decodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { decodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyDecompress } from "../../wire/snappy.ts";
import { command } from "./command.ts";

const SERVER = "http://127.13.3.3:9090";

/** Runs promtool beside a server that answers with `handler`. */
async function beside(handler: HttpHandler, args: string[], disk: Disk = new MemoryDisk()) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  await network.host("127.13.3.3").serve({ host: "127.13.3.3", port: 9090 }, handler);
  let [printed, errors] = ["", ""];
  const machine = {
    clock,
    disk,
    network: network.host("127.13.3.4"),
    random: seededRandom(1),
    env: {},
    log: silentLogger,
    signal: new AbortController().signal,
    print: (text: string) => void (printed += text),
    printError: (text: string) => void (errors += text),
  } as unknown as Machine;
  const run = command(args, machine);
  // What a real disk does takes real time, of which the clock knows nothing.
  const code = await (disk === systemDisk ? run : clock.runUntil(run));
  return { code, printed, errors };
}

function answer(resultType: string, result: unknown) {
  return { status: 200, body: JSON.stringify({ status: "success", data: { resultType, result } }) };
}

test("promtool check healthy|ready asks the server, with what the HTTP configuration says", async () => {
  const seen: (string | undefined)[][] = [];
  const handler: HttpHandler = ({ target, headers }) => {
    seen.push([target, headers.authorization]);
    return target === "/-/ready" ? { status: 503, body: "no" } : { status: 200, body: "Healthy.\n" };
  };
  const good = await beside(handler, ["check", "healthy", `--url=${SERVER}/`]);
  assert.deepEqual(good, { code: 0, printed: "", errors: "  SUCCESS:  Healthy.\n\n" });
  const bad = await beside(handler, ["check", "ready", `--url=${SERVER.replace("//", "//a:b@")}`]);
  assert.deepEqual([bad.code, bad.errors], [1, `check failed: URL=${SERVER}, status=503\n`]);
  const disk = new MemoryDisk();
  await disk.writeFile("/secret", "s3");
  await disk.writeFile("/http.yml", "authorization: {credentials_file: secret}");
  const flag = "--http.config.file=/http.yml";
  await beside(handler, ["check", "healthy", `--url=${SERVER}`, flag], disk);
  await disk.writeFile("/http.yml", "nonsense: 1");
  const refused = await beside(handler, ["query", "instant", flag, SERVER, "up"], disk);
  assert.match(refused.errors, /^promtool: error: Failed to load HTTP config file: .*nonsense not found/s);
  assert.deepEqual(seen, [
    ["/-/healthy", undefined],
    ["/-/ready", "Basic YTpi"],
    ["/-/healthy", "Bearer s3"],
  ]);
});

test("promtool query analyze counts the buckets that are in use", async () => {
  const bucket = (le: string, ...values: number[]) => ({
    metric: { __name__: "h_bucket", job: "a", le },
    values: values.map((value, i) => [i, String(value)]),
  });
  const native = (...bounds: number[]) => ({
    count: "1",
    sum: "1",
    buckets: bounds.map((bound) => [0, String(bound), String(bound + 1), "1"]),
  });
  const histograms = [
    [0, native(1)],
    [1, native(1, 2)],
  ];
  const rows = [
    bucket("+Inf", 3, 4),
    bucket("1", 1, 1),
    bucket("2", 1, 2),
    { metric: { __name__: "n" }, histograms },
  ];
  const args = ["query", "analyze", `--server=${SERVER}`, "--type=histogram", "--match=x"];
  const { code, printed } = await beside(() => answer("matrix", rows), args);
  assert.equal(code, 0);
  assert.match(printed, /\n- n \(native\): 1\/1\.500\/2\n- h_bucket\{job="a"\} \(classic\): 2\/2\.500\/3\n/);
  assert.match(printed, /\nNative histogram series \(1 in total\):\n- min populated: 1\/1\.000\/1\n/);
  const wrong = await beside(() => answer("vector", []), args);
  assert.deepEqual([wrong.code, wrong.errors], [1, "query of buckets resulted in non-Matrix\n"]);
});

test("promtool push metrics sends samples and metadata, again while the server is busy", async () => {
  const text =
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\nb{job="x"} 5 1000\n';
  for (const [message, decode] of [
    ["prometheus.WriteRequest", decodeWriteRequestV1],
    ["io.prometheus.write.v2.Request", decodeWriteRequestV2],
  ] as const) {
    const disk = new MemoryDisk();
    await disk.writeFile("/m", text);
    const bodies: Uint8Array[] = [];
    const handler: HttpHandler = async ({ body }) => {
      bodies.push(await readBody(body));
      return { status: bodies.length === 1 ? 503 : 204 };
    };
    const args = ["push", "metrics", SERVER, "/m", `--protobuf_message=${message}`];
    const { code, printed } = await beside(handler, args, disk);
    assert.equal(printed, "Parsing metrics file /m\n  SUCCESS: metrics file /m pushed to remote write.\n");
    assert.deepEqual([code, bodies.length], [0, 2]);
    const { series } = decode(snappyDecompress(bodies[1], 1 << 20));
    assert.deepEqual(
      series.map(({ labels, samples }) => [String(labels), samples[0].value]),
      [
        ['{__name__="b", exported_job="x", job="promtool"}', 5],
        ['{__name__="h_bucket", job="promtool", le="1"}', 1],
        ['{__name__="h_bucket", job="promtool", le="+Inf"}', 2],
        ['{__name__="h_sum", job="promtool"}', 3],
        ['{__name__="h_count", job="promtool"}', 2],
      ],
    );
    assert.equal(series[0].samples[0].timestampMs, 1000);
  }
  const disk = new MemoryDisk();
  await disk.writeFile("/m", "a{");
  const bad = await beside(() => ({ status: 204 }), ["push", "metrics", SERVER, "/m"], disk);
  assert.equal(bad.code, 1);
  assert.match(bad.errors, /^ {2}FAILED: text format parsing error in line 1: /);
});

test("promtool tsdb create-blocks-from rules records what rules would have", async () => {
  const directory = await mkdtemp(join(tmpdir(), "promtool-rules-"));
  const [rules, data] = [join(directory, "r.yml"), join(directory, "data")];
  await systemDisk.writeFile(
    rules,
    `groups: [{name: g, interval: 60s, labels: {team: a}, rules: [
      {record: doubled, expr: 2 * a, labels: {job: b}}, {alert: Never, expr: a}]}]`,
  );
  const questions: URLSearchParams[] = [];
  const handler: HttpHandler = async ({ body }) => {
    const question = new URLSearchParams(new TextDecoder().decode(await readBody(body)));
    questions.push(question);
    const values = [[Number(question.get("start")), "4"]];
    return answer("matrix", [{ metric: { job: "x", pod: "y" }, values }]);
  };
  const args = ["tsdb", "create-blocks-from", "rules", "--start=7000", "--end=7500", `--url=${SERVER}`];
  const { code } = await beside(handler, [...args, `--output-dir=${data}`, rules], systemDisk);
  assert.equal(code, 0);
  // A block ends at 7200 s; every slot of the group is as far behind the minute.
  assert.deepEqual(
    questions.map((each) => [each.get("query"), Number(each.get("end")), each.get("step")]),
    [
      ["2 * a", 7199, "60"],
      ["2 * a", 7500, "60"],
    ],
  );
  const [first, second] = questions.map((each) => Number(each.get("start")));
  assert.ok(first >= 7000 && first < 7060 && second >= 7200 && second < 7260);
  assert.equal((second - first) % 60, 0);
  const dump = await beside(handler, ["tsdb", "dump", data], systemDisk);
  assert.equal(
    dump.printed,
    [first, second]
      .map((time) => `{__name__="doubled", job="b", pod="y", team="a"} 4 ${time * 1000}\n`)
      .join(""),
  );
  const backwards = await beside(handler, [...args.slice(0, 3), "--start=2", "--end=1", rules], systemDisk);
  assert.equal(backwards.errors, "start time is not before end time\n");
  await rm(directory, { recursive: true });
});

test("promtool debug metrics leaves an archive, and profiles are refused where there are none", async () => {
  const disk = new MemoryDisk();
  const handler: HttpHandler = ({ target }) =>
    target === "/metrics" ? { status: 200, body: "a 1\n" } : { status: 404, body: "" };
  const { code, printed } = await beside(handler, ["debug", "metrics", SERVER], disk);
  assert.deepEqual(
    [code, printed],
    [
      0,
      `collecting: ${SERVER}/metrics\nCompiling debug information complete, all files written in "debug.tar.gz".\n`,
    ],
  );
  const archive = gunzipSync(await disk.readFile("debug.tar.gz"));
  assert.equal(archive.length % 512, 0);
  assert.equal(archive.subarray(0, 11).toString(), "metrics.txt");
  assert.equal(archive.subarray(512, 516).toString(), "a 1\n");
  const profiles = await beside(handler, ["debug", "all", SERVER], disk);
  assert.equal(profiles.code, 1);
  assert.match(profiles.errors, /^error completing debug command: the server has no profiles/);
});

test("promtool check service-discovery tells what relabelling makes of the targets", async () => {
  const disk = new MemoryDisk();
  await disk.writeFile(
    "/p.yml",
    `scrape_configs:
- job_name: j
  static_configs: [{targets: ["a:1", "b:1", "a:1"]}]
  relabel_configs: [{source_labels: [__address__], regex: "b.*", action: drop}]`,
  );
  const check = (...args: string[]) =>
    beside(() => ({ status: 404 }), ["check", "service-discovery", "/p.yml", ...args], disk);
  const { code, printed } = await check("j", "--timeout=1s");
  assert.equal(code, 0);
  const [kept, dropped, ...rest] = JSON.parse(printed);
  assert.deepEqual([kept.labels.instance, kept.discoveredLabels.__address__, rest], ["a:1", "a:1", []]);
  assert.deepEqual([dropped.labels, dropped.discoveredLabels.__address__], [{}, "b:1"]);
  assert.equal((await check("k")).errors, "Job k not found. Select one of:\n\tj\n");
});

test("promtool check web-config reads the file and what it names", async () => {
  const hash = `$2y$10$${"a".repeat(53)}`;
  const cases: [yaml: string, verdict: string][] = [
    ["", "SUCCESS"],
    [`basic_auth_users: {a: "${hash}"}`, "SUCCESS"],
    ["basic_auth_users: {a: b}", "FAILED: crypto/bcrypt: hashedSecret too short to be a bcrypted password"],
    ["tls_server_config: {cert_file: c.pem}", "FAILED: missing one of key or key_file"],
    ["http_server_config: {headers: {X-A: b}}", 'FAILED: HTTP header "X-A" can not be configured'],
    ["a: 1", "FAILED: yaml: unmarshal errors:\n  line 1: field a not found in type web.Config"],
  ];
  for (const [yaml, verdict] of cases) {
    const disk = new MemoryDisk();
    await disk.writeFile("/w.yml", yaml);
    const { code, errors } = await beside(() => ({ status: 404 }), ["check", "web-config", "/w.yml"], disk);
    assert.deepEqual([code, errors], [verdict === "SUCCESS" ? 0 : 1, `/w.yml ${verdict}\n`]);
  }
});

test("promtool promql lays out and edits expressions", async () => {
  const edit = async (...args: string[]) => {
    const { printed, errors } = await beside(() => ({ status: 404 }), ["promql", ...args]);
    return printed + errors;
  };
  const query = 'sum(a{b="c"})/d';
  assert.equal(await edit("--experimental", "format", query), 'sum(a{b="c"}) / d\n');
  assert.equal(
    await edit("--experimental", "label-matchers", "set", "-t", "=~", query, "b", "x|y"),
    'sum(a{b=~"x|y"}) / d{b=~"x|y"}\n',
  );
  assert.equal(await edit("--experimental", "label-matchers", "delete", query, "b"), "sum(a) / d\n");
  assert.match(await edit("format", query), /^This command is experimental and requires/);
});

test("promtool tsdb bench write fills a store and says how fast", async () => {
  const directory = await mkdtemp(join(tmpdir(), "promtool-bench-"));
  const [file, out] = [join(directory, "s.json"), join(directory, "out")];
  await systemDisk.writeFile(file, '{"__name__":"a","b":"c"}\n{"__name__":"a","b":"d"}\n{"__name__":"e"}\n');
  const args = ["tsdb", "bench", "write", `--out=${out}`, "--metrics=2", "--scrapes=150", file];
  const { code, printed } = await beside(() => ({ status: 404 }), args, systemDisk);
  assert.equal(code, 0);
  // The number of scrapes is rounded up to hundreds.
  assert.match(printed, /\ningestion completed\n.* > total samples: 400\n > samples\/sec: /s);
  const dump = await beside(() => ({ status: 404 }), ["tsdb", "dump", join(out, "storage")], systemDisk);
  assert.equal(dump.printed.split("\n").length, 401);
  await rm(directory, { recursive: true });
});
