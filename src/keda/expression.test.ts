import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../base/random.ts";
import {
  compileFormula,
  type Environment,
  ExpressionError,
  MAX_DEPTH,
  MAX_FORMULA_LENGTH,
  MAX_STEPS,
  type Value,
} from "./expression.ts";

const ENVIRONMENT: Environment = new Map([
  ["a", 3],
  ["b", 4],
  ["zero", 0],
  ["none", null],
]);
const NAMES = new Set(ENVIRONMENT.keys());

const evaluate = (text: string) => compileFormula(text, NAMES)(ENVIRONMENT);

test("compileFormula() computes as the expr language does", () => {
  const cases: [text: string, expected: Value][] = [
    ["a + b", 7],
    ["a - b * 2", -5],
    ["(a - b) * 2", -2],
    ["a / b", 0.75],
    ["b % a", 1],
    ["2 ** 3 ** 2", 512],
    ["2 ^ 3", 8],
    ["-2 ** 2", -4],
    ["10 - 3 - 2", 5],
    ["1_000 + 0x10 + 1e2 + .5", 1116.5],
    ["a > b ? a : b", 4],
    ["a < b ? a < 1 ? 1 : 2 : 3", 2],
    ["a == 3 and b != 3 && not (a > b)", true],
    ["a >= 3 || zero > 1 / 0", true],
    ["!(a <= 3) or false", false],
    ["none ?? a", 3],
    ["none ?? none ?? b", 4],
    ["a ?? b", 3],
    // `??` binds tighter than any arithmetic.
    ["1 + none ?? 2 * 3", 7],
    ["none == nil", true],
    ["a in [1, 3]", true],
    ["a not in 1..2", true],
    ["[a, b][1]", 4],
    ["[a, b][-1]", 4],
    ["max(a, b, 9)", 9],
    ["min([a, b])", 3],
    ["mean(a, b)", 3.5],
    ["median([a, b, 100])", 4],
    ["sum([a, b])", 7],
    ["abs(-a) + ceil(1.2) + floor(1.8) + round(-2.5)", 3],
    ["int(3.9) + float('1.5')", 4.5],
    ["len([a, b]) + len('abc')", 5],
    ["first([a, b]) + last([a, b])", 7],
    ["count([a, b, 9], # > 3)", 2],
    ["count([a, b, 9], {# > 3}) * 2", 4],
    ["sum(filter([a, b, 9], # > 3))", 13],
    ["sum(map([a, b], # * 10))", 70],
    ["sum([a, b], # + #index)", 8],
    ["any([a, b], # == 4) && all([a, b], # > 1) && none([a], # == 4) && one([a, b], # == 4)", true],
    ["let x = a + 1; let y = x * 2; y - x", 4],
    ["'a' + \"b\"", "ab"],
    ["none", null],
  ];
  for (const [text, expected] of cases) assert.deepEqual(evaluate(text), expected, text);
});

test("compileFormula() refuses what can't be read, and says where", () => {
  const cases: [text: string, message: string][] = [
    ["", "unexpected token EOF (1:1)"],
    ["a +", "unexpected token EOF (1:4)"],
    ["a b", 'unexpected token Name("b") (1:3)'],
    ["(a", "unexpected token EOF (1:3)"],
    ["unknown + 1", "unknown name unknown (1:1)"],
    ["system(1)", "unknown name system (1:1)"],
    ["constructor(1)", "unknown name constructor (1:1)"],
    ["a @ b", 'unrecognized character: "@" (1:3)'],
    ["#", 'unexpected token Operator("#") (1:1)'],
    ["all([a])", "all needs a predicate (1:1)"],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => evaluate(text), { name: "ExpressionError", message });
  }
});

test("a formula refuses what can't be computed", () => {
  const cases: [text: string, message: string][] = [
    ["none + 1", "invalid operation: + (mismatched types nil) (1:6)"],
    ["a ? 1 : 2", "expected bool, got float64 (1:3)"],
    ["a && true", "expected bool, got float64 (1:3)"],
    ["a % zero", "integer divide by zero (1:3)"],
    ["[a][3]", "index out of range: 3 (array length is 1) (1:4)"],
    ["max()", "not enough arguments to call max (1:1)"],
    ["abs(1, 2)", "invalid number of arguments (expected 1, got 2) (1:1)"],
    ["len(a)", "invalid argument for len (type float64) (1:1)"],
    ["float('x')", "invalid argument for float (type string) (1:1)"],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => evaluate(text), { name: "ExpressionError", message });
  }
});

test("formulas are bounded in length, depth and steps", () => {
  const padded = (length: number) => `a${" ".repeat(length - 1)}`;
  assert.equal(evaluate(padded(MAX_FORMULA_LENGTH)), 3);
  assert.throws(() => evaluate(padded(MAX_FORMULA_LENGTH + 1)), ExpressionError);
  const nested = (depth: number) => `${"(".repeat(depth)}a${")".repeat(depth)}`;
  assert.equal(evaluate(nested(MAX_DEPTH - 1)), 3);
  assert.throws(() => evaluate(nested(MAX_DEPTH)), ExpressionError);
  assert.equal(evaluate(`len(1..${MAX_STEPS - 1})`), MAX_STEPS - 1);
  assert.throws(() => evaluate(`len(1..${MAX_STEPS + 1})`), ExpressionError);
});

const PIECES =
  "a b none zero 1 2.5 -1 ( ) [ ] { } + - * / % ** ?? ? : && || ! not in .. == < >= , ; # let x = nil true 'q' max( count( sum( map( abs( float(".split(
    " ",
  );

test("whatever is given, a formula answers or fails with an ExpressionError", () => {
  const random = seededRandom(50);
  let answered = 0;
  for (let round = 0; round < 5_000; round++) {
    const length = 1 + randomInteger(random, 8);
    const text = Array.from({ length }, () => PIECES[randomInteger(random, PIECES.length)]).join(" ");
    try {
      evaluate(text);
      answered++;
    } catch (error) {
      assert.ok(error instanceof ExpressionError, `${text}: ${(error as Error).stack}`);
    }
  }
  assert.ok(answered > 100, String(answered));
});
