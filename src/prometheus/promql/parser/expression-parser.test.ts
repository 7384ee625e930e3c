import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { EXPRESSION_DEPTH_LIMIT, OPERATOR_LIMIT, parseExpression } from "./expression-parser.ts";
import { ParseError } from "./parse-error.ts";
import { printExpression } from "./printer.ts";

const ALL = { experimentalFunctions: true, extendedRangeSelectors: true, fillModifiers: true };

/** What expressions print as: themselves, or in the form that is given. */
const PRINTED: [query: string, printed?: string][] = [
  ["1 + 2 * 3"],
  ["1h30m", "1h30m"],
  ["0x1F", "31"],
  ["5.", "5"],
  ["1_000.5e1", "10005"],
  ["-2 ^ 2", "-2 ^ 2"],
  ["a + b @ 5", "a + b @ 5.000"],
  ["a + b offset 5m * c", "a + b offset 5m * c"],
  ["-a @ start()"],
  ["rate(foo[5m] @ end() offset -1w)", "rate(foo[5m] @ end() offset -1w)"],
  ['foo{a="b",c!~"d|e",f=~"g"}'],
  ['{"a b", "c.d"="e"}', '{"c.d"="e",__name__="a b"}'],
  ["foo{a='x\\'y'}", 'foo{a="x\'y"}'],
  ["SUM BY (a, b,) (foo)", "sum by (a, b) (foo)"],
  ['count_values without (a) ("x", foo)'],
  ["a + on (x) group_left (y) b", "a + on (x) group_left (y) b"],
  ["a == bool ignoring (x) b"],
  ["a + fill_left (1) fill_right (2) b"],
  ["a and b or c unless d", "a and b or c unless d"],
  ["max_over_time(rate(foo[1m])[5m:10s] offset 1m)"],
  ["foo[5m + step()]"],
  ["foo[max_of(5m, 2 * step())] anchored"],
  ["max_of(1, min_of(2, 3))"],
  ['offset + offset{offset="1"} offset 1m'],
  ["fill + on () fill", "fill + on () fill"],
  ["foo smoothed"],
  ["sum by (atan2, a:b) (c)", 'sum by (atan2, "a:b") (c)'],
  ["foo </ 5 >/ 1"],
  ["a # comment\n+ b", "a + b"],
];

for (const [query, printed = query] of PRINTED) {
  test(`parseExpression() reads ${JSON.stringify(query)}`, () => {
    const text = printExpression(parseExpression(query, ALL));
    assert.equal(text, printed);
    assert.equal(printExpression(parseExpression(text, ALL)), text, "printed once more");
  });
}

const REFUSED: [query: string, message: string][] = [
  ["", "unknown position: parse error: no expression found in input"],
  ["1 +", "1:4: parse error: unexpected end of input"],
  ["a\n+ + *", "2:5: parse error: unexpected <op:*>"],
  ["(a", "1:3: parse error: unclosed left parenthesis"],
  ["a)", "1:3: parse error: unexpected right parenthesis ')'"],
  ["foo(1)", '1:1: parse error: unknown function with name "foo"'],
  ["1 + atan2", "1:5: parse error: unexpected <op:atan2>"],
  ["7_.5", '1:1: parse error: bad number or duration syntax: "7_."'],
  ["3e1e1", '1:1: parse error: bad number or duration syntax: "3e1e"'],
  ["0.1.2", '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0.1.2": invalid syntax'],
  ["4kg", '1:1: parse error: bad number or duration syntax: "4"'],
  ["4m5", '1:1: parse error: bad number or duration syntax: "4m5"'],
  ["4.5m", '1:1: parse error: unknown unit "." in duration "4.5m"'],
  ["a[:1m]", "1:4: parse error: unexpected colon before duration in duration expression"],
  [
    "a[(])]",
    '1:4: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()',
  ],
  ["a offset (", "1:11: parse error: unclosed left parenthesis"],
  [
    "a offset -b",
    '1:11: parse error: unexpected identifier "b" in offset, expected number, duration, step(), or range()',
  ],
  ["a offset 5m +", "1:14: parse error: unexpected end of input"],
  ["a @ start(1)", '1:11: parse error: unexpected number "1" in @, expected timestamp'],
  ["abs(a, == b)", "1:6: parse error: trailing commas not allowed in function call args"],
  ["nope(a) b c", '1:1: parse error: unknown function with name "nope"'],
  ["min() c", "1:1: parse error: no arguments for aggregate expression provided"],
  ["sum by (x(y)) (a)", '1:10: parse error: unexpected "(" in grouping opts, expected "," or ")"'],
  ['a{b="\ufffd"}', "1:5: parse error: invalid UTF-8 rune"],
  ["f(1)", '1:1: parse error: unknown function with name "f"'],
  ["rate(a)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
  ["round(a, 1, 2)", '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3'],
  ["abs(a, )", "1:6: parse error: trailing commas not allowed in function call args"],
  ["sum(a b)", '1:7: parse error: unexpected identifier "b" in aggregation'],
  ["sum by a (b)", '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("'],
  ["sum by (a b) (c)", '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"'],
  [
    "sum(a, b)",
    "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2",
  ],
  ["a{b=c}", '1:5: parse error: unexpected identifier "c" in label matching, expected string'],
  ["a{b}", '1:4: parse error: unexpected "}" in label matching, expected label matching operator'],
  ['a{b="c" d}', '1:9: parse error: unexpected identifier "d" in label matching, expected "," or "}"'],
  ["a{", "1:3: parse error: unexpected end of input inside braces"],
  ['a{b="c}', "1:5: parse error: unterminated quoted string"],
  ['a{b="\\q"}', "1:5: parse error: unknown escape sequence U+0071 'q'"],
  ['{b=""}', "1:1: parse error: vector selector must contain at least one non-empty matcher"],
  ['a{__name__="b"}', '1:1: parse error: metric name must not be set twice: "a" or "b"'],
  ['a{b=~"("}', "1:3: parse error: error parsing regexp: missing closing ): `(`"],
  ["a[5m", "1:5: parse error: unclosed left bracket"],
  [
    "a[]",
    '1:3: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()',
  ],
  ["a[0s]", "1:3: parse error: duration must be greater than 0"],
  ["a[5m][5m]", "1:6: parse error: ranges only allowed for vector selectors"],
  ["a[5m1h]", '1:3: parse error: not a valid duration string: "5m1h"'],
  [
    "a offset",
    "1:9: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
  ],
  ["a offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"],
  ["a offset 1m[5m]", "1:12: parse error: no offset modifiers allowed before range"],
  [
    "1 @ 5",
    "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
  ],
  ["a @", "1:4: parse error: unexpected end of input in @, expected timestamp"],
  ["a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"],
  ["1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"],
  ["1 and 1", '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
  ["a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"],
  ["a and on (x) group_left b", '1:1: parse error: no grouping allowed for "and" operation'],
  [
    "a + on (x) group_left (x) b",
    '1:3: parse error: label "x" must not occur in ON and GROUP clause at once',
  ],
  ["1 + on (x) a", "1:1: parse error: vector matching only allowed between instant vectors"],
  [
    '-"a"',
    '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string"',
  ],
  ["100..5", '1:1: parse error: bad number or duration syntax: "100.."'],
  ["a ! b", "1:3: parse error: unexpected character after '!': ' '"],
  ["ü", "1:1: parse error: unexpected character: 'ü'"],
  ['"ü" + *', "1:8: parse error: unexpected <op:*>"],
  // What is complete is refused before what follows is.
  ["1e + +", '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e": invalid syntax'],
  ["sum(a)[5m] by )", "1:7: parse error: ranges only allowed for vector selectors"],
  ["a smoothed }", "1:12: parse error: unexpected character: '}'"],
  [
    "(a) @ start() b",
    "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
  ],
  [
    "sum(1, a) b",
    "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2",
  ],
  ["sum(1, a) `", "1:11: parse error: unterminated raw string"],
  ["sum by (a) (b smoothed c", '1:24: parse error: unexpected identifier "c" in aggregation'],
  ["a[1.5s]", '1:3: parse error: unknown unit "." in duration "1.5s"'],
  ["a 1.5s", '1:3: parse error: unexpected duration "1.5s"'],
  ["a.5s", '1:2: parse error: unexpected duration ".5s"'],
  ["a!", "1:2: parse error: unexpected character after '!': '\ufffd'"],
  ["sum by (Inf) (a)", '1:9: parse error: unexpected number "Inf" in grouping opts, expected label'],
  ["sum by (without) (a)", "1:9: parse error: unexpected <without> in grouping opts, expected label"],
  ["a + on (b) group_left", '1:22: parse error: unexpected end of input in grouping opts, expected "("'],
];

for (const [query, message] of REFUSED) {
  test(`parseExpression() refuses ${JSON.stringify(query)}`, () => {
    assert.throws(() => parseExpression(query, ALL), { name: "ParseError", message });
  });
}

test("parseExpression() refuses what is behind a feature flag", () => {
  for (const query of ["limitk(1, a)", "info(a)", "a anchored", "a + fill (0) b"]) {
    assert.throws(() => parseExpression(query), /experimental|not enabled/);
    parseExpression(query, ALL);
  }
  assert.throws(() => parseExpression("a[5m + 1m]", { durationExpressions: false }), /not enabled/);
});

test("parseExpression() refuses a call that is off before what is wrong behind it", () => {
  assert.throws(() => parseExpression("start() foo"), { message: /^1:1: .*function "start" is not enabled/ });
  assert.throws(() => parseExpression("a[step() 1]"), { message: /^1:10: .*unexpected number "1"/ });
  assert.throws(() => parseExpression("a[1m1h:b]"), {
    message: /^1:3: .*not a valid duration string: "1m1h"/,
  });
  assert.throws(() => parseExpression("a anchored }"), {
    message: /^1:1: .*anchored modifier is experimental/,
  });
});

test("parseExpression() takes nesting and operators up to its limits", () => {
  const nested = (depth: number) => "(".repeat(depth) + "1" + ")".repeat(depth);
  const chained = (operators: number) => `1${" + 1".repeat(operators)}`;
  parseExpression(nested(EXPRESSION_DEPTH_LIMIT));
  parseExpression(chained(OPERATOR_LIMIT));
  assert.throws(() => parseExpression(nested(EXPRESSION_DEPTH_LIMIT + 1)), /levels deep/);
  assert.throws(() => parseExpression(chained(OPERATOR_LIMIT + 1)), /operators/);
  assert.throws(() => parseExpression("-".repeat(200_000) + "1"), ParseError);
  assert.throws(() => parseExpression("(".repeat(200_000)), ParseError);
});

const PIECES = [
  "foo",
  "1",
  "5m",
  "sum",
  "rate",
  "by",
  "on",
  "offset",
  "@",
  "bool",
  "group_left",
  "and",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  "=",
  "==",
  "=~",
  "!",
  "+",
  "-",
  "^",
  '"a"',
  "'",
  "\\",
  "`",
  "#",
  "\n",
  " ",
  "start()",
  "step()",
  "0x",
  "1e",
  "NaN",

  "\u{1f600}",
  "\ud800",
  "fill",
  "anchored",
  "_",
  ".",
  "max_of(",
  "info(",
  "\0",
];

test("parseExpression() answers or refuses whatever it gets, with a position", () => {
  const seed = 7;
  const random = seededRandom(seed);
  for (let round = 0; round < 20_000; round++) {
    let query = "";
    for (let i = 1 + randomInteger(random, 12); i > 0; i--)
      query += PIECES[randomInteger(random, PIECES.length)];
    try {
      const text = printExpression(parseExpression(query, ALL));
      assert.equal(printExpression(parseExpression(text, ALL)), text, query);
    } catch (error) {
      assert.ok(
        error instanceof ParseError,
        `${JSON.stringify(query)}, seed ${seed}: ${(error as Error).stack}`,
      );
      assert.match(error.message, /^\d+:\d+: parse error: ./);
    }
  }
});
