import assert from "node:assert/strict";
import { test } from "node:test";
import { celProblem } from "./cel-check.ts";

const NAMES = ["object", "oldObject", "request"];

test("celProblem() finds functions that there are not", () => {
  for (const known of [
    "size(object.x) > 1",
    "has(object.x)",
    "int('1') == 1",
    "quantity('1').isInteger()",
    "object.x.matches('a')",
  ])
    assert.equal(celProblem(known, NAMES), undefined, known);
  assert.equal(
    celProblem("true || sizes(object) > 1", NAMES),
    "compilation failed: ERROR: <input>:1:14: undeclared reference to 'sizes' (in container '')\n" +
      " | true || sizes(object) > 1\n | .............^",
  );
});

test("celProblem() finds variables that nobody defined before", () => {
  const names = [...NAMES, "variables"];
  assert.equal(celProblem("variables.a == 1", names, "bool", ["a"]), undefined);
  assert.match(celProblem("variables.b == 1", names, "bool", ["a"])!, /1:10: undefined field 'b'\n/);
  assert.equal(celProblem("variables.b == 1", names, "bool"), undefined);
});

test("celProblem() finds literals that no operator takes together", () => {
  assert.match(
    celProblem("1 + 'a'", NAMES)!,
    /1:3: found no matching overload for '_\+_' applied to '\(int, string\)'\n/,
  );
  assert.equal(celProblem("'b' + 'a'", NAMES), undefined);
  assert.equal(celProblem("null == 'a'", NAMES), undefined);
});

test("celProblem() names the types that an expression may have", () => {
  const wanted = ["string", "null_type"];
  assert.equal(celProblem("null", NAMES, wanted), undefined);
  assert.equal(celProblem("'a'", NAMES, wanted), undefined);
  assert.equal(celProblem("true", NAMES, wanted), "must evaluate to one of [string null_type] but got bool");
  assert.equal(celProblem("6", NAMES, "bool"), "must evaluate to bool but got int");
});
