import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { YamlProblem } from "./yaml-cursor.ts";
import { YamlGrammar } from "./yaml-grammar.ts";
import { MAX_DEPTH } from "./yaml-scanner.ts";
import { yamlSyntaxError } from "./yaml-syntax-error.ts";

/** What is wrong, or the part that is read. */
function verdict(text: string, version: 2 | 3 = 2): string {
  try {
    return text.slice(0, new YamlGrammar(text, version).read());
  } catch (error) {
    assert.ok(error instanceof YamlProblem, String((error as Error).stack));
    return `! ${yamlSyntaxError(error, version)}`;
  }
}

test("YamlGrammar says what is wrong as Go's YAML package does", () => {
  // Each text was given to version 2 of that package, which answered what stands beside it.
  const cases: [text: string, expected: string][] = [
    ["a: [1, 2", "! line 1: did not find expected ',' or ']'"],
    ["a: {b: 1", "! line 1: did not find expected ',' or '}'"],
    ["a: b: c", "! mapping values are not allowed in this context"],
    ["a: 1\n b: 2", "! line 2: mapping values are not allowed in this context"],
    ["a:\n- b\n c: 1", "! line 3: mapping values are not allowed in this context"],
    ["a: 1\nb", "! line 3: could not find expected ':'"],
    ["a:\n  - 1\n  b: 2", "! line 2: did not find expected '-' indicator"],
    ["a:\n    b: 1\n  c: 2", "! line 2: did not find expected key"],
    ["a: 'b", "! found unexpected end of stream"],
    ['a: "\\q"', "! found unknown escape character"],
    ['a: "\\xg0"', "! did not find expected hexdecimal number"],
    ["a: @b", "! found character that cannot start any token"],
    ["a:\n\tb: 1", "! line 2: found character that cannot start any token"],
    ["a: *b", "! unknown anchor 'b' referenced"],
    ["a: & b", "! did not find expected alphabetic or numeric character"],
    ["a: !x!y z", "! found undefined tag handle"],
    ["a: |0\n b", "! found an indentation indicator equal to 0"],
    ["a: b\u0001", "! control characters are not allowed"],
    ["%YAML 1.3\n---\na: 1", "! found incompatible YAML document"],
    ["%FOO\n---\na: 1", "! found unknown directive name"],
    ["a: ]", "! did not find expected node content"],
    ["- a\nb: 1", "! line 1: did not find expected '-' indicator"],
  ];
  for (const [text, expected] of cases) assert.equal(verdict(text), expected, JSON.stringify(text));
});

test("YamlGrammar reads the first document alone", () => {
  for (const [text, expected] of [
    ["a: 1\n", "a: 1\n"],
    ["---\na: 1\n---\nb: [\n", "---\na: 1\n"],
    ["a: 1\n...\n@", "a: 1\n"],
    ["  a:\n- b\n", "  a:\n"],
    ["# nothing\n", "# nothing\n"],
    ["a: &x [1]\nb: *x\n? c\n: {d, e: 1, ? f}\n", "a: &x [1]\nb: *x\n? c\n: {d, e: 1, ? f}\n"],
  ])
    assert.equal(verdict(text), expected);
});

test("yamlSyntaxError() tells the place of the problem, or for rule files where it begins", () => {
  const text = "a: 1\nb:\n  - c\n  d: 1\n";
  assert.equal(verdict(text, 2), "! line 3: did not find expected '-' indicator");
  assert.equal(verdict(text, 3), "! line 2: did not find expected '-' indicator");
  // A second problem right behind the first one.
  const twice = 'a: "b\nc: d{e="f: g\n';
  assert.equal(verdict(twice, 2), "! line 1: did not find expected key");
  assert.equal(verdict(twice, 3), "! line 2: mapping values are not allowed in this context");
});

test(`YamlGrammar takes collections in each other ${MAX_DEPTH} deep`, () => {
  assert.equal(verdict("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)).length, 2 * MAX_DEPTH);
  assert.equal(verdict("[".repeat(MAX_DEPTH + 1)), `! exceeded max depth of ${MAX_DEPTH}`);
});

test("YamlGrammar never does more than throw YamlProblem (seeded)", () => {
  const random = seededRandom(155);
  const next = (limit: number) => Math.floor(random.float() * limit);
  const pieces = [
    "a",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    '"',
    "\\",
    "|",
    ">",
    "&b ",
    "*b",
    "!c ",
    "!!int 1",
  ];
  pieces.push(
    "%",
    "? ",
    "#",
    "\t",
    "---\n",
    "...\n",
    "\u00e9",
    "\u0085",
    "\r\n",
    "@",
    "!<",
    "%TAG ! x\n",
    "%YAML 1.1\n",
    "%2",
    "2",
    "-",
    "+",
  );
  for (let i = 0; i < 3000; i++) {
    let text = "";
    for (let length = next(30); length >= 0; length--) text += pieces[next(pieces.length)];
    verdict(text);
  }
});
