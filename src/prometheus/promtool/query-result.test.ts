import assert from "node:assert/strict";
import { test } from "node:test";
import { resultJson, resultText } from "./query-result.ts";

const histogram = {
  count: "3",
  sum: "4.5",
  buckets: [
    [3, "-0.001", "0.001", "1"],
    [0, "1", "2", "2"],
  ],
};

test("resultText() prints values as Prometheus' library does", () => {
  const cases: [resultType: string, result: unknown, text: string][] = [
    ["scalar", [1.5, "1e+06"], "scalar: 1000000 @[1.5]"],
    ["string", [1, "a"], "a"],
    ["vector", [], ""],
    ["vector", [{ metric: {}, value: [1, "+Inf"] }], "{} => +Inf @[1]"],
    [
      "vector",
      [{ metric: { __name__: "h" }, histogram: [1, histogram] }],
      "h => Count: 3.000000, Sum: 4.500000, Buckets: [[-0.001,0.001]:1 (1,2]:2] @[1]",
    ],
    [
      "matrix",
      [
        { metric: { __name__: "b", x: "1" }, values: [[1, "2"]] },
        {
          metric: { __name__: "c" },
          values: [
            [1, "3"],
            [2, "4"],
          ],
        },
      ],
      'c =>\n3 @[1]\n4 @[2]\nb{x="1"} =>\n2 @[1]',
    ],
  ];
  for (const [resultType, result, text] of cases) assert.equal(resultText({ resultType, result }), text);
});

test("resultJson() marshals as Go does", () => {
  const json = (resultType: string, result: unknown) => resultJson({ resultType, result });
  assert.equal(json("scalar", [1, "2.50"]), '[1,"2.5"]');
  assert.equal(json("string", [1, "<b>"]), '{"value":"\\u003cb\\u003e","timestamp":1}');
  assert.equal(
    json("vector", [{ metric: { b: "1", a: "2" }, value: [1, "NaN"] }]),
    '[{"metric":{"a":"2","b":"1"},"value":[1,"NaN"]}]',
  );
  assert.equal(
    json("matrix", [{ metric: {}, histograms: [[1, { count: "1", sum: "2" }]] }]),
    '[{"metric":{},"histograms":[[1,{"count":"1","sum":"2","buckets":null}]]}]',
  );
});
