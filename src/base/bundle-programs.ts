/**
 * Bundles the programs once per state of the sources. A pod that starts from a bundle takes a third of the time and two
 * thirds of the memory: it loads five files in place of hundreds, and no TypeScript stripper (decisions/0009).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { PACKAGE_ROOT, PROGRAMS } from "./program-files.ts";

const CACHE = join(PACKAGE_ROOT, "node_modules/.cache/percolate-topology");
/** Bundles of other states of the sources that are kept, for topologies that still run from them. */
const KEPT_BUNDLES = 8;

/** As in the pods (run-spec.ts): the cluster's process would keep up to 48 MB for what lives for one request. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--optimize-for-size"];

/** Tells the bundled program when the user started it: making the bundle is part of the wait. */
export const STARTED_VARIABLE = "TOPOLOGY_STARTED_MS";

/** Becomes the bundled program, with the same pid. Returns where that is not possible. */
export async function goOnInBundle(args: string[]): Promise<void> {
  if (process.execve === undefined) return;
  try {
    const program = join(await bundlePrograms(), "main.js");
    // Of glibc's arenas, one for each thread, the program would leave most unused.
    const env = { MALLOC_ARENA_MAX: "1", ...process.env, [STARTED_VARIABLE]: String(performance.timeOrigin) };
    process.execve(
      process.execPath,
      [process.execPath, ...NODE_FLAGS, program, ...args],
      env as Record<string, string>,
    );
  } catch (error) {
    console.error(
      `warning: the programs could not be bundled, starting is slower: ${(error as Error).message}`,
    );
  }
}

/** The folder of the bundle, made when there is none for these sources. @throws Error when the sources do not bundle. */
export async function bundlePrograms(): Promise<string> {
  const directory = join(CACHE, sourcesDigest());
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(join(CACHE, "unfinished-"));
  try {
    await buildPrograms(unfinished, PACKAGE_ROOT);
    // Another process may have been faster with the same content.
    if (existsSync(directory)) rmSync(unfinished, { recursive: true });
    else renameSync(unfinished, directory);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
  removeOldBundles();
  return directory;
}

/** @param packageRoot is written into the bundle; without it, the bundle finds the package that it lies in */
export async function buildPrograms(outdir: string, packageRoot?: string): Promise<void> {
  const esbuild = await import("esbuild");
  const entries = Object.entries(PROGRAMS).filter(([, source]) => existsSync(join(PACKAGE_ROOT, source)));
  await esbuild.build({
    entryPoints: Object.fromEntries(entries.map(([name, source]) => [name, join(PACKAGE_ROOT, source)])),
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: ["esbuild"],
    plugins: [requireHttp],
    define: packageRoot === undefined ? {} : { BUNDLED_PACKAGE_ROOT: JSON.stringify(packageRoot) },
    // CommonJS packages inside an ES module ask for Node's own modules by `require`.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  await esbuild.stop();
}

/**
 * `import` of node:http reads every export, and one of them, `WebSocket`, loads Node's whole fetch implementation: 8 MB
 * in each of a dozen processes, for nothing. `require` leaves it alone.
 */
const requireHttp: Plugin = {
  name: "require-http",
  setup(build) {
    build.onResolve({ filter: /^node:http$/ }, ({ path, namespace }) =>
      namespace === "require" ? { path, external: true } : { path, namespace: "require" },
    );
    build.onLoad({ filter: /.*/, namespace: "require" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** Changes with every change of a source file or dependency. */
function sourcesDigest(): string {
  const hash = createHash("sha256");
  for (const path of ["src", "package-lock.json", "package.json"]) {
    const entries = statSync(join(PACKAGE_ROOT, path)).isDirectory()
      ? readdirSync(join(PACKAGE_ROOT, path), { recursive: true, encoding: "utf8" }).map((name) =>
          join(path, name),
        )
      : [path];
    for (const entry of entries.sort()) {
      const { size, mtimeMs } = statSync(join(PACKAGE_ROOT, entry));
      hash.update(`${entry}\0${size}\0${mtimeMs}\n`);
    }
  }
  return hash.update(PACKAGE_ROOT).digest("hex").slice(0, 16);
}

function removeOldBundles(): void {
  const bundles = readdirSync(CACHE)
    .map((name) => ({ path: join(CACHE, name), time: statSync(join(CACHE, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of bundles.slice(KEPT_BUNDLES)) rmSync(path, { recursive: true, force: true });
}
