import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../test/virtual-prometheus.ts";

async function lines(it: Awaited<ReturnType<typeof virtualPrometheus>>, path: string) {
  const text = new TextDecoder().decode(await it.disk.readFile(path));
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("scrapes that failed are told in scrape_failure_log_file", async () => {
  const it = await virtualPrometheus(scrapeConfigOf("scrape_failure_log_file: failed.log"));
  const body = { text: "a 1", status: 200 };
  await it.target("127.13.2.1", body);
  await it.clock.advance(10_500);
  assert.equal((await it.disk.readFile("/etc/failed.log")).length, 0);
  body.status = 500;
  await it.clock.advance(10_000);
  const [line] = await lines(it, "/etc/failed.log");
  assert.deepEqual(
    [line.level, line.msg, line.job_name, line.target],
    ["ERROR", "server returned HTTP status 500 Internal Server Error", "app", "http://127.13.2.1/metrics"],
  );
  await it.server.stop();
});

test("queries of clients and rules are told in query_log_file", async () => {
  const config = "global: {query_log_file: q.log, evaluation_interval: 10s}\nrule_files: [/etc/r.yml]";
  const rules = "groups: [{name: g, rules: [{record: two, expr: 1 + 1}]}]";
  const it = await virtualPrometheus(config, { "/etc/r.yml": rules });
  await it.get("/api/v1/query?query=1&time=1.5");
  await it.get("/api/v1/query_range?query=time()&start=0&end=60&step=30");
  await it.get("/api/v1/query?query=1%2B");
  const told = await lines(it, "/etc/q.log");
  assert.deepEqual(
    told.map(({ msg, params, httpRequest }) => [msg, params, httpRequest]),
    [
      [
        "promql query logged",
        { end: "1970-01-01T00:00:01.500Z", query: "1", start: "1970-01-01T00:00:01.500Z", step: 0 },
        { clientIP: "127.13.1.99", method: "GET", path: "/api/v1/query" },
      ],
      [
        "promql query logged",
        { end: "1970-01-01T00:01:00.000Z", query: "time()", start: "1970-01-01T00:00:00.000Z", step: 30 },
        { clientIP: "127.13.1.99", method: "GET", path: "/api/v1/query_range" },
      ],
    ],
  );
  assert.equal(typeof told[0].stats.timings.evalTotalTime, "number");
  await it.clock.advance(11_000);
  const [, , rule] = await lines(it, "/etc/q.log");
  assert.deepEqual([rule.params.query, rule.ruleGroup], ["1 + 1", { file: "/etc/r.yml", name: "g" }]);
  await it.server.stop();
});
