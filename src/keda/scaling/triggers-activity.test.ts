import assert from "node:assert/strict";
import { test } from "node:test";
import { activeTriggerIndexes, mergedActivity } from "./triggers-activity.ts";

test("activeTriggerIndexes() goes by the last metric of a trigger that could be had", () => {
  const error = new Error("no answer");
  const cases: [metrics: { active: boolean; error?: Error }[], expected: boolean][] = [
    [[], false],
    [[{ active: true }], true],
    [[{ active: true }, { active: false }], false],
    [[{ active: false }, { active: true }], true],
    [[{ active: true }, { active: false, error }], true],
    [[{ active: true, error }], false],
  ];
  for (const [metrics, expected] of cases) {
    const readings = metrics.map((metric) => ({ triggerIndex: 1, ...metric }));
    const indexes = activeTriggerIndexes([{ triggerIndex: 0, active: true }, ...readings]);
    assert.deepEqual([...indexes], expected ? [0, 1] : [0]);
  }
});

test("mergedActivity() applies what one scaling changed to what is there by now", () => {
  const on = { isActive: true };
  const off = { isActive: false };
  type Activity = Record<string, { isActive: boolean }>;
  const cases: [
    current: Activity | undefined,
    base: Activity | undefined,
    next: Activity,
    expected: Activity | undefined,
  ][] = [
    // Nothing is nothing in the status, not an empty map.
    [undefined, undefined, {}, undefined],
    [{ gone: on }, { gone: on }, {}, undefined],
    [undefined, undefined, { a: on }, { a: on }],
    [{ a: off }, { a: off }, { a: on, b: off }, { a: on, b: off }],
    [{ a: off, gone: on }, { a: off, gone: on }, { a: off }, { a: off }],
    // Another scaling woke `b` in between, and this one saw nothing new of it.
    [
      { a: off, b: on },
      { a: off, b: off },
      { a: on, b: off },
      { a: on, b: on },
    ],
    [{ a: off, c: on }, { a: off }, { a: on }, { a: on, c: on }],
  ];
  for (const [current, base, next, expected] of cases)
    assert.deepEqual(mergedActivity(current, base, next), expected);
});
