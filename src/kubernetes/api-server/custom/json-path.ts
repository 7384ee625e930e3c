/**
 * The JSON paths of printer columns and scale subresources (client-go `util/jsonpath`, the part that definitions
 * use): `.spec.replicas`, `.a['b.c']`, `.a\.b`, `.list[0]`, `.list[*].name`,
 * `.status.conditions[?(@.type=="Ready")].status`.
 */

type Step =
  | { kind: "member"; name: string }
  | { kind: "index"; index: number }
  | { kind: "all" }
  | { kind: "filter"; path: Step[]; operator: "==" | "!="; value: string };

/** Longer ones are refused. */
export const MAX_JSON_PATH_LENGTH = 1024;

const TOKEN =
  /\.((?:[^.[\\]|\\.)+)|\[(-?\d+)\]|\[\*\]|\.\*|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[\?\(\s*@((?:\.[^=!\s]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\s*\)\]/y;

/** @throws Error when the path is not understood */
export function parseJsonPath(path: string): Step[] {
  if (path.length > MAX_JSON_PATH_LENGTH)
    throw new Error(`JSON path is longer than ${MAX_JSON_PATH_LENGTH} characters`);
  const text = path.replace(/^\{(.*)\}$/, "$1").replace(/^\$/, "");
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  let position = 0;
  while (position < text.length) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`cannot parse JSON path ${JSON.stringify(path)} at ${position}`);
    position = TOKEN.lastIndex;
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step {
  const [, member, index, single, double, filterPath, operator, a, b, c] = match;
  if (filterPath !== undefined) {
    return {
      kind: "filter",
      path: parseJsonPath(filterPath),
      operator: operator as "==",
      value: a ?? b ?? c,
    };
  }
  if (index !== undefined) return { kind: "index", index: Number(index) };
  const name = member ?? single ?? double;
  return name === undefined ? { kind: "all" } : { kind: "member", name: name.replace(/\\(.)/g, "$1") };
}

/** All values that the path leads to. */
export function evaluateJsonPath(steps: readonly Step[], value: unknown): unknown[] {
  let found: unknown[] = [value];
  for (const step of steps) found = found.flatMap((item) => follow(step, item));
  return found;
}

function follow(step: Step, value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  switch (step.kind) {
    case "member":
      return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
    case "index":
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case "all":
      return Object.values(value);
    case "filter":
      return Object.values(value).filter((item) => {
        const equal = evaluateJsonPath(step.path, item).some((member) => String(member) === step.value);
        return equal === (step.operator === "==");
      });
  }
}
