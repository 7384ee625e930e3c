/** `topology verify` as a user has it: scenarios in real time on a topology of their own, with waits made short. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "./cli-process.ts";
import { writeHurriedManifests } from "./hurried-manifests.ts";

const LIVE = `name: live
for: 25s
load:
  - { from: 1s, tenants: 5, every: 1s }
faults:
  - { at: 14s, kill: test-db-small-1 }
  - { from: 16s, to: 18s, hang: prometheus-0 }
expect:
  - { at: 0s, replicas: 1 }
  - { by: 14s, replicas: 3 }
  - { from: 14s, replicas: ">= 3", failed: 0 }
  - { at: 25s, served: ">= 50", lost: 0 }
`;

const WRONG = `name: wrong
for: 20s
patch:
  ScaledObject/test-db-small: { spec: { minReplicaCount: 2 } }
expect:
  - { by: 10s, replicas: 2 }
  - { from: 10s, replicas: 1 }
`;

const VIRTUAL = `name: only in virtual time
for: 20s
faults:
  - { at: 1s, loss: 0.1 }
expect:
  - { replicas: 1 }
`;

test("topology verify runs what it can live, says what it can't, and exits 1 for a broken expectation", async () => {
  const directory = mkdtempSync(join(tmpdir(), "verify-"));
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const hurried = writeHurriedManifests(join(directory, "k8s"));
    const timeline = join(directory, "timeline.jsonl");
    const junit = join(directory, "junit.xml");
    const { code, output } = await runCli([
      "verify",
      file("live.yaml", LIVE),
      file("virtual.yaml", VIRTUAL),
      file("wrong.yaml", WRONG),
      "--own",
      ...["--manifests", hurried, "--horizontal-pod-autoscaler-sync-period", "1s"],
      ...["--timeline", timeline, "--junit", junit],
    ]);
    assert.match(output, /not live {2}only in virtual time: loss: loopback loses nothing/);
    assert.match(output, /2 of 3 scenarios can run live, and take 45s/);
    assert.match(output, /ok {5}live {2}\(25s in/);
    assert.match(output, /BROKEN wrong/);
    assert.match(output, /expected from 10s, replicas 1\n.*replicas is 2/);
    assert.match(output, /1 of 2 scenarios hold live; 1 were not run/);
    assert.equal(code, 1);
    const entries = readFileSync(timeline, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { scenario: string; what: string; text: string });
    const told = (what: string, text: RegExp) =>
      entries.some((entry) => entry.scenario === "live" && entry.what === what && text.test(entry.text));
    assert.ok(told("hpa", /SuccessfulRescale: New size: 3/), output);
    assert.ok(told("fault", /^kill test-db-small-1$/));
    assert.ok(told("fault", /^hang prometheus-0 ends$/));
    assert.match(readFileSync(junit, "utf8"), /tests="3" failures="1" skipped="1"/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
