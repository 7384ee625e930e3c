import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadGate } from "./read-gate.ts";

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

test("ReadGate lets readers overlap and a change have it alone", async () => {
  const gate = new ReadGate();
  const log: string[] = [];
  const [a, b] = [deferred(), deferred()];
  const reading = [
    gate.read(() => a.promise.then(() => log.push("a"))),
    gate.read(() => b.promise.then(() => log.push("b"))),
  ];
  const changing = gate.exclusive(() => log.push("change"));
  b.resolve();
  await reading[1];
  const late = gate.read(async () => log.push("late, while the old ones are waited for"));
  await late;
  a.resolve();
  await Promise.all([...reading, changing]);
  await gate.read(async () => log.push("after"));
  assert.deepEqual(log, ["b", "late, while the old ones are waited for", "a", "change", "after"]);
});

test("ReadGate opens again after a failure of reader or change", async () => {
  const gate = new ReadGate();
  await assert.rejects(
    gate.read(() => Promise.reject(new Error("reader"))),
    /reader/,
  );
  await assert.rejects(
    gate.exclusive(() => {
      throw new Error("change");
    }),
    /change/,
  );
  assert.equal(await gate.read(async () => 1), 1);
  assert.equal(await gate.exclusive(() => 2), 2);
});
