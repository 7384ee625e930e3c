import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
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
  ["by-name", 8],
]);
const NAMES = new Set(ENVIRONMENT.keys());

const evaluate = (text: string) => compileFormula(text, NAMES)(ENVIRONMENT);

test("compileFormula() computes as the expr language does", () => {
  const cases: [text: string, expected: Value][] = [
    ["a + b", 7],
    ["a - b * 2", -5],
    ["(a - b) * 2", -2],
    ["a / b", 0.75],
    ["int(b) % int(a) + 5 % 3", 3],
    ["1. + .5 + 1_0.2_5", 11.75],
    ["0x1F + 0O17 + 0b101 + 007", 58],
    ["5.e1 + 1E-1", 50.1],
    ["len(1..3)", 3],
    ["1 < a < b", true],
    ["1 < b < a", false],
    ["a | max(b, 9)", 9],
    ["[a, b] | count(# > 3)", 1],
    ["a; b", 4],
    ["$env.a + $env['b']", 7],
    ['$env["by-name"] / 2', 4],
    ['$env["by-" + "name"]', 8],
    ['$env["none"] ?? $env?.a', 3],
    ["if a > 2 { 1 } else if b > 2 { 2 } else { 3 }", 1],
    ["a /* the first */ + b // and the second", 7],
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
    ["1 + (none ?? 2) * 3", 7],
    ["max([])", null],
    ["none == nil", true],
    ["a in [1, 3]", true],
    ["a not in 1..2", true],
    ["[a, b][1]", 4],
    ["sum([a, b, 1][1:])", 5],
    ["[1, a, b, 2][-3:-1] | sum()", 7],
    ["len([a, b][:5])", 2],
    ["reduce([a, b, 1], #acc * # + #index)", 15],
    ["reduce([], #acc + #, 7)", 7],
    ["find([a, b], # > 3)", 4],
    ["find([a, b], # > 9) == nil", true],
    ["findIndex([a, b], # == b) + findLastIndex([1, 1], # == 1)", 2],
    ["findLast([1, a, b], # < 4)", 3],
    ["sort([b, 1, a], 'desc')[0] - sort([b, 1, a])[0]", 3],
    ["sortBy([1, b, a], -#)[1]", 3],
    ["reverse([a, b])[0]", 4],
    ["len(uniq(concat([a], [b, a])))", 2],
    ["sum(flatten([[a, [b]], 1]))", 8],
    ["sum(take([a, b, 1], 2))", 7],
    ["bitand(6, 3) + bitor(4, 1) + bitxor(7, 2)", 12],
    ["bitnand(7, 2) + bitnot(0) + bitshl(1, 4) + bitshr(-8, 1)", 16],
    ["bitushr(-1, 60) + bitshr(1, 70)", 15],
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
    ["any([a, b], # == 4) && all([a, b], # > 1) && none([a], # == 4) && one([a, b], # == 4)", true],
    ["let x = a + 1; let y = x * 2; y - x", 4],
    ["'a' + \"b\"", "ab"],
    ["none", null],
    // What decides ends the search: the rest is not asked.
    ["any([1, true], # > zero)", true],
    ["all([zero, true], # > 3)", false],
    ["string(a) + string(2.5) + string(1e21) + string([1, true])", "32.51e+21[1 true]"],
  ];
  for (const [text, expected] of cases) assert.deepEqual(evaluate(text), expected, text);
});

/** The first line of the error; the others show the place. */
function problemOf(text: string): string {
  try {
    evaluate(text);
  } catch (error) {
    assert.ok(error instanceof ExpressionError, String(error));
    return error.message.split("\n")[0];
  }
  return "";
}

test("compileFormula() refuses what can't be read or has the wrong types, and says where", () => {
  const cases: [text: string, problem: string][] = [
    ["", "unexpected token EOF"],
    ["a +", "unexpected token EOF (1:3)"],
    ["1[0]", 'unexpected token Bracket("[") (1:2)'],
    ["true[0]", 'unexpected token Bracket("[") (1:5)'],
    ["(1)[0]", "type int[int] is undefined (1:4)"],
    ["-1[0]", "type int[int] is undefined (1:3)"],
    ["12 + 3a", 'bad number syntax: "3a" (1:7)'],
    ["0x1g", 'bad number syntax: "0x1g" (1:4)'],
    ["0b12", 'bad number syntax: "0b12" (1:4)'],
    ["1e", 'invalid float literal: strconv.ParseFloat: parsing "1e": invalid syntax (1:2)'],
    [".5.5", 'invalid float literal: strconv.ParseFloat: parsing ".5.5": invalid syntax (1:4)'],
    ["1e400", 'invalid float literal: strconv.ParseFloat: parsing "1e400": value out of range (1:5)'],
    ["0x", 'invalid hex literal: strconv.ParseInt: parsing "0x": invalid syntax (1:2)'],
    [
      "9223372036854775808",
      'invalid integer literal: strconv.ParseInt: parsing "9223372036854775808": value out of range (1:19)',
    ],
    ["a b", 'unexpected token Identifier("b") (1:3)'],
    ["(a", "unexpected token EOF (1:2)"],
    ["a = 1", 'unexpected token Operator("=") (1:3)'],
    ["unknown + 1", "unknown name unknown (1:1)"],
    ["$env.nope", "unknown name nope (1:6)"],
    ["1 + $env['nope']", "unknown name nope (1:9)"],
    ["$env.a.b", "type float64 has no field b (1:8)"],
    ["system(1)", "unknown name system (1:1)"],
    ["constructor(1)", "unknown name constructor (1:1)"],
    ["a @ b", "unrecognized character: U+0040 '@' (1:3)"],
    ["#", 'unexpected token Operator("#") (1:1)'],
    ["all([a])", "expected at least 2 arguments (1:8)"],
    // A trigger's number is a float64, and so is what becomes of it.
    ["a % 2", "invalid operation: % (mismatched types float64 and int) (1:3)"],
    ["1..a", "invalid operation: .. (mismatched types int and float64) (1:2)"],
    ["[1][a]", "array elements can only be selected using an integer (got float64) (1:5)"],
    ["a[0]", "type float64[int] is undefined (1:2)"],
    ["a.b", "type float64 has no field b (1:3)"],
    ["a ? 1 : 2", "non-bool expression (type float64) used as condition (1:1)"],
    ["a && true", "invalid operation: && (mismatched types float64 and bool) (1:3)"],
    ["!a", "invalid operation: ! (mismatched type float64) (1:1)"],
    ["a + 'x'", "invalid operation: + (mismatched types float64 and string) (1:3)"],
    ["a == 'x'", "invalid operation: == (mismatched types float64 and string) (1:3)"],
    ["a + nil", "invalid operation: + (mismatched types float64 and unknown) (1:3)"],
    [
      "a ?? b + 1",
      "Operator (+) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses. (1:8)",
    ],
    ["max()", "not enough arguments to call max (1:1)"],
    ["sum([a], #index)", "unknown pointer #index (1:10)"],
    ["map([a], #acc)", "unknown pointer #acc (1:10)"],
    ["sum(a, nope)", "builtin sum takes only array (got float64) (1:5)"],
    ["reduce([], #acc + #)", "reduce of empty array with no initial value (1:1)"],
    ["sort([a, true])", "invalid operation: bool < float64 (1:1)"],
    ["sort([1], 'up')", "invalid order up, expected asc or desc (1:1)"],
    ["take([a], -1)", "reflect.Value.Slice: slice index out of bounds (1:1)"],
    ["take([a], b)", "cannot take float64 elements (1:1)"],
    ["concat([a], b)", "cannot concat float64 (1:1)"],
    ["reverse(a)", "cannot reverse float64 (1:1)"],
    ["bitand(1)", "not enough arguments to call bitand (1:1)"],
    ["bitand(1, a)", "cannot use float64 as argument (type int) to call bitand  (1:11)"],
    ["bitnot(nil)", "cannot use nil as argument (type int) to call bitnot (1:8)"],
    ["bitshl(1, -1)", "invalid operation: negative shift count -1 (type int) (1:1)"],
    ["[a][b:]", "non-integer slice index float64 (1:5)"],
    ["a[1:]", "cannot slice float64 (1:2)"],
    ["'x' in [a, b]", "cannot use string as type float64 in array (1:5)"],
    ["int(none)", "reflect: call of reflect.Value.Type on zero Value (1:1)"],

    ["max('x')", "invalid argument for max (type string) (1:1)"],
    ["abs(1, 2)", "invalid number of arguments (expected 1, got 2) (1:1)"],
    ["len(a)", "invalid argument for len (type float64) (1:1)"],
    ["first(a)", "cannot get first element from float64 (1:1)"],
    ["sum(a)", "builtin sum takes only array (got float64) (1:5)"],
    ["any([1], 2)", "predicate should return boolean (got int) (1:10)"],
    ["any([a], # + 1)", "predicate should return boolean (got float64) (1:10)"],
    ["map([1, 2], # == 'x')", "invalid operation: == (mismatched types int and string) (1:15)"],
    ["map([1, 'x'], # > true)", "invalid operation: > (mismatched types interface {} and bool) (1:17)"],
    // What is malformed is said before what does not fit.
    ["a + 'x' + (", "unexpected token EOF (1:11)"],
    ["a && b ? 1 : let", "unexpected token EOF (1:16)"],
    ["let a = 1; a", "cannot redeclare a (1:5)"],
    ["let max = 1; max", "cannot redeclare builtin max (1:5)"],
  ];
  for (const [text, problem] of cases) assert.equal(problemOf(text), problem, text);
});

test("a formula refuses what can't be computed", () => {
  const cases: [text: string, problem: string][] = [
    ["none + 1", "invalid operation: <nil> + int (1:6)"],
    ["a > none", "invalid operation: float64 > <nil> (1:3)"],
    ["none ** 2", "invalid operation: float(<nil>) (1:6)"],
    ["-none", "invalid operation: - <nil> (1:1)"],
    ["max(a, none)", "invalid argument for max (type <nil>) (1:1)"],
    ["float(none)", "invalid operation: float(<nil>) (1:1)"],
    ["5 % 0", "integer divide by zero (1:3)"],
    ["[a][3]", "index out of range: 3 (array length is 1) (1:4)"],
    ["float('x')", "invalid operation: float(x) (1:1)"],
  ];
  for (const [text, problem] of cases) assert.equal(problemOf(text), problem, text);
});

test("an error shows the line of the formula and the place in it", () => {
  const cases: [text: string, message: string][] = [
    ["a + nope", "unknown name nope (1:5)\n | a + nope\n | ....^"],
    ["a +\n\tnope", "unknown name nope (2:2)\n |  nope\n | .^"],
    ["float(one + two)", "unknown name one (1:7)\n | float(one + two)\n | ......^"],
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
  const doubled = (times: number) => {
    const lets = Array.from({ length: times }, (_, i) => `let x${i + 1} = concat(x${i}, x${i});`);
    return `let x0 = [a]; ${lets.join(" ")} len(x${times})`;
  };
  assert.equal(evaluate(doubled(10)), 1024);
  assert.throws(() => evaluate(doubled(50)), /formula takes more than 100000 steps/);
  assert.throws(() => evaluate("flatten(reduce(1..20000, [#acc]))"), /recursion depth exceeded/);
});

const PIECES =
  "a b none zero 1 2.5 -1 ( ) [ ] { } + - * / % ** ?? ? : && || ! not in .. == < >= , ; # let x = nil true 'q' max( count( sum( map( abs( float( reduce( sort( take( bitand( #acc".split(
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
