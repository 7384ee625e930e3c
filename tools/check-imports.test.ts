import assert from "node:assert/strict";
import { test } from "node:test";
import { importFindings } from "./check-imports.ts";

const finding = (path: string, specifier: string): string | undefined =>
  importFindings({ path, text: `import { x } from "${specifier}";\n` })[0];

test("importFindings() lets what the architecture allows pass", () => {
  const allowed: [from: string, specifier: string][] = [
    ["src/model/labels.ts", "../base/clock.ts"],
    ["src/wire/snappy.ts", "../model/labels.ts"],
    ["src/keda/scaler.ts", "../wire/kubernetes/client.ts"],
    ["src/keda/scaler.ts", "./executor.ts"],
    ["src/test-db/server.ts", "../telemetry/mod.ts"],
    ["src/cli/up.ts", "../kubernetes/mod.ts"],
    ["src/main.ts", "./keda/command.ts"],
    ["src/keda/scaler.test.ts", "../simulation/virtual-clock.ts"],
    ["src/keda/scaler.ts", "yaml"],
    ["src/keda/scaler.ts", "node:util"],
  ];
  for (const [from, specifier] of allowed)
    assert.equal(finding(from, specifier), undefined, `${from} ${specifier}`);
});

test("importFindings() stops what goes through a wall", () => {
  const forbidden: [from: string, specifier: string][] = [
    ["src/base/clock.ts", "../model/labels.ts"],
    ["src/model/labels.ts", "../wire/snappy.ts"],
    ["src/wire/snappy.ts", "../keda/mod.ts"],
    ["src/keda/scaler.ts", "../prometheus/mod.ts"],
    ["src/keda/scaler.ts", "../telemetry/registry.ts"],
    ["src/keda/scaler.ts", "../simulation/virtual-clock.ts"],
    ["src/keda/scaler.ts", "../cli/up.ts"],
    ["src/cli/up.ts", "../kubernetes/kubelet/kubelet.ts"],
    ["src/main.ts", "./keda/scaler.ts"],
  ];
  for (const [from, specifier] of forbidden) assert.ok(finding(from, specifier), `${from} ${specifier}`);
});

test("importFindings() sees every way to import, and no comment", () => {
  const path = "src/base/clock.ts";
  const seen = [
    'import "../keda/mod.ts";',
    'export * from "../keda/mod.ts";',
    'import type { A } from "../keda/mod.ts";',
    'import {\n  A,\n} from "../keda/mod.ts";',
    'const keda = await import("../keda/mod.ts");',
  ];
  for (const text of seen) assert.equal(importFindings({ path, text }).length, 1, text);
  for (const text of ['// import "../keda/mod.ts"', '/* import { A } from "../keda/mod.ts" */']) {
    assert.deepEqual(importFindings({ path, text }), [], text);
  }
});
