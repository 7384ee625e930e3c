import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { buildPrograms } from "./bundle-programs.ts";
import { PACKAGE_ROOT } from "./program-files.ts";

test("a bundled program uses node:http and does not load Node's fetch implementation with it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "bundle-"));
  t.after(() => rm(directory, { recursive: true }));
  await buildPrograms(directory, PACKAGE_ROOT);
  const network = (await readdir(directory)).find((name) => name.startsWith("node-system-"));
  assert.ok(network !== undefined);
  const script = `await import(${JSON.stringify(join(directory, network))}); console.log(process.moduleLoadList.join("\\n"));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  const modules = stdout.split("\n");
  assert.ok(modules.includes("NativeModule _http_server"));
  assert.deepEqual(
    modules.filter((name) => name.includes("undici")),
    [],
  );
});
