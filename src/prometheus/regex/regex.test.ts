import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { TEXTS_LIMIT } from "./fixed-texts.ts";
import { STATE_LIMIT } from "./lazy-automaton.ts";
import { expandTemplate, Regex } from "./regex.ts";
import { NESTING_LIMIT, REPEAT_LIMIT } from "./syntax.ts";

const MATCHES: [pattern: string, matching: string[], other: string[]][] = [
  ["", [""], ["a"]],
  ["a", ["a"], ["", "aa", "b"]],
  ["a|bc|", ["a", "bc", ""], ["abc", "b"]],
  ["test-db-.*", ["test-db-", "test-db-small-0", "test-db-\n"], ["test-d", "x-test-db-"]],
  ["foo.+", ["foox"], ["foo", "fo"]],
  [".*foo", ["foo", "xfoo"], ["foox"]],
  [".*foo.*", ["foo", "xfoox"], ["fo"]],
  ["(a|b)*c", ["c", "abbac"], ["abx", ""]],
  ["[^a-c]+", ["xyz"], ["xaz", ""]],
  ["\\d{2,3}", ["12", "123"], ["1", "1234"]],
  ["(?i)pro.*", ["PROduction", "pro"], ["xpro"]],
  [".*((?i)DUC).*", ["production", "DUC"], ["du c"]],
  ["((?i)a)b", ["Ab", "ab"], ["AB"]],
  ["(?i:k)", ["k", "K", "\u212a"], ["x"]],
  ["^a$", ["a"], ["", "aa"]],
  ["a$|^b", ["a", "b"], ["ab"]],
  ["(?m)a$\nb", ["a\nb"], ["ab"]],
  ["\\bfoo\\b.*", ["foo", "foo bar"], ["foobar"]],
  ["(?-s:.)", ["a"], ["\n"]],
  [".", ["a", "\n", "😀"], ["", "ab"]],
  ["[😀-😂]", ["😁"], ["😃", "a"]],
  ["\\p{Greek}+", ["αβγ"], ["abc"]],
  ["\\pL\\PL", ["a1"], ["ab"]],
  ["[[:alpha:]]+[[:^digit:]]", ["abc"], ["ab1"]],
  ["\\Qa.b*\\E", ["a.b*"], ["axb"]],
  ["\\x41\\x{1F600}\\101", ["A😀A"], ["a"]],
  ["a{0}", [""], ["a"]],
  ["(?:)*", [""], ["a"]],
  ["(a*)*", ["", "aaa"], ["b"]],
  ["a{,2}", ["a{,2}"], ["aa"]],
  ["[]a]", ["]", "a"], ["b"]],
  ["[a-]", ["-", "a"], ["b"]],
];

for (const [pattern, matching, other] of MATCHES) {
  test(`matches() of ${JSON.stringify(pattern)}`, () => {
    const regex = new Regex(pattern);
    for (const text of matching) assert.ok(regex.matches(text), `${JSON.stringify(text)} should match`);
    for (const text of other) assert.ok(!regex.matches(text), `${JSON.stringify(text)} should not match`);
    for (const text of matching) assert.equal(regex.exec(text)?.groups[0], text);
  });
}

const REFUSED: [pattern: string, message: string][] = [
  ["foo(", "error parsing regexp: missing closing ): `foo(`"],
  ["foo)", "error parsing regexp: unexpected ): `foo)`"],
  ["[a", "error parsing regexp: missing closing ]: `[a`"],
  ["*", "error parsing regexp: missing argument to repetition operator: `*`"],
  ["{2}a", "error parsing regexp: missing argument to repetition operator: `{2}`"],
  ["(a{500}){3}", "error parsing regexp: invalid repeat count: `{3}`"],
  ["a\\", "error parsing regexp: trailing backslash at end of expression: ``"],
  ["a**", "error parsing regexp: invalid nested repetition operator: `**`"],
  ["a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"],
  ["(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"],
  ["(?<=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`"],
  ["\\8", "error parsing regexp: invalid escape sequence: `\\8`"],
  ["[z-a]", "error parsing regexp: invalid character class range: `z-a`"],
];

for (const [pattern, message] of REFUSED) {
  test(`new Regex() refuses ${pattern}`, () => {
    assert.throws(() => new Regex(pattern), { message });
  });
}

test("new Regex() refuses what is nested or repeated too much, and takes what is just not", () => {
  const nested = (depth: number) => `${"(".repeat(depth)}a${")".repeat(depth)}`;
  assert.ok(new Regex(nested(NESTING_LIMIT)).matches("a"));
  assert.throws(() => new Regex(nested(NESTING_LIMIT + 1)), /nests too deeply/);
  assert.ok(new Regex(`a{${REPEAT_LIMIT}}`).matches("a".repeat(REPEAT_LIMIT)));
  assert.throws(() => new Regex(`(a{100}){11}`), /invalid repeat count/);
});

test("texts are those of a few fixed ones, else undefined", () => {
  assert.deepEqual(new Regex("a(b|c)d?").texts?.toSorted(), ["ab", "abd", "ac", "acd"]);
  assert.equal(new Regex("a.*").texts, undefined);
  const alternatives = (count: number) => Array.from({ length: count }, (_, i) => `pod-${i}`).join("|");
  assert.equal(new Regex(alternatives(TEXTS_LIMIT)).texts?.length, TEXTS_LIMIT);
  const more = new Regex(alternatives(TEXTS_LIMIT + 1));
  assert.equal(more.texts, undefined);
  assert.ok(more.matches("pod-7"));
});

test("exec() prefers as Perl does, and expandTemplate() puts groups in", () => {
  const match = new Regex("(a+?)(a*)-(?P<number>\\d+)(x)?").exec("aaa-42")!;
  assert.deepEqual(match.groups, ["aaa-42", "a", "aa", "42", undefined]);
  assert.equal(expandTemplate(["$2", "$", "{1}", "/$number/$4/$$/$9"].join(""), match), "aaa/42//$/");
});

test("matches() takes no longer for expressions that are made to", () => {
  // JavaScript's own would not end within the age of the universe.
  for (const pattern of ["(a*)*b", "(a|a)*b", "(.*)*x(.*)*y", "(a|aa)+$b", "([a-z]+)*\\bX"]) {
    assert.equal(new Regex(pattern).matches("a".repeat(5000)), false);
  }
});

test("matches() of an expression with more states than are kept", () => {
  // The automaton of this one has 2^12 states.
  const regex = new Regex("(a|b)*a(a|b){11}c?");
  const random = seededRandom(5);
  let text = "";
  for (let i = 0; i < 4 * STATE_LIMIT; i++) text += random.float() < 0.5 ? "a" : "b";
  assert.equal(regex.matches(text), text.at(-12) === "a");
});

/** A random pattern of what RE2 and JavaScript have in common. */
function randomPattern(next: (below: number) => number, depth: number): string {
  const atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\d", "\\w", "1", "^", "$"];
  if (depth === 0) return atoms[next(atoms.length)];
  const inner = () => randomPattern(next, depth - 1);
  switch (next(5)) {
    case 0:
      return `(?:${inner()}|${inner()})`;
    case 1:
      return `(${inner()})${["*", "+", "?", "{1,2}", "*?", "+?"][next(6)]}`;
    default:
      return inner() + inner();
  }
}

test("matches() and exec() agree with JavaScript on random expressions", () => {
  const seed = 20_261_123;
  const random = seededRandom(seed);
  const next = (below: number) => randomInteger(random, below);
  for (let round = 0; round < 3000; round++) {
    const pattern = randomPattern(next, 1 + next(3));
    const own = new Regex(pattern);
    const theirs = new RegExp(`^(?:${pattern})$`, "s");
    for (let i = 0; i < 5; i++) {
      const text = Array.from({ length: next(7) }, () => "abc1\n"[next(5)]).join("");
      const message = `${JSON.stringify(pattern)} on ${JSON.stringify(text)}, seed ${seed}`;
      assert.equal(own.matches(text), theirs.test(text), message);
      assert.equal(own.exec(text) !== undefined, theirs.test(text), message);
    }
  }
});
