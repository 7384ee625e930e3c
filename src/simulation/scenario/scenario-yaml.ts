/** Scenarios in YAML: what is wrong is told with file and line. */
import { type Document, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import { type Scenario, ScenarioError } from "./scenario.ts";
import { FieldError, type Path } from "./scenario-fields.ts";
import { type ScenarioSource, scenario } from "./scenario-source.ts";

export interface ScenarioText {
  scenario: Scenario;
  /** `file:line` of a field, or of what is around it where it is not there. */
  placeOf(field: Path): string;
}

/** Reads a YAML file. @throws ScenarioError */
export function parseScenario(text: string, path: string): Scenario {
  return readScenarioText(text, path).scenario;
}

/** Reads a YAML file, and knows where its fields are. @throws ScenarioError */
export function readScenarioText(text: string, path: string): ScenarioText {
  const lines = new LineCounter();
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const documents = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })] as Document[];
  const [document, second] = documents;
  const problem = document?.errors[0];
  if (problem !== undefined) throw new ScenarioError(`${at(problem.pos[0])}: ${problem.message}`);
  if (second !== undefined) throw new ScenarioError(`${at(second.range![0])}: one scenario a file`);
  const placeOf = (field: Path) => at(document === undefined ? 0 : offsetOf(document, field));
  try {
    return { scenario: scenario(document?.toJS({ maxAliasCount: 100 }) as ScenarioSource), placeOf };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new ScenarioError(`${placeOf(error.path)}: ${error.message}`);
  }
}

/** Where the field's key is, or the nearest around it. */
function offsetOf(document: Document, field: Path): number {
  let node: unknown = document.contents;
  let found = startOf(node) ?? 0;
  for (const key of field) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => isScalar(name) && name.value === key);
      found = startOf(pair?.key) ?? found;
      next = pair?.value;
    } else if (isSeq(node)) {
      next = node.items[key as number];
      found = startOf(next) ?? found;
    }
    if (next === undefined) return found;
    node = next;
  }
  return found;
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] } | undefined | null)?.range?.[0];
}
