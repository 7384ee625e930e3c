/**
 * Where this package's own programs lie: as sources below `src/`, or bundled side by side (`bundle-programs.ts`).
 * Everything that starts one of them, or reads a file of the package, asks here.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The programs, with their sources from the package's root. */
export const PROGRAMS = {
  /** `topology …`. */
  main: "src/main.ts",
  /** What Node loads first in a pod. */
  preload: "src/base/pod/preload.ts",
  /** Small programs for `kubectl exec`. */
  tool: "src/base/pod/tool.ts",
  /** Writes a block of the time-series store: a thread's program. */
  blockThread: "src/prometheus/tsdb/block-thread.ts",
} as const;

export type Program = keyof typeof PROGRAMS;

const HERE = fileURLToPath(import.meta.url);

/** Whether this process runs from a bundle. */
export const IS_BUNDLED = HERE.endsWith(".js");

/** Written into bundles. */
declare const BUNDLED_PACKAGE_ROOT: string | undefined;

/** The folder of package.json. */
export const PACKAGE_ROOT =
  typeof BUNDLED_PACKAGE_ROOT === "undefined" ? findPackageRoot(dirname(HERE)) : BUNDLED_PACKAGE_ROOT;

/** The file to start Node with. */
export function programFile(program: Program): string {
  return IS_BUNDLED ? join(dirname(HERE), `${program}.js`) : join(PACKAGE_ROOT, PROGRAMS[program]);
}

function findPackageRoot(directory: string): string {
  const path = join(directory, "package.json");
  if (existsSync(path) && JSON.parse(readFileSync(path, "utf8")).name === "percolate-topology")
    return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`no package.json of percolate-topology above ${HERE}`);
  return findPackageRoot(parent);
}
