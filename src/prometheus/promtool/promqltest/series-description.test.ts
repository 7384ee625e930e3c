import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSeriesDescription } from "./series-description.ts";

test("parseSeriesDescription() says what is wrong in upstream's words, and where", () => {
  const cases: [string, string][] = [
    ["up 3 x", '1:6: parse error: unexpected "x"'],
    ["up 3x2x", '1:7: parse error: unexpected "x"'],
    ["up _xx", '1:6: parse error: unexpected "x" in series values'],
    ["up 3+", "1:6: parse error: unexpected end of input in series values"],
    [
      "up 3 stalex4",
      '1:6: parse error: unexpected identifier "stalex4" in series values, expected number or "stale"',
    ],
    ["up 3 sum", "1:6: parse error: unexpected <aggr:sum>"],
    ["up 3 , 4", "1:6: parse error: unexpected character in series sequence: ','"],
    ["up 3 '", "1:6: parse error: unexpected character in series sequence: '\\''"],
    [
      "up 2e400",
      '1:4: parse error: error parsing number: strconv.ParseFloat: parsing "2e400": value out of range',
    ],
    [
      "up 1x2.5",
      '1:6: parse error: invalid repetition in series values: strconv.ParseUint: parsing "2.5": invalid syntax',
    ],
    [
      "up {{schema:2 sum:}}",
      '1:19: parse error: unexpected "}}" in histogram description, expected histogram description key, e.g. buckets:[5 10 7]',
    ],
    ["up {{sum:}}", '1:10: parse error: unexpected "}}" in series values'],
    ["up {{ sum:1}}", '1:7: parse error: unexpected "sum" in series values'],
    ["up {{schema:2", "1:14: parse error: histogram description incomplete unexpected: '\ufffd'"],
    [
      "up {{schema:2.5}}",
      '1:13: parse error: invalid repetition in series values: strconv.ParseUint: parsing "2.5": invalid syntax',
    ],
    ["up {{size:2}}", '1:6: parse error: bad histogram descriptor found: "size"'],
    ["up {{sum 2}}", "1:6: parse error: missing `:` for histogram descriptor"],
    ["up {{buckets:[]}}", '1:15: parse error: unexpected "]" in series values'],
    ["up {{buckets:[1;2]}}", "1:16: parse error: invalid character in buckets description: ';'"],
    ["up {{sum:1 sum:2}}", '1:1: parse error: duplicate key "sum" in histogram'],
    ['up{job=~"a"} 1', '1:7: parse error: unexpected <op:=~> in label set, expected "="'],
    ['up{job="a" "b"} 1', '1:12: parse error: unexpected string "\\"b\\"" in label set, expected "," or "}"'],
    ["3x4", '1:1: parse error: unexpected number "3" in series values'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseSeriesDescription(text), { message }, text);
});

test("parseSeriesDescription() reads repetitions, steps, omissions, stale markers and Go's integers", () => {
  const floats = (text: string) =>
    parseSeriesDescription(`up ${text}`).values.map((each) =>
      each.kind === "float" ? each.value : each.kind,
    );
  assert.deepEqual(floats("0x2 1-2x2 _x2 stale 5"), [0, 0, 0, 1, -1, -3, "omitted", "omitted", "stale", 5]);
  assert.deepEqual(floats("010 1_000 .5 -Inf"), [8, 1000, 0.5, Number.NEGATIVE_INFINITY]);
  assert.equal(floats("1x1000000").length, 1_000_001);
  assert.throws(() => parseSeriesDescription("up 1x1000001"), /more than/);
});

test("parseSeriesDescription() tells a label that comes twice", () => {
  assert.equal(parseSeriesDescription('up{job="a",zone="b",job="c"} 1').repeatedLabel, "job");
  assert.equal(parseSeriesDescription('up{job="a",zone="b"} 1').repeatedLabel, undefined);
});
