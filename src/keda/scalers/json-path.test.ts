import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { MAX_PATH_STEPS, valueAtPath } from "./json-path.ts";

const QUEUES = {
  queues: [
    { name: "mail", length: 4, hosts: ["a", "b"], idle: false },
    { name: "bills", length: 9, hosts: [], idle: true },
    { name: "misc", hosts: ["b"], idle: false },
  ],
  sizes: [3, 8, 5],
  "per.cent": { ab: 1, "x*": 2 },
  left: { empty: 1 },
  leaf: { n: 6 },
};

test("valueAtPath() goes by names, patterns, indexes, lengths and queries", () => {
  const cases: [path: string, expected: unknown][] = [
    ["queues.1.length", 9],
    ["queues.#", 3],
    ["queues.#.length", [4, 9]],
    ["queues.#.length|1", 9],
    ["queues.#.hosts.0", ["a", "b"]],
    ["queues.#.hosts|0", ["a", "b"]],
    ['queues.#(name=="bills").length', 9],
    ['queues.#(name="bills").length', 9],
    ['queues.#(name!="mail").length', 9],
    ["queues.#(length>4).name", "bills"],
    ["queues.#(length<=4).name", "mail"],
    ["queues.#(idle==true).name", "bills"],
    ["queues.#(idle==false)#.name", ["mail", "misc"]],
    ["queues.#(idle==false)#|1.name", "misc"],
    ["queues.#(idle==false)#|#", 2],
    ['queues.#(name%"mi*").hosts.0', "b"],
    ['queues.#(name!%"m*").length', 9],
    ['queues.#(hosts.#(=="b"))#.name', ["mail", "misc"]],
    ["queues.#(length)#|#", 2],
    ["sizes.#(>4)", 8],
    ["sizes.#(>4)#", [8, 5]],
    ["per\\.cent.a?", 1],
    ["per\\.cent.x\\*", 2],
    ["le*.n", 6],
    ["queues.01.length", 9],
    ["queues.-1.length", undefined],
    ["queues.name", undefined],
    ["queues.#(length>4", undefined],
    ["sizes.0.x", undefined],
    ["@reverse", undefined],
    ["", undefined],
  ];
  for (const [path, expected] of cases) assert.deepEqual(valueAtPath(QUEUES, path), expected, path);
});

test("valueAtPath() bounds the steps of a path", () => {
  const deep = (steps: number): unknown => (steps === 0 ? 7 : { a: deep(steps - 1) });
  const path = (steps: number) => Array(steps).fill("a").join(".");
  assert.equal(valueAtPath(deep(MAX_PATH_STEPS), path(MAX_PATH_STEPS)), 7);
  const more = MAX_PATH_STEPS + 1;
  assert.throws(() => valueAtPath(deep(more), path(more)), /more than 100 steps/);
});

test("valueAtPath() answers for any path (seeded)", () => {
  const random = seededRandom(103);
  const parts = ["queues", "#", "(", ")", "name", "=", '"', "\\", "*", "?", ".", "|", "0", "~", "[", "@"];
  for (let round = 0; round < 5000; round++) {
    const length = 1 + randomInteger(random, 12);
    const path = Array.from({ length }, () => parts[randomInteger(random, parts.length)]).join("");
    valueAtPath(QUEUES, path);
  }
});
