/** Scenario files: YAML, and TypeScript that exports `scenario`. */
import { pathToFileURL } from "node:url";
import { type Disk, isMissing } from "../../base/disk.ts";
import { type Scenario, ScenarioError } from "./scenario.ts";
import { isMap, type Path } from "./scenario-fields.ts";
import { type ScenarioSource, scenario } from "./scenario-source.ts";
import { readScenarioText } from "./scenario-yaml.ts";

export interface ScenarioFile {
  path: string;
  /** A YAML file's is the same for every seed. @throws ScenarioError */
  scenarioOf(seed: number): Scenario;
  /** `file:line` of a field; of TypeScript the file. */
  placeOf(field: Path): string;
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
  if (files.length === 0) throw new ScenarioError(`${paths.join(", ")}: no scenarios (.yaml or .ts)`);
  return files;
}

async function readScenarioFile(disk: Disk, path: string): Promise<ScenarioFile> {
  if (path.endsWith(".ts")) return readModule(path, disk.realPath(path));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await disk.readFile(path));
  } catch (error) {
    throw new ScenarioError(`${path}: ${isMissing(error) ? "no such file" : (error as Error).message}`);
  }
  const { scenario: parsed, placeOf } = readScenarioText(text, path);
  return { path, scenarioOf: () => parsed, placeOf };
}

async function readModule(path: string, realPath: string): Promise<ScenarioFile> {
  const refused = (error: unknown) =>
    new ScenarioError(`${placeIn(path, realPath, error)}: ${textOf(error)}`);
  let module: { scenario?: unknown };
  try {
    module = await import(pathToFileURL(realPath).href);
  } catch (error) {
    throw refused(error);
  }
  const exported = module.scenario;
  if (typeof exported !== "function" && !isMap(exported)) {
    throw new ScenarioError(
      `${path}: exports no scenario, which is a map, or a function that makes one of a seed`,
    );
  }
  const scenarioOf = (seed: number) => {
    try {
      const source: unknown = typeof exported === "function" ? exported(seed) : exported;
      if (source instanceof Promise)
        throw new Error("scenario() answers a promise; it has to answer at once");
      return isMap(source) && "durationMs" in source
        ? (source as unknown as Scenario)
        : scenario(source as ScenarioSource);
    } catch (error) {
      throw refused(error);
    }
  };
  return { path, scenarioOf, placeOf: () => path };
}

/** The line of a module that an error comes from, where its stack has one. */
function placeIn(path: string, realPath: string, error: unknown): string {
  const [, ...after] = String((error as Error | undefined)?.stack).split(realPath);
  const line = after.map((text) => /^:(\d+)/.exec(text)?.[1]).find((found) => found !== undefined);
  return line === undefined ? path : `${path}:${line}`;
}

/** Node adds the source to what it says of syntax. */
function textOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0];
}
