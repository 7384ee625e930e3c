import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../base/disk.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { readTopologyManifests } from "./manifests.ts";
import { parseScenario, ScenarioError, scenario } from "./scenario.ts";
import { junitXml, verdictOf } from "./scenario-report.ts";
import { simulateScenario } from "./simulated-world.ts";

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
  const xml = junitXml([verdictOf(result, "a&b.yaml", 1, 0.5)]);
  assert.match(xml, /<testsuites tests="1" failures="1"/);
  assert.match(xml, /classname="a&amp;b.yaml"/);
});

test("an expectation that is never reached is broken at the end", async () => {
  const never = scenario({ name: "never", for: "20s", expect: [{ by: "20s", replicas: 9 }] });
  assert.match((await simulateScenario(never, 1, manifests)).broken!.expectation, /by 20s, replicas 9/);
});
