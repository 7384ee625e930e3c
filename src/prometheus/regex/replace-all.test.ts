import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesAnywhere, replaceAll } from "./replace-all.ts";

test("replaceAll() replaces as Go does", () => {
  const cases: [source: string, replacement: string, text: string, result: string][] = [
    ["o", "0", "foo bo", "f00 b0"],
    ["(\\w+)@(?P<host>\\w+)", "$" + "{host}:$1", "a@b, c@d", "b:a, d:c"],
    ["x*", "-", "axxb", "-a-b-"],
    ["", "-", "é1", "-é-1-"],
    ["^a", "b", "aaa", "baa"],
    [".", "x", "a\nb", "x\nx"],
    ["z", "$", "abc", "abc"],
  ];
  for (const [source, replacement, text, result] of cases)
    assert.equal(replaceAll(source, replacement, text), result, `${source} in ${text}`);
});

test("matchesAnywhere() looks at every place, and in no more than reasonable time", () => {
  assert.ok(matchesAnywhere("b.d", "abcde"));
  assert.ok(!matchesAnywhere("b.d", "ab\nde"));
  assert.ok(!matchesAnywhere("(a*)*(a*)*c$", "a".repeat(2000)));
});
