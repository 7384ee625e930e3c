import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, digestOf } from "./scenario-digests.ts";

test("scenarios give on this machine the timelines that were committed, byte for byte", async () => {
  assert.equal(await differences(), undefined);
});

test("digestOf() is another for an entry a millisecond later, and for one more request", () => {
  const entry = { atMs: 1_000, what: "replicas", text: "1 → 2" };
  const seen = { replicas: 1, ready: 1, tenants: 0, drift: 0, errors: 0, conflicts: 0, failed: 0, lost: 0 };
  const sample = { atMs: 0, observation: { ...seen, served: 1, waited: 0 } };
  const more = { atMs: 0, observation: { ...seen, served: 2, waited: 0 } };
  const digests = [
    digestOf({ broken: undefined, timeline: [entry], samples: [sample] }),
    digestOf({ broken: undefined, timeline: [{ ...entry, atMs: 1_001 }], samples: [sample] }),
    digestOf({ broken: undefined, timeline: [entry], samples: [more] }),
  ];
  assert.equal(new Set(digests).size, digests.length);
});
