import assert from "node:assert/strict";
import { test } from "node:test";
import { expandTemplate } from "../regex/regex.ts";
import { compileAnchored } from "./go-regexp.ts";

test("compileAnchored() matches as Go does", () => {
  const cases: [source: string, text: string, matches: boolean][] = [
    ["a.c", "a\nc", true],
    ["a|b", "ab", false],
    ["(?i)ABC", "abc", true],
    ["(?i:A)b", "aB", false],
    ["x(?i)y", "xY", true],
    ["(?P<n>a)b", "ab", true],
    ["[[:alpha:]_]+", "ab_", true],
    ["[^[:digit:]]", "5", false],
    ["\\s", "\u00a0", false],
    ["[\\w-]+", "a-b", true],
    ["\\Qa.b\\E+", "a.bb", true],
    ["a{,2}", "a{,2}", true],
    ["\\pL+", "é", true],
    ["\\x{1F600}", "😀", true],
    ["a\\/b\\-c", "a/b-c", true],
    ["[]a]", "]", true],
    ["\\.", ".", true],
    ["", "", true],
    ["((?i)a)b", "AB", false],
    ["a$" + "{1}", "a", true],
    ["a)|(?:b", "b", true],
  ];
  for (const [source, text, matches] of cases)
    assert.equal(compileAnchored(source).matches(text), matches, `${source} on ${text}`);
});

test("compileAnchored() refuses what Go refuses", () => {
  for (const source of ["a(", "a)", "*", "(?=a)", "(?<!a)", "\\1", "a\\", "[a", "\\y", "(?z)"])
    assert.throws(() => compileAnchored(source), /error parsing regexp/, source);
});

test("expandTemplate() expands as Go does", () => {
  const match = compileAnchored("(?P<first>a)(b)?").exec("a")!;
  for (const [template, expected] of [
    ["$1", "a"],
    ["$" + "{1}x", "ax"],
    ["$1x", ""],
    ["$first", "a"],
    ["$2-$9-$$", "--$"],
    ["plain", "plain"],
  ])
    assert.equal(expandTemplate(template, match), expected, template);
});
