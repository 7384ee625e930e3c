import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import { jaroWinklerScorer, subsequenceScorer, substringScorer } from "./search-scores.ts";

const TEXT =
  '# TYPE http_requests counter\n# HELP http_requests Requests.\nhttp_requests 1\nhttp_errors 2\ntemp{zone="eu"} 1\n';

async function searchable() {
  const it = await virtualPrometheus(scrapeConfigOf(""), {}, "search-api");
  await it.target("127.13.2.1", { text: TEXT });
  await it.clock.advance(1_000);
  const search = async (path: string) => {
    const { status, text } = await it.get(`/api/v1/search/${path}`);
    return {
      status,
      lines: text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    };
  };
  return { it, search };
}

test("search answers in batches and says whether there is more", async () => {
  const { it, search } = await searchable();
  const { lines } = await search(
    "metric_names?search[]=http&batch_size=1&include_metadata=true&include_score=true",
  );
  assert.deepEqual(lines, [
    { results: [{ name: "http_errors", score: 1 }] },
    { results: [{ name: "http_requests", score: 1, type: "counter", help: "Requests." }] },
    { status: "success", has_more: false },
  ]);
  const limited = await search("metric_names?search[]=http&limit=1");
  assert.deepEqual(limited.lines.at(-1), { status: "success", has_more: true });
  assert.deepEqual((await search("label_names?match[]=temp&search[]=zo")).lines[0], {
    results: [{ name: "zone" }],
  });
  assert.deepEqual((await search("label_values?label=zone")).lines[0], { results: [{ value: "eu" }] });
  assert.deepEqual((await search("metric_names?search[]=nothing")).lines[0], { results: [] });
  const byScore = await search("metric_names?search[]=rq&search[]=errors&sort_by=score&include_score=true");
  const scores = byScore.lines[0].results.map(({ score }: { score: number }) => score);
  assert.deepEqual(
    scores,
    [...scores].sort((a, b) => b - a),
  );
  assert.deepEqual(
    (await search("metric_names?match[]=http_errors&match[]=temp&sort_by=alpha&sort_dir=dsc")).lines[0],
    {
      results: [{ name: "temp" }, { name: "http_errors" }],
    },
  );
  await it.server.stop();
});

test("search refuses bad parameters in upstream's words", async () => {
  const { it, search } = await searchable();
  const cases: [query: string, error: string][] = [
    ["limit=0", 'invalid limit "0": must be a positive integer'],
    ["limit=10001", "limit 10001 exceeds the configured maximum (10000, see --web.search.max-limit)"],
    ["batch_size=x", 'invalid batch_size "x": must be a positive integer'],
    ["fuzz_threshold=101", 'invalid fuzz_threshold "101": must be 0-100'],
    ["fuzz_alg=x", 'unsupported fuzz_alg "x": must be one of [subsequence jarowinkler]'],
    ["case_sensitive=x", 'invalid case_sensitive "x": must be boolean'],
    ["sort_dir=asc", "sort_dir is only valid when sort_by is set"],
    ["sort_by=x", 'invalid sort_by "x" for metric_names: must be "alpha" or "score"'],
    ["sort_by=score", "sort_by=score requires search[] to be set"],
    ["start=2&end=1", "end timestamp must not be before start timestamp"],
    ["start=x", "invalid time value for 'start': cannot parse \"x\" to a valid timestamp"],
    [
      Array.from({ length: 33 }, () => "search[]=a").join("&"),
      "too many search[] terms: got 33, maximum is 32",
    ],
  ];
  for (const [query, error] of cases) {
    const { status, lines } = await search(`metric_names?${query}`);
    assert.deepEqual([status, lines[0].error], [400, error], query);
  }
  assert.equal((await search("label_values")).lines[0].error, 'missing required parameter "label"');
  await it.server.stop();
  const off = await virtualPrometheus("");
  assert.equal((await off.get("/api/v1/search/metric_names")).status, 500);
  await off.server.stop();
});

test("scores of what was searched for", () => {
  assert.equal(substringScorer("ab")("abc"), 1);
  assert.equal(substringScorer("b")("abc"), 1 - 0.9 / 2);
  assert.equal(substringScorer("x")("abc"), undefined);
  assert.equal(subsequenceScorer("ac", 0)("ac"), 1);
  // Two runs of one, a gap of one and nothing after them.
  assert.equal(subsequenceScorer("ac", 0)("abc"), ((2 - 1 / 3) / 4) * 0.999);
  assert.equal(subsequenceScorer("ac", 0.9)("abc"), undefined);
  assert.equal(subsequenceScorer("ca", 0)("abc"), undefined);
  assert.ok(Math.abs(jaroWinklerScorer("martha", 0.5)("marhta")! - 0.961111) < 1e-6);
  assert.equal(jaroWinklerScorer("martha", 0)("marhta"), undefined);
});
