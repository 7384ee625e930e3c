/** Scenario files: YAML, and TypeScript that exports `scenario`. */
import { pathToFileURL } from "node:url";
import { type Disk, isMissing } from "../base/disk.ts";
import { parseScenario, type Scenario, ScenarioError, type ScenarioSource, scenario } from "./scenario.ts";

export interface ScenarioFile {
  path: string;
  /** A YAML file's is the same for every seed. @throws ScenarioError */
  scenarioOf(seed: number): Scenario;
}

/** All scenarios below the paths, by name. @throws ScenarioError naming file, line and field */
export async function readScenarioFiles(disk: Disk, paths: string[]): Promise<ScenarioFile[]> {
  const files: ScenarioFile[] = [];
  for (const path of paths) {
    const stat = await disk.stat(path);
    if (stat === undefined) throw new ScenarioError(`${path}: no such file or directory`);
    if (!stat.isDirectory) {
      files.push(await readScenarioFile(disk, path));
      continue;
    }
    const folder = path.replace(/\/+$/, "");
    for (const name of (await disk.list(path)).filter((each) => /\.(ya?ml|ts)$/.test(each))) {
      files.push(await readScenarioFile(disk, `${folder}/${name}`));
    }
  }
  if (files.length === 0) throw new ScenarioError(`${paths.join(", ")}: no scenarios`);
  return files;
}

async function readScenarioFile(disk: Disk, path: string): Promise<ScenarioFile> {
  if (path.endsWith(".ts")) {
    const module = await import(pathToFileURL(disk.realPath(path)).href);
    return { path, scenarioOf: exportedScenario(module, path) };
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await disk.readFile(path));
  } catch (error) {
    throw new ScenarioError(`${path}: ${isMissing(error) ? "no such file" : (error as Error).message}`);
  }
  const parsed = parseScenario(text, path);
  return { path, scenarioOf: () => parsed };
}

/** What a `.ts` file exports as `scenario`: one, its source, or a function that makes one of a seed. */
function exportedScenario(module: { scenario?: unknown }, path: string): ScenarioFile["scenarioOf"] {
  const exported = module.scenario;
  if (typeof exported !== "function" && (typeof exported !== "object" || exported === null)) {
    throw new ScenarioError(`${path}: exports no scenario`);
  }
  return (seed) => {
    const source = typeof exported === "function" ? exported(seed) : exported;
    try {
      return "durationMs" in source ? (source as Scenario) : scenario(source as ScenarioSource);
    } catch (error) {
      throw new ScenarioError(`${path}: ${(error as Error).message}`);
    }
  };
}
