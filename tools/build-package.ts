/**
 * Makes `dist/`, what a package has besides the sources: Node strips no types below `node_modules`, so that installed
 * programs and the public library are JavaScript (decisions/0085). Run by `npm pack` and `npm publish`.
 */
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, stop } from "esbuild";
import { buildPrograms } from "../src/base/bundle-programs.ts";
import { systemDisk } from "../src/base/disk.ts";

import { PACKED, readFieldDescriptions } from "../src/kubernetes/api-server/http/field-descriptions.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");

rmSync(DIST, { recursive: true, force: true });
await buildPrograms(join(DIST, "programs"));
await build({
  entryPoints: [join(ROOT, "src/telemetry/mod.ts")],
  outdir: join(DIST, "telemetry"),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // The consumer's own copies: there must be one OpenTelemetry API in a process.
  packages: "external",
});
await stop();
// Read from a development dependency, which installed packages do not have.
const descriptions = await readFieldDescriptions(systemDisk, ROOT);
writeFileSync(join(ROOT, PACKED), JSON.stringify(descriptions));
const types = spawnSync("tsc", ["-p", join(import.meta.dirname, "tsconfig.package.json")], {
  stdio: "inherit",
});
process.exitCode = types.status ?? 1;
