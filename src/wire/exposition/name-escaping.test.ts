import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeName } from "./name-escaping.ts";

test("escapeName() by scheme", () => {
  const cases: [name: string, underscores: string, dots: string, values: string][] = [
    ["", "", "", ""],
    ["plain_name:x", "plain_name:x", "plain_name:x", "plain_name:x"],
    ["a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"],
    ["1st", "_st", "__st", "U___31_st"],
    ["a b", "a_b", "a__b", "U__a_20_b"],
    ["é", "_", "__", "U___e9_"],
    ["😀x", "_x", "__x", "U___1f600_x"],
  ];
  for (const [name, underscores, dots, values] of cases) {
    assert.equal(escapeName(name, "allow-utf-8"), name);
    assert.equal(escapeName(name, "underscores"), underscores);
    assert.equal(escapeName(name, "dots"), dots);
    assert.equal(escapeName(name, "values"), values);
  }
});
