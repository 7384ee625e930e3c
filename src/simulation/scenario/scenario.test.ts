import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { createJournalEngine } from "../../test-db/mod.ts";
import { readTopologyManifests } from "../manifests.ts";
import { simulateScenario } from "../simulated-world.ts";
import { MemoryDisk } from "../virtual/memory-disk.ts";
import { OpenTenants } from "../world/open-tenants.ts";
import { ScenarioError } from "./scenario.ts";
import { readScenarioFiles } from "./scenario-files.ts";
import { junitXml, reportOf } from "./scenario-report.ts";
import { type ScenarioSource, scenario } from "./scenario-source.ts";
import { parseScenario } from "./scenario-yaml.ts";

const manifests = await readTopologyManifests(systemDisk);

test("parseScenario() reads every scenario of the library", async () => {
  const names = await systemDisk.list(`${PACKAGE_ROOT}/scenarios`);
  assert.ok(names.length > 20);
  for (const name of names.filter((file) => file.endsWith(".yaml"))) {
    const text = new TextDecoder().decode(await systemDisk.readFile(`${PACKAGE_ROOT}/scenarios/${name}`));
    const { expectations, about } = parseScenario(text, name);
    assert.ok(expectations.length > 0 && about !== "", name);
  }
});

test("parseScenario() names file, line and field of what is wrong", () => {
  const base = "name: x\nfor: 1m\nexpect:\n";
  const cases: [string, RegExp][] = [
    ["name: x\nfor: 1m\nexpct: []\n", /x\.yaml:3: expct: unknown field/],
    ["name: x\nfor: soon\nexpect: []\n", /x\.yaml:2: for: "soon" is no duration/],
    [`${base}  - { at: 10s, replicas: many }\n`, /x\.yaml:4: expect\.0\.replicas: many is no number/],
    [`${base}  - { at: 2m, replicas: 1 }\n`, /x\.yaml:4: expect\.0: lies outside of the scenario/],
    [`${base}  - { at: 10s }\n`, /one of replicas, ready/],
    [
      "name: x\nfor: 1m\nload:\n  - { tenants: 0 }\nexpect: []\n",
      /x\.yaml:4: load\.0\.tenants: must be a whole number/,
    ],
    ["name: x\nfor: 1m\nfaults:\n  - { at: 1s, explode: all }\nexpect: []\n", /faults\.0: one of kill, hang/],
    ["name: [\n", /x\.yaml:\d+: /],
    [
      "name: x\nfor: 1m\nstartup: { min: 3s, max: 1s }\nexpect: []\n",
      /x\.yaml:3: startup\.max: must not be below/,
    ],
    [
      "name: x\nfor: 1m\nautoscaler:\n  version: 1.28\nexpect: []\n",
      /x\.yaml:4: autoscaler\.version: "1\.28" or/,
    ],
    ["name: x\nfor: 1m\npatch:\n  keda: {}\nexpect: []\n", /x\.yaml:4: patch\.keda: Kind\/name is needed/],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 2m, kill: a-0 }\nexpect: []\n",
      /x\.yaml:4: faults\.0: lies outside/,
    ],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 1s, to: 2s, kill: a }\nexpect: []\n",
      /faults\.0\.to: kill does not last/,
    ],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 1s, loss: 2 }\nexpect: []\n",
      /faults\.0\.loss: must be from 0 to 1/,
    ],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 1s, scale: { a: 1 } }\nexpect: []\n",
      /faults\.0\.scale\.a: Kind\/name/,
    ],
    [`${base}  - { at: 10s, replicas: 1.2.3 }\n`, /x\.yaml:4: expect\.0\.replicas: 1\.2\.3 is no number/],
    [
      `${base}  - { at: 10s, replicas: 5..1 }\n`,
      /x\.yaml:4: expect\.0\.replicas: 5\.\.1 is no range from less/,
    ],
    ["- a\n", /x\.yaml:1: .*a scenario is a map/],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 1s, patch: { Foo/bar: {} } }\nexpect: []\n",
      /x\.yaml:4: faults\.0\.patch\.Foo\/bar: one of the kinds ConfigMap/,
    ],
    ["name: x\nfor: 1m\nonly: live\nexpect: []\n", /x\.yaml:3: only: virtual/],
    [
      "name: x\nfor: 1m\nothers: 2001\nexpect: []\n",
      /x\.yaml:3: others: must be a whole number from 0 to 2000/,
    ],
    ["name: x\nexpect: []\n", /x\.yaml:1: for: a duration such as 90s or 5m is needed/],
    ["name: x\nfor: 1m\n", /x\.yaml:1: expect: what is expected is missing/],
    ["name: x\nfor: 1m\nabout: [1]\nexpect: []\n", /x\.yaml:3: about: a text is needed/],
    [`${base}  - { at: 10s, by: 20s, replicas: 1 }\n`, /x\.yaml:4: expect\.0\.by: at is one moment/],
    [`${base}  - { by: 10s, to: 20s, replicas: 1 }\n`, /x\.yaml:4: expect\.0\.to: by is the end already/],
    [`${base}  - { from: 30s, to: 10s, replicas: 1 }\n`, /x\.yaml:4: expect\.0: ends before it begins/],
    [`${base}  - { at: 10s, replicas: [1, 2] }\n`, /x\.yaml:4: expect\.0\.replicas: \[1,2\] is no number/],
    [
      "name: x\nfor: 1m\nload:\n  - { from: 1s }\nexpect: []\n",
      /x\.yaml:4: load\.0\.tenants: must be a whole/,
    ],
    [
      "name: x\nfor: 1m\nfaults:\n  - { at: 1s, kill: }\nexpect: []\n",
      /x\.yaml:4: faults\.0\.kill: a pod's name, or/,
    ],
    ["name: x\nfor: 1m\nexpect: []\n---\nname: y\n", /x\.yaml:4: one scenario a file/],
    ["", /x\.yaml:1: a scenario is a map/],
    ["name: x\nfor: 1m\nactiveWindow: 10ms\nexpect: []\n", /x\.yaml:3: activeWindow: must be from 1s to 1d/],
  ];
  for (const [text, expected] of cases) {
    assert.throws(
      () => parseScenario(text, "x.yaml"),
      (error: Error) => error instanceof ScenarioError && expected.test(error.message),
      text,
    );
  }
});

test("a scenario in virtual time: three pods for five tenants, every write kept", async () => {
  const five = scenario({
    name: "five tenants",
    for: "3m",
    load: [{ from: "10s", to: "2m", tenants: 5, every: "4s" }],
    expect: [
      { at: "5s", replicas: 1 },
      { by: "75s", replicas: 3, ready: 3 },
      { failed: 0 },
      { at: "3m", lost: 0 },
    ],
  });
  const result = await simulateScenario(five, 1, manifests);
  assert.equal(result.broken, undefined);
  assert.ok(result.timeline.some(({ what, text }) => what === "hpa" && text.startsWith("1 → 3")));
});

test("the same seed gives the same timeline to the byte; another one does not", async () => {
  const source = scenario({
    name: "seeds",
    for: "2m",
    load: [{ from: "5s", tenants: 5, every: "3s" }],
    faults: [
      { at: "50s", kill: "test-db-small-0" },
      { from: "60s", to: "70s", loss: 0.1 },
    ],
    expect: [{ replicas: "1..10" }],
  });
  const run = async (seed: number) =>
    JSON.stringify((await simulateScenario(source, seed, manifests)).timeline);
  const [first, again, other] = [await run(7), await run(7), await run(8)];
  assert.equal(again, first);
  assert.notEqual(other, first);
});

test("a broken expectation stops the run and says what was seen", async () => {
  const wrong = scenario({ name: "wrong", for: "1m", expect: [{ at: "10s", replicas: 7 }] });
  const result = await simulateScenario(wrong, 1, manifests);
  assert.equal(result.broken!.seen, "replicas is 1");
  assert.ok(result.broken!.atMs < 11_000);
  const xml = junitXml([reportOf(result, "a&b.yaml", 1, 0.5).verdict]);
  assert.match(xml, /<testsuites tests="1" failures="1"/);
  assert.match(xml, /classname="a&amp;b.yaml"/);
});

test("activeWindow: who has left is forgotten after it, by the database and by what KEDA is told", async () => {
  const brief = scenario({
    name: "brief",
    for: "3m",
    activeWindow: "20s",
    load: [{ from: "5s", to: "60s", tenants: 3, every: "3s" }],
    expect: [
      { by: "60s", tenants: 3 },
      { by: "110s", from: "60s", tenants: 0 },
      { drift: 0, failed: 0 },
    ],
  });
  assert.equal((await simulateScenario(brief, 1, manifests)).broken, undefined);
});

test("an expectation that is never reached is broken at the end", async () => {
  const never = scenario({ name: "never", for: "20s", expect: [{ by: "20s", replicas: 9 }] });

  test("an expectation with a deadline breaks at the deadline, with what was seen then", async () => {
    const late = scenario({
      name: "late",
      for: "2m",
      load: [{ from: "5s", tenants: 3, every: "3s" }],
      expect: [{ by: "20s", replicas: 2 }],
    });
    const { broken } = await simulateScenario(late, 1, manifests);
    assert.deepEqual(broken, { expectation: "by 20s, replicas 2", atMs: 20_000, seen: "replicas is 1" });
  });
  assert.match((await simulateScenario(never, 1, manifests)).broken!.expectation, /by 20s, replicas 9/);
});

test("the Collector dead all the while changes nothing: the scaling timeline is the one with it alive", async () => {
  const source: ScenarioSource = {
    name: "pipelines",
    for: "13m",
    collector: true,
    load: [{ from: "10s", to: "2m", tenants: 5, every: "4s" }],
    expect: [
      { by: "75s", replicas: 3 },
      { by: "13m", from: "10m", replicas: 1 },
    ],
  };
  const dead = { at: "0s", scale: { "Deployment/otel-collector": 0 } };
  const scaling = async (faults: Record<string, unknown>[]) => {
    const { broken, timeline } = await simulateScenario(scenario({ ...source, faults }), 3, manifests);
    assert.equal(broken, undefined);
    // When a pod is gone is its own matter: its last export is refused sooner than it is taken.
    const tier = timeline.filter(
      ({ what, text }) =>
        ["hpa", "replicas", "ready"].includes(what) || /^test-db-\S+ (starting|ready)$/.test(text),
    );
    return tier.map(({ atMs, what, text }) => `${atMs} ${what} ${text}`);
  };
  const alive = await scaling([]);
  assert.ok(alive.length > 10);
  assert.deepEqual(await scaling([dead]), alive);
});

test("OpenTenants tells of a tenant that two living processes have open, and of no other", async () => {
  const told: string[] = [];
  const open = new OpenTenants((text) => told.push(text));
  const engine = createJournalEngine(new MemoryDisk());
  const [a, b, c] = [{ alive: true }, { alive: true }, { alive: true }];
  const [ofA, ofB, ofC] = [
    open.watch(engine, "a", a),
    open.watch(engine, "b", b),
    open.watch(engine, "c", c),
  ];
  const first = await ofA.open("/data/tenants/acme.1.db");
  await ofA.open("/data/tenants/acme.2.db");
  await ofB.open("/data/tenants/other.1.db");
  b.alive = false;
  await ofC.open("/data/tenants/other.2.db");
  assert.equal(open.conflicts, 0);
  await ofC.open("/data/tenants/acme.3.db");
  assert.equal(open.conflicts, 1);
  assert.deepEqual(told, ["acme is opened by c while a has it open"]);
  await first.close();
});

test("scenarios by seed: a function of the seed makes each one", async () => {
  const [file] = await readScenarioFiles(systemDisk, [`${PACKAGE_ROOT}/scenarios/faults-at-random.ts`]);
  const [one, again, other] = [file.scenarioOf(1), file.scenarioOf(1), file.scenarioOf(2)];
  assert.deepEqual(again, one);
  assert.notDeepEqual(other, one);
  for (const seed of [1, 2]) {
    const { broken } = await simulateScenario(file.scenarioOf(seed), seed, manifests);
    assert.equal(broken, undefined, `seed ${seed}`);
  }
});

test("a run that breaks shows what surrounds it", async () => {
  const wrong = scenario({
    name: "wrong",
    for: "2m",
    load: [{ from: "5s", tenants: 3, every: "2s" }],
    expect: [{ from: "80s", replicas: 1 }],
  });
  const { report } = reportOf(await simulateScenario(wrong, 5, manifests), "wrong.yaml", 5, 1).verdict;
  assert.match(report!, /expected from 80s, replicas 1/);
  assert.match(report!, /seed 5: replicas is 2/);
  assert.match(report!, /replicas {2}[▁-█ ]+ 2\n/);
  assert.match(report!, /hpa +1 → 2/);
});

test("tenants: KEDA's number is told in full while a pod that leaves still counts as one", async () => {
  const leaving = scenario({
    name: "leaving",
    for: "3m",
    load: [{ from: "5s", tenants: 6, first: 10, every: "3s" }],
    faults: [
      { from: "80s", to: "150s", partition: ["test-db-small-0", "test-db-small-2"] },
      { at: "85s", patch: { "ScaledObject/test-db-small": { spec: { maxReplicaCount: 2 } } } },
    ],
    expect: [
      { by: "80s", replicas: 3, tenants: 6 },
      { from: "115s", to: "135s", replicas: 2, tenants: 6 },
    ],
  });
  const { broken, timeline } = await simulateScenario(leaving, 1, manifests);
  assert.equal(broken, undefined);
  const gone = timeline.find(({ text }) => text === "test-db-small-2 gone");
  assert.ok(gone!.atMs > 135_000);
});
