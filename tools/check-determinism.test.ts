import assert from "node:assert/strict";
import { test } from "node:test";
import { determinismFindings } from "./check-determinism.ts";

const REACHES = [
  "const now = Date.now();",
  "const now = new Date();",
  "setTimeout(done, 5);",
  "await fetch(url);",
  "const port = Math.random();",
  'import { createServer } from "node:http";',
  'import * as fs from "node:fs/promises";',
  'import { spawn } from "node:child_process";',
  "const home = process.env.HOME;",
  "const signal = AbortSignal.timeout(5);",
];

test("determinismFindings() names what reaches outside", () => {
  for (const text of REACHES)
    assert.equal(determinismFindings({ path: "src/keda/scaler.ts", text }).length, 1, text);
});

test("determinismFindings() lets base, simulation and tests reach outside", () => {
  for (const path of ["src/base/clock.ts", "src/simulation/world.ts", "src/keda/scaler.test.ts"]) {
    for (const text of REACHES) assert.deepEqual(determinismFindings({ path, text }), [], `${path} ${text}`);
  }
});

test("determinismFindings() lets through what only looks like it", () => {
  const harmless = [
    "// Date.now() is not allowed here",
    "this.clock.setTimeout(done);",
    "await network.fetch(url);",
    'import type { Server } from "node:http";',
    "new Date(clock.now());",
  ];
  for (const text of harmless)
    assert.deepEqual(determinismFindings({ path: "src/keda/scaler.ts", text }), [], text);
});
