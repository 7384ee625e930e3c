import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetricSelector } from "./metric-selector.ts";

test("parseMetricSelector() takes selectors only", () => {
  const shown = (query: string) =>
    parseMetricSelector(query).map(({ name, operator, value }) => `${name}${operator}${value}`);
  assert.deepEqual(shown('up{job=~"a.*"}'), ["job=~a.*", "__name__=up"]);
  assert.deepEqual(shown("sum"), ["__name__=sum"]);
  // What matches anything is for the caller to refuse.
  assert.deepEqual(shown("{}"), []);
  for (const query of ["", "up[5m]", "up offset 5m", "sum(up)", "1", "up{a=}"])
    assert.throws(() => parseMetricSelector(query), /parse error: unexpected/, query);
});
