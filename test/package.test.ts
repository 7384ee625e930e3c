/** What the package is outside a clone: programs and the public library as JavaScript. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
let folder: string;

/** Runs in a folder that has the package installed. */
function node(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "topology-package-"));
  const made = spawnSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(made.status, 0, made.stderr);
  const [archive] = made.stdout.trim().split("\n").slice(-1);
  assert.equal(spawnSync("tar", ["xzf", archive], { cwd: folder }).status, 0);
  // As an installation has it, with the dependencies of this clone beside it.
  cpSync(join(folder, "package"), join(folder, "node_modules/percolate-topology"), { recursive: true });
  for (const scope of ["@opentelemetry", "@types", "yaml"]) {
    symlinkSync(join(ROOT, "node_modules", scope), join(folder, "node_modules", scope));
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});

after(() => rmSync(folder, { recursive: true }));

test("an installed package exports the telemetry library, with types", () => {
  const program = `import { Counter, openTelemetry } from "percolate-topology/telemetry";
const text: string = typeof Counter + typeof openTelemetry;
console.log(text);
`;
  writeFileSync(join(folder, "use.ts"), program);
  const { stdout, stderr } = node("use.ts");
  assert.equal(stdout, "functionfunction\n", stderr);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
  const types = (file: string) =>
    spawnSync(join(ROOT, "node_modules/.bin/tsc"), [...options, "--types", "node", file], { cwd: folder });
  assert.equal(types("use.ts").status, 0);
  writeFileSync(
    join(folder, "wrong.ts"),
    program.replace("typeof Counter +", "Counter +").replace("+ typeof", "*"),
  );
  assert.notEqual(types("wrong.ts").status, 0);
});

test("an installed package has the program, and says in a sentence what is wrong with a folder", () => {
  const bin = "node_modules/percolate-topology/bin/topology.js";
  const help = node(bin, "--help");
  assert.match(help.stdout, /^Usage: topology <command>/, help.stderr);
  writeFileSync(join(folder, "file"), "");
  const { status, stderr } = node(bin, "status", "--data-dir", "file");
  assert.deepEqual([status, stderr], [2, "topology: ENOTDIR: not a directory, open 'file/topology.json'\n"]);
});
