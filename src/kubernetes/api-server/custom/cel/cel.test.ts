import assert from "node:assert/strict";
import test from "node:test";
import { randomInteger, seededRandom } from "../../../../base/random.ts";
import { evaluateCel } from "./cel-evaluate.ts";
import { CelSyntaxError, MAX_CEL_DEPTH, parseCel } from "./cel-syntax.ts";
import { CelError, celValueOf } from "./cel-value.ts";

const SELF = {
  name: "abc",
  count: 5,
  ratio: 0.5,
  tags: ["a", "b"],
  labels: { x: "1", "a-b": "2" },
  ports: [
    { name: "http", port: 80 },
    { name: "https", port: 443 },
  ],
};
const evaluate = (text: string) => evaluateCel(parseCel(text), { self: celValueOf(SELF, undefined) });

test("expressions that hold", () => {
  for (const text of [
    "1 + 2 * 3 == 7 && -7 / 2 == -3 && -7 % 2 == -1 && 7.0 / 2.0 == 3.5",
    "1 == 1.0 && 2 > 1.5 && 0x1F == 31 && 5u == 5",
    "'a' + \"b\" == 'ab' && r'\\d' == '\\\\d' && '''x\"y''' == 'x\"y' && '\\u0041\\x42\\103' == 'ABC'",
    "b'ab' == bytes('ab') && size(b'abc') == 3",
    "true || 1 / 0 > 0",
    "1 / 0 > 0 || true",
    "!(false && 1 / 0 > 0)",
    "self.count > 3 ? self.name == 'abc' : false",
    "has(self.name) && !has(self.nope)",
    "self.labels['a-b'] == '2' && self.labels.a__dash__b == '2' && 'x' in self.labels && !('y' in self.labels)",
    "self.tags.all(t, t.size() == 1) && self.tags.exists(t, t == 'b') && self.tags.exists_one(t, t == 'a')",
    "self.ports.map(p, p.port) == [80, 443] && self.ports.filter(p, p.port > 100)[0].name == 'https'",
    "self.ports.map(p, p.port > 100, p.name) == ['https'] && self.labels.all(k, k != 'y')",
    "self.tags.all(i, t, i < 2 && t != 'c')",
    "[1, 2] + [3] == [1, 2, 3] && 2 in [1, 2] && {'a': 1}.a == 1 && {'a': [1]} == {'a': [1.0]}",
    "'a,b,c'.split(',') == ['a', 'b', 'c'] && ['a', 'b'].join('-') == 'a-b' && 'abc'.substring(1, 2) == 'b'",
    "'Hello'.lowerAscii() == 'hello' && ' x '.trim() == 'x' && 'aXbX'.replace('X', '') == 'ab'",
    "'abc'.matches('^a.c$') && 'abc'.contains('b') && 'a1b22'.find('[0-9]+') == '1' && 'x'.indexOf('y') == -1",
    "int('5') == 5 && string(5) == '5' && double('1.5') == 1.5 && type(5) == int && type('') != int",
    "duration('1h') > duration('59m') && duration('90m').getHours() == 1",
    "timestamp('2024-01-02T03:04:05Z') - timestamp('2024-01-01T00:00:00Z') > duration('24h')",
    "timestamp('2024-01-02T03:04:05Z').getFullYear() == 2024",
    "[3, 1, 2].max() == 3 && [1, 2].sum() == 3 && [1, 2].isSorted() && [1, 1, 2].distinct() == [1, 2]",
    "self.?nope.orValue(7) == 7 && self.?name.hasValue() && optional.of(1).value() == 1",
    "quantity('1Gi').isGreaterThan(quantity('1000M')) && isQuantity('5x') == false",
    "self.ratio < 1 && self.count * 2 == 10 // a note",
  ])
    assert.equal(evaluate(text), true, text);
});

test("what can't be evaluated says why", () => {
  for (const [text, problem] of [
    ["self.nope == 1", "no such key: nope"],
    ["self.tags[5] == 'a'", "index out of bounds: 5"],
    ["1 / 0 == 1", "division by zero"],
    ["1 % 0 == 1", "modulus by zero"],
    ["9223372036854775807 + 1 > 0", "integer overflow"],
    ["1 + 'a' == 2", "no such overload"],
    ["self.name.nothing()", "no such overload"],
    ["'a' < 1", "no such overload"],
    ["other > 1", "undeclared reference to 'other'"],
  ] as const)
    assert.throws(() => evaluate(text), new CelError(problem), text);
});

test("an expression that never ends is given up", () => {
  const many = JSON.stringify(Array.from({ length: 110 }, (_, index) => index));
  const nested = `${many}.all(a, ${many}.all(b, ${many}.all(c, a + b + c >= 0)))`;
  assert.throws(() => evaluate(nested), new CelError("operation cancelled: actual cost limit exceeded"));
});

test("what is no expression is refused with its place", () => {
  for (const text of [
    "",
    "1 +",
    "self.",
    "(1",
    "[1",
    "{1: }",
    "1 2",
    "'a",
    "a ? b",
    "#",
    "in",
    "self.size() > 3 &&",
  ])
    assert.throws(() => parseCel(text), CelSyntaxError, text);
  const deep = (depth: number) => `${"(".repeat(depth)}1${")".repeat(depth)}`;
  parseCel(deep(MAX_CEL_DEPTH - 1));
  assert.throws(() => parseCel(deep(MAX_CEL_DEPTH)), /recursion limit/);
  assert.throws(() => parseCel("!".repeat(100_000)), /recursion limit/);
  assert.throws(
    () => parseCel("self.size() > 3 &&"),
    /^Error: ERROR: <input>:1:19: Syntax error: mismatched input '<EOF>' expecting .*\n \| self.size\(\) > 3 &&\n \| \.{18}\^$/,
  );
});

test("no text makes the parser or the evaluation fail in any other way (seed 11)", () => {
  const random = seededRandom(11);
  const pieces =
    "self . ? [ ] { } ( ) , : + - * / % ! < <= == != && || in 1 2.5 'a' b'c' true null has all x size map name tags .? [? optional of".split(
      " ",
    );
  for (let round = 0; round < 20_000; round++) {
    const length = 1 + randomInteger(random, 12);
    const text = Array.from({ length }, () => pieces[randomInteger(random, pieces.length)]).join(
      randomInteger(random, 2) === 0 ? " " : "",
    );
    try {
      evaluate(text);
    } catch (error) {
      assert.ok(error instanceof CelSyntaxError || error instanceof CelError, text);
    }
  }
});
