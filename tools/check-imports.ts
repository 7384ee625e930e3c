/**
 * The walls of the house: `base ← model ← wire ← rooms ← cli`.
 *
 * - base, model and wire import only what stands to their left (and themselves).
 * - A room imports base, model, wire, itself, and `telemetry/mod.ts`, which is a public library.
 * - simulation and cli come in through a room's front door, `mod.ts`; `main.ts` may open a room's `command.ts` too.
 * - Scenario files in TypeScript use the simulation's front door.
 * - Test files may also use simulation, as the world to test in.
 */
import { posix } from "node:path";
import { report, type SourceFile, sourceFiles, withoutComments } from "./source-files.ts";

const LAYERS = ["base", "model", "wire"];
const VISITORS = ["simulation", "cli"];
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;

/** What is wrong with the imports of one file, a line each. */
export function importFindings(file: SourceFile): string[] {
  return [...withoutComments(file.text).matchAll(IMPORT)].flatMap((match) => {
    const specifier = match[1] ?? match[2];
    if (!specifier.startsWith(".")) return [];
    const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    const problem = target.startsWith("src/") ? problemOf(file.path, target) : undefined;
    return problem === undefined ? [] : [`${file.path}: imports ${target}: ${problem}`];
  });
}

function problemOf(from: string, to: string): string | undefined {
  const isTest = from.endsWith(".test.ts");
  const [source, target] = [roomOf(from), roomOf(to)];
  if (source === target || (isTest && target === "simulation")) return undefined;
  if (LAYERS.includes(target)) {
    const order = LAYERS.indexOf(source);
    return order !== -1 && order < LAYERS.indexOf(target) ? `${source} stands below ${target}` : undefined;
  }
  if (LAYERS.includes(source)) return `${source} knows no rooms`;
  if (source === "main.ts" && (target === "cli" || to.endsWith("/command.ts"))) return undefined;
  if (from.startsWith("scenarios/") && to === "src/simulation/mod.ts") return undefined;
  if (VISITORS.includes(target)) return `only main.ts opens ${target}`;
  const isVisitor = VISITORS.includes(source) || source === "main.ts" || source === "";
  if (!isVisitor && target !== "telemetry") return `a room talks to another over its protocol`;
  return to.endsWith("/mod.ts") ? undefined : `enter by src/${target}/mod.ts`;
}

/** `src/keda/scaler.ts` → `keda`; files outside `src/` → "". */
function roomOf(path: string): string {
  return path.startsWith("src/") ? path.split("/")[1] : "";
}

if (import.meta.main)
  report("imports", sourceFiles("src", "dashboards", "scenarios").flatMap(importFindings));
