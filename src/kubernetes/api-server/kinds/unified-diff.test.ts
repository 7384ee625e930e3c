import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { structDiff, unifiedDiff } from "./unified-diff.ts";

const lines = (text: string) => text.split(" ");

test("unifiedDiff() shows three lines around a change", () => {
  const diff = unifiedDiff(lines("a b c d e f g h i"), lines("a b c d X f g h i"));
  assert.equal(diff, "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n");
});

test("unifiedDiff() joins changes that share their surroundings, and parts others", () => {
  const before = lines("0 1 2 3 4 5 6 7 8 9 10 11 12 13");
  const near = before.map((line) => (line === "3" || line === "10" ? "x" : line));
  assert.equal(unifiedDiff(before, near).match(/@@ -/g)?.length, 1);
  const far = before.map((line) => (line === "2" || line === "10" ? "x" : line));
  assert.equal(unifiedDiff(before, far).match(/@@ -/g)?.length, 2);
});

test("unifiedDiff() counts an empty range from the line before it", () => {
  assert.equal(unifiedDiff(["a"], ["a", "b"]), "@@ -1 +1,2 @@\n a\n+b\n");
  assert.equal(unifiedDiff(["b"], ["a", "b"]), "@@ -1 +1,2 @@\n+a\n b\n");
  assert.equal(unifiedDiff(["a"], ["b"]), "@@ -1 +1 @@\n-a\n+b\n");
  assert.equal(unifiedDiff(["a", "b"], ["a", "b"]), "");
});

test("structDiff() escapes what could be markup", () => {
  assert.match(structDiff({ Command: "a>b" }, { Command: null }), /"a\\u003eb"/);
});

test("unifiedDiff() turns the one text into the other, whatever they are", () => {
  const random = seededRandom(20261129);
  for (let round = 0; round < 300; round++) {
    const text = () =>
      Array.from({ length: Math.floor(random.float() * 30) }, () => `${Math.floor(random.float() * 6)}`);
    const [before, after] = [text(), text()];
    assert.deepEqual(patched(before, unifiedDiff(before, after)), after, `round ${round}`);
  }
});

/** Applies hunks, checking what they say about the old text. */
function patched(before: string[], diff: string): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff.split("\n").slice(0, -1)) {
    const header = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (header) {
      const from = Number(header[1]) - (header[2] === "0" ? 0 : 1);
      result.push(...before.slice(at, from));
      at = from;
    } else if (line[0] === "+") result.push(line.slice(1));
    else {
      assert.equal(line.slice(1), before[at++]);
      if (line[0] === " ") result.push(line.slice(1));
    }
  }
  return [...result, ...before.slice(at)];
}
