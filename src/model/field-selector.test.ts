import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesFields, parseFieldSelector } from "./field-selector.ts";

test("parseFieldSelector() takes the first operator of each term, and escapes in values", () => {
  const cases: [text: string, field: string, isMatch: boolean][] = [
    ["a=b", "b", true],
    ["a==b", "b", true],
    ["a!=b", "b", false],
    ["a=b\\,c\\=d\\\\", "b,c=d\\", true],
    ["a=", "", true],
    ["", "b", true],
  ];
  for (const [text, value, isMatch] of cases)
    assert.equal(
      matchesFields(parseFieldSelector(text), () => value),
      isMatch,
      text,
    );
});

test("parseFieldSelector() says what is wrong in upstream's words", () => {
  const cases: [text: string, problem: string][] = [
    ["b,a", "invalid selector: 'b,a'; can't understand 'a'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    ["a===b", "invalid field selector: unescaped character in value: 61"],
    ["a=\\b", "invalid field selector: invalid escape sequence: \\b"],
  ];
  for (const [text, message] of cases) assert.throws(() => parseFieldSelector(text), { message }, text);
});
