import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { readTopologyManifests } from "../manifests.ts";
import { requireApplicable } from "../world/applicable.ts";
import { ScenarioError } from "./scenario.ts";
import { readScenarioFiles } from "./scenario-files.ts";
import { readScenarioText } from "./scenario-yaml.ts";

const manifests = await readTopologyManifests(systemDisk);

async function scenarioIn(name: string, text: string) {
  const directory = mkdtempSync(join(tmpdir(), "scenario-"));
  try {
    writeFileSync(join(directory, name), text);
    const [file] = await readScenarioFiles(systemDisk, [join(directory, name)]);
    return file.scenarioOf(3);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("readScenarioFiles() names file and line of what is wrong with a TypeScript file", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["export const scenari = 1;\n", /a\.ts: exports no scenario/],
    ['export const scenario = {\n  name: "x"\n  for: "1m"\n};\n', /a\.ts:3: /],
    ["enum Wrong { A }\n", /a\.ts:1: TypeScript enum is not supported/],
    ['\nimport "./nothing.ts";\n', /a\.ts: Cannot find module/],
    [
      "\nconst none = undefined as any;\nexport const scenario = none.a;\n",
      /a\.ts:3: Cannot read properties/,
    ],
    ["export const scenario = (seed) => {\n  throw new Error(`no ${seed}`);\n};\n", /a\.ts:2: no 3/],
    ["export const scenario = () => undefined;\n", /a\.ts.*: a scenario is a map/],
    ["export const scenario = async () => ({});\n", /a\.ts.*: scenario\(\) answers a promise/],
    [
      'export const scenario = { name: "x", for: "1m", expect: [{ at: "1s", pods: 1 }] };\n',
      /a\.ts.*: expect\.0\.pods: unknown field/,
    ],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(scenarioIn("a.ts", text), (error: Error) => {
      assert.ok(error instanceof ScenarioError, `${text}: ${error.stack}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("requireApplicable() names the place of what is not there, or what a cluster would refuse", async () => {
  const head = "name: x\nfor: 1m\nexpect: []\n";
  const cases: [text: string, message: RegExp][] = [
    [
      "patch:\n  Deployment/rooter: {}\n",
      /^x\.yaml:5: patch\.Deployment\/rooter: there is no Deployment\/rooter in virtual time; there is Deployment\/keda-operator/,
    ],
    [
      "patch:\n  ScaledObject/test-db-small: { spec: { minReplicas: 5 } }\n",
      /^x\.yaml:5: patch\.ScaledObject\/test-db-small: .*unknown field "spec\.minReplicas"/,
    ],
    [
      "patch:\n  ScaledObject/test-db-small: { spec: { minReplicaCount: five } }\n",
      /^x\.yaml:5: .*spec\.minReplicaCount: Invalid value: "string"/,
    ],
    [
      "patch:\n  StatefulSet/test-db-small: { spec: { template: { spec: { containers: [{ name: test-db, image: no }] } } } }\n",
      /^x\.yaml:5: .*no program for the image no/,
    ],
    [
      "faults:\n  - { at: 1s, scale: { Deployment/nothing: 1 } }\n",
      /^x\.yaml:5: faults\.0\.scale\.Deployment\/nothing: there is no/,
    ],
    [
      "faults:\n  - { at: 1s, kill: router-* }\n  - at: 2s\n    patch: { ScaledObject/test-db-small: { spec: { no: 1 } } }\n",
      /^x\.yaml:7: faults\.1\.patch\.ScaledObject\/test-db-small: .*unknown field "spec\.no"/,
    ],
  ];
  for (const [text, message] of cases) {
    const { scenario, placeOf } = readScenarioText(head + text, "x.yaml");
    await assert.rejects(requireApplicable({ placeOf }, scenario, manifests), (error: Error) => {
      assert.ok(error instanceof ScenarioError, error.stack);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("requireApplicable() takes every scenario of the library", async () => {
  const library = new URL("../../../scenarios/", import.meta.url).pathname;
  for (const file of await readScenarioFiles(systemDisk, [library, `${library}large`])) {
    await requireApplicable(file, file.scenarioOf(1), manifests);
  }
});
