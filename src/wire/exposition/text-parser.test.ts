import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { ExpositionError } from "./exposition-error.ts";
import { type MetricFamily, writeOpenMetrics, writeTextFormat } from "./exposition-writer.ts";
import { MAX_EXPLAINED_BYTES } from "./text-error.ts";
import { type ExpositionFormat, TextParser } from "./text-parser.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Everything in a body, in a form that is easy to compare. */
function entries(body: string | Uint8Array, format: ExpositionFormat): unknown[] {
  const parser = new TextParser(typeof body === "string" ? bytesOf(body) : body, { format });
  const found: unknown[] = [];
  for (;;) {
    const kind = parser.next();
    if (kind === "end") return found;
    if (kind === "series") {
      const time = parser.hasTimestamp ? parser.timestampMs : undefined;
      found.push([
        parser.labels().slice(1),
        parser.value,
        time,
        ...(parser.exemplar ? [parser.exemplar] : []),
      ]);
    } else if (kind !== "comment") found.push([kind, parser.metricName, parser.text]);
  }
}

test("TextParser reads the Prometheus text format", () => {
  const cases: [text: string, expected: unknown[]][] = [
    ["a 1", [[["a"], 1, undefined]]],
    [
      "a 1 123\n\n  \t\nb 2\n",
      [
        [["a"], 1, 123],
        [["b"], 2, undefined],
      ],
    ],
    ['a\t{ b = "c" , }\t-0.5e3\t7 \n', [[["a", "b", "c"], -500, 7]]],
    ['{"a.b",c="d"} 1', [[["a.b", "c", "d"], 1, undefined]]],
    ['a{"c d"="e"} +Inf', [[["a", "c d", "e"], Number.POSITIVE_INFINITY, undefined]]],
    [String.raw`a{b="x\\y\"z\nw\q"} 1`, [[["a", "b", 'x\\y"z\nw\\q'], 1, undefined]]],
    [
      "# HELP a some \\\\ help\\n\n# TYPE a untyped\n#comment\n# other\na 1",
      [
        ["help", "a", "some \\ help\n"],
        ["type", "a", "untyped"],
        [["a"], 1, undefined],
      ],
    ],
    [
      "a 1.7976931348623157e308\nb 123456789012345678\nc .5\nd 5.",
      [
        [["a"], Number.MAX_VALUE, undefined],
        [["b"], 123456789012345680, undefined],
        [["c"], 0.5, undefined],
        [["d"], 5, undefined],
      ],
    ],
    ["", []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(entries(text, "text"), expected, text);
});

test("TextParser reads OpenMetrics with exemplars and units", () => {
  const text =
    '# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\\"y\na_seconds_total{b="c"} 1 1.5 # {trace_id="ab"} 0.5 2.25\nb 2 # {} 1\n# EOF';
  assert.deepEqual(entries(text, "openmetrics"), [
    ["type", "a_seconds", "counter"],
    ["unit", "a_seconds", "seconds"],
    ["help", "a_seconds", 'x"y'],
    [["a_seconds_total", "b", "c"], 1, 1500, { labels: ["trace_id", "ab"], value: 0.5, timestampMs: 2250 }],
    [["b"], 2, undefined, { labels: [], value: 1, timestampMs: undefined }],
  ]);
});

test("TextParser passes over _created samples when asked to", () => {
  const text = "# TYPE a counter\na_total 1\na_created 5\n# TYPE b gauge\nb_created 1\n# EOF\n";
  const parser = new TextParser(bytesOf(text), { format: "openmetrics", skipCreated: true });
  const names: string[] = [];
  for (let kind = parser.next(); kind !== "end"; kind = parser.next())
    if (kind === "series") names.push(parser.labels()[1]);
  assert.deepEqual(names, ["a_total", "b_created"]);
});

test("TextParser rejects malformed text in upstream's words", () => {
  const cases: [text: string, message: string][] = [
    ["a", 'expected value after metric, got "\\n" ("INVALID") while parsing: "a\\n"'],
    ["a{b='c'} 1\n", 'expected label value, got "\'" ("INVALID") while parsing: "a{b=\'"'],
    ['a{b=\n"c"} 1\n', 'expected label value, got "\\n" ("INVALID") while parsing: "a{b=\\n"'],
    ['a{\xff="foo"} 1\n', "expected label name"],
    ["a true\n", 'strconv.ParseFloat: parsing "true": invalid syntax while parsing: "a true"'],
    [
      'empty_label_name{=""} 0',
      'expected label name, got "=\\"" ("EQUAL") while parsing: "empty_label_name{=\\""',
    ],
    ["foo 1_2\n", 'unsupported character in float while parsing: "foo 1_2"'],
    ["foo 0x1p-3\n", 'unsupported character in float while parsing: "foo 0x1p-3"'],
    ["foo 0 1_2\n", "expected next entry after timestamp"],
    ['{a="ok"} 1', 'metric name not set while parsing: "{a=\\"ok\\"} 1"'],
    ['{"a","b"} 1', "metric name already set"],
    ["# TYPE a what\n", 'invalid metric type "what"'],
    ["a 1e999\n", "value out of range"],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => entries(text, "text"),
      (error: Error) => {
        assert.ok(
          error instanceof ExpositionError && error.message.includes(message.split(" while")[0]),
          `${text}: ${error.message}`,
        );
        return true;
      },
    );
  }
});

test("TextParser rejects malformed OpenMetrics in upstream's words", () => {
  const cases: [text: string, message: string][] = [
    ["", "data does not end with # EOF"],
    ["\n", 'expected a valid start token, got "\\n" ("INVALID") while parsing: "\\n"'],
    ["metric 1\n", "data does not end with # EOF"],
    ["# EOF\na 1", "unexpected data after # EOF"],
    ["# TYPE c counter \n# EOF\n", 'invalid metric type "counter "'],
    ["# TYPE m\n# EOF\n", "expected text in TYPE"],
    ["# UNIT metric suffix\n# EOF\n", 'unit "suffix" not a suffix of metric "metric"'],
    ["a\t1\n# EOF\n", 'expected value after metric, got "\\t" ("INVALID") while parsing: "a\\t"'],
    ["a 1 1z\n# EOF\n", 'strconv.ParseFloat: parsing "1z": invalid syntax while parsing: "a 1 1z"'],
    ['a{,b="c"} 1\n# EOF\n', "expected label name"],
    ['a{b="c"d="e"} 1\n# EOF\n', "expected comma or brace close"],
    ['a 1 # {aa="bb"}\n# EOF\n', "expected value after exemplar labels"],
    ["a 1 NaN\n# EOF\n", "invalid timestamp NaN"],
    ['a 1 # {aa="bb"} 4 -Inf\n# EOF\n', "invalid exemplar timestamp -Inf"],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => entries(text, "openmetrics"),
      (error: Error) => {
        assert.ok(
          error instanceof ExpositionError && error.message.includes(message),
          `${text}: ${error.message}`,
        );
        return true;
      },
    );
  }
});

test("TextParser.nextIfSeries() reads only the series it was asked for", () => {
  const known = new DataView(bytesOf('a{b="c"}').buffer);
  const parse = (text: string) => new TextParser(bytesOf(text), { format: "text" });
  const hit = parse('a{b="c"} 7 8\nx 1');
  assert.equal(hit.nextIfSeries(known, 0, known.byteLength), true);
  assert.deepEqual([hit.value, hit.timestampMs, hit.labels()], [7, 8, ["__name__", "a", "b", "c"]]);
  assert.equal(hit.next(), "series");
  for (const text of ['a{b="d"} 7', 'a{b="c"}\t7', 'a{b="c"', "aa 1", ""])
    assert.equal(parse(text).nextIfSeries(known, 0, known.byteLength), false, text);
});

function randomFamilies(seed: number): MetricFamily[] {
  const random = seededRandom(seed);
  const word = () => ["x", 'q"uo\\te', "línea\n2", ""][randomInteger(random, 4)];
  const value = () =>
    [random.float(), randomInteger(random, 1e9), Number.POSITIVE_INFINITY, -1.5e-20][
      randomInteger(random, 4)
    ];
  return Array.from({ length: 1 + randomInteger(random, 5) }, (_, i) => {
    const type = (["counter", "gauge", "unknown"] as const)[randomInteger(random, 3)];
    return {
      name: `metric_${i}`,
      type,
      help: `help ${word()}`,
      samples: Array.from({ length: 1 + randomInteger(random, 3) }, (_, n) => ({
        suffix: type === "counter" ? "_total" : "",
        labels: { n: String(n), text: word() },
        value: value(),
        ...(random.float() < 0.3 ? { timestampMs: 1_700_000_000_000 + randomInteger(random, 1e6) } : {}),
        ...(type === "counter" && random.float() < 0.4
          ? {
              exemplar: {
                labels: { trace_id: word() },
                value: random.float(),
                timestampMs: 1_700_000_000_123,
              },
            }
          : {}),
      })),
    };
  });
}

test("what the writers write, TextParser reads (seeded)", () => {
  for (let seed = 0; seed < 200; seed++) {
    const families = randomFamilies(seed);
    for (const format of ["text", "openmetrics"] as const) {
      const body = format === "text" ? writeTextFormat(families) : writeOpenMetrics(families);
      const samples = entries(body, format).filter((entry) => Array.isArray((entry as unknown[])[0]));
      const expected = families.flatMap((family) =>
        family.samples.map((sample) => {
          const labels = Object.entries(sample.labels as Record<string, string>).flat();
          const { exemplar } = sample;
          return [
            [family.name + sample.suffix, ...labels],
            sample.value,
            sample.timestampMs,
            ...(format === "openmetrics" && exemplar
              ? [
                  {
                    labels: Object.entries(exemplar.labels).flat(),
                    value: exemplar.value,
                    timestampMs: exemplar.timestampMs,
                  },
                ]
              : []),
          ];
        }),
      );
      assert.deepEqual(samples, expected, `seed ${seed}, ${format}`);
    }
  }
});

test("TextParser never does more than throw ExpositionError on mutated bodies (seeded)", () => {
  const random = seededRandom(5);
  for (let round = 0; round < 3000; round++) {
    const families = randomFamilies(round % 50);
    const format = round % 2 === 0 ? "text" : "openmetrics";
    const body = bytesOf(format === "text" ? writeTextFormat(families) : writeOpenMetrics(families));
    for (let n = randomInteger(random, 6); n >= 0; n--)
      body[randomInteger(random, body.length)] = [0, 10, 32, 34, 35, 44, 61, 92, 123, 125, 255][
        randomInteger(random, 11)
      ];
    try {
      entries(body, format);
    } catch (error) {
      assert.ok(error instanceof ExpositionError, String(error));
    }
  }
});

test("TextParser quotes an entry up to a limit", () => {
  const read = (bytes: number) => () =>
    new TextParser(Buffer.from(`a{${"b".repeat(bytes)}`), { format: "text" }).next();
  assert.throws(read(MAX_EXPLAINED_BYTES - 2), /^ExpositionError: expected equal, got /);
  assert.throws(read(MAX_EXPLAINED_BYTES), (error: Error) => error.message.length < 300);
});
