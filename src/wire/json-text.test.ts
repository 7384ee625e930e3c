import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../base/random.ts";
import { duplicateFields, jsonProblem } from "./json-text.ts";

test("duplicateFields() names every field that comes again", () => {
  const cases: [text: string, paths: string[]][] = [
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":2,"a":3}', ["a", "a"]],
    ['{"l":[{"x":1},{"x":1,"x":2}],"l":[]}', ["l[1].x", "l"]],
    ['{"\\u0061":1,"a":2}', ["a"]],
  ];
  for (const [text, paths] of cases) assert.deepEqual(duplicateFields(text), paths, text);
});

test("jsonProblem() says it as Go does", () => {
  const cases: [text: string, problem: string][] = [
    ["", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ["x", "invalid character 'x' looking for beginning of value"],
    ["{a:1}", "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["{} {}", "invalid character '{' after top-level value"],
    ["nul!", "invalid character '!' in literal null (expecting 'l')"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
  ];
  for (const [text, problem] of cases) assert.equal(jsonProblem(text), problem, text);
});

test("the scanner takes what JSON.parse takes, and nothing else", () => {
  const random = seededRandom(11);
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "1",
    "-",
    "0",
    ".5",
    "e3",
    "true",
    "null",
    " ",
    "\\n",
    "x",
  ];
  for (let round = 0; round < 20_000; round++) {
    const count = randomInteger(random, 9);
    const text = Array.from({ length: count }, () => pieces[randomInteger(random, pieces.length)]).join("");
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    let isTaken = true;
    try {
      duplicateFields(text);
    } catch {
      isTaken = false;
    }
    assert.equal(isTaken, isJson, text);
  }
});
