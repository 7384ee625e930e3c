/** `topology verify` as a user has it: scenarios in real time on a topology of their own, with waits made short. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runCli } from "./cli-process.ts";
import { writeHurriedManifests } from "./hurried-manifests.ts";

/** Five tenants come and go: the tier grows from one pod to three, and shrinks again pod by pod. */
const LIVE = `name: live
for: 45s
load:
  - { from: 1s, to: 21s, tenants: 5, every: 1s }
faults:
  - { at: 14s, kill: test-db-small-1 }
  - { from: 16s, to: 18s, hang: prometheus-0 }
expect:
  - { at: 0s, replicas: 1 }
  - { by: 14s, replicas: 3 }
  - { from: 14s, to: 25s, replicas: ">= 3", failed: 0 }
  - { by: 45s, from: 25s, replicas: 1 }
  - { at: 45s, served: ">= 50", lost: 0 }
`;

/** Half of the scrape interval: the HPA reads every scrape, and so does the replay. */
const SYNC = "500ms";

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

test("topology verify runs what it can live, and exits 1 for what breaks; replay tells a run's scaling again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "verify-"));
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const hurried = writeHurriedManifests(join(directory, "k8s"));
    const timeline = join(directory, "timeline.jsonl");
    const junit = join(directory, "junit.xml");
    const keep = join(directory, "kept");
    const { code, output } = await runCli([
      "verify",
      file("live.yaml", LIVE),
      file("virtual.yaml", VIRTUAL),
      file("wrong.yaml", WRONG),
      "--own",
      ...["--manifests", hurried, "--horizontal-pod-autoscaler-sync-period", SYNC, "--keep", keep],
      ...["--timeline", timeline, "--junit", junit],
    ]);
    assert.match(output, /not live {2}only in virtual time: loss: loopback loses nothing/);
    assert.match(output, /2 of 3 scenarios can run live, and take 1m5s/);
    assert.match(output, /ok {5}live {2}\(45s in/);
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

    // What the run's Prometheus stored and the run's ScaledObject make the same steps again.
    const happened = entries.flatMap(({ scenario, what, text }) => {
      const size =
        scenario === "live" && what === "hpa" ? /SuccessfulRescale: New size: (\d+)/.exec(text) : null;
      return size === null ? [] : [Number(size[1])];
    });
    assert.equal(Math.max(...happened), 3);
    assert.deepEqual(happened.slice(-2), [2, 1]);
    assert.deepEqual(await replayed(dataDirectoryBelow(join(keep, "live")), hurried), happened);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Prometheus' data directory on the volume of its pod. */
function dataDirectoryBelow(directory: string): string {
  const logs = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("data-prometheus-0/wal"),
  );
  assert.equal(logs.length, 1, logs.join(" "));
  return join(directory, dirname(logs[0]));
}

/** The numbers of pods that a replay of the data goes through. */
async function replayed(data: string, manifests: string): Promise<number[]> {
  const scaledObject = join(manifests, "manifests/scaledobject.yaml");
  const { code, output } = await runCli([
    ...["replay", "--json", "--data", data, "--scaled-object", scaledObject, "--initial-replicas", "1"],
    ...["--horizontal-pod-autoscaler-sync-period", SYNC, "--lookback-delta", "1m"],
  ]);
  assert.equal(code, 0, output);
  const { variants } = JSON.parse(output) as { variants: { changes: { to: number }[] }[] };
  return variants[0].changes.map(({ to }) => to);
}
