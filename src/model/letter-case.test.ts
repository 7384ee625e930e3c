import assert from "node:assert/strict";
import { test } from "node:test";
import { lowerCase, upperCase } from "./letter-case.ts";

test("letters change their case one for one", () => {
  for (const [text, upper, lower] of [
    ["aZ 1", "AZ 1", "az 1"],
    ["straße", "STRAßE", "straße"],
    ["ﬁn", "ﬁN", "ﬁn"],
    ["ΌΣ", "ΌΣ", "όσ"],
    ["İ", "İ", "i"],
    ["𐐨é", "𐐀É", "𐐨é"],
    ["", "", ""],
  ]) {
    assert.equal(upperCase(text), upper, text);
    assert.equal(lowerCase(text), lower, text);
  }
});
