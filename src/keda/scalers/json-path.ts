/**
 * Paths into JSON as KEDA's `valueLocation` takes them (GJSON 1.19): names, with `*` and `?` for any characters and `\`
 * before one that is meant as it is; indexes; `#` for the length of a list, `#.name` for that of each element,
 * `#(name=="x")` for the first element that fits and `#(…)#` for all; `|` in place of `.` goes on with the whole list.
 * GJSON's modifiers (`@reverse`), literals and multipaths are not implemented: they lead to nothing.
 */

/** Longer paths are refused: each step is a look-up. */
export const MAX_PATH_STEPS = 100;

interface Step {
  text: string;
  /** What stands between this step and the next. */
  separator: "." | "|" | "";
}

/** The value at the end of a path, or undefined. @throws Error when the path has too many steps */
export function valueAtPath(root: unknown, path: string): unknown {
  const steps = splitPath(path);
  if (steps.length > MAX_PATH_STEPS) throw new Error(`valueLocation has more than ${MAX_PATH_STEPS} steps`);
  return walk(root, steps);
}

/** At `.` and `|`, unless escaped, in quotes or in a query. */
function splitPath(path: string): Step[] {
  const steps: Step[] = [];
  let text = "";
  let depth = 0;
  for (let at = 0; at < path.length; at++) {
    const character = path[at];
    if (character === "\\") text += character + (path[++at] ?? "");
    else if (depth > 0 && character === '"') {
      const end = endOfQuotes(path, at);
      text += path.slice(at, end + 1);
      at = end;
    } else if (depth === 0 && (character === "." || character === "|")) {
      steps.push({ text, separator: character });
      text = "";
    } else {
      if (character === "(" && (depth > 0 || text === "#")) depth++;
      if (character === ")" && depth > 0) depth--;
      text += character;
    }
  }
  steps.push({ text, separator: "" });
  return steps;
}

function endOfQuotes(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function walk(value: unknown, steps: readonly Step[]): unknown {
  if (steps.length === 0) return value;
  const [{ text, separator }, ...rest] = steps;
  if (Array.isArray(value)) return walkList(value, text, separator, rest);
  if (typeof value !== "object" || value === null) return undefined;
  return walkMembers(value as Record<string, unknown>, text, rest);
}

function walkList(list: unknown[], text: string, separator: string, rest: Step[]): unknown {
  if (!text.startsWith("#")) return /^\d+$/.test(text) ? walk(list[Number(text)], rest) : undefined;
  if (text === "#") return separator === "." ? walkEach(list, rest) : walk(list.length, rest);
  const query = /^#\((.*)\)(#?)$/s.exec(text);
  if (query === null) return undefined;
  const fits = matcherOf(query[1]);
  if (query[2] === "#") {
    const found = list.filter(fits);
    return separator === "." ? walkEach(found, rest) : walk(found, rest);
  }
  return walk(list.find(fits), rest);
}

/** The steps up to a `|` are gone by each element, those after it by the list of what they led to. */
function walkEach(list: unknown[], steps: Step[]): unknown {
  const pipe = steps.findIndex(({ separator }) => separator === "|");
  const own = pipe === -1 ? steps : steps.slice(0, pipe + 1);
  const found = list.map((element) => walk(element, own)).filter((value) => value !== undefined);
  return walk(found, pipe === -1 ? [] : steps.slice(pipe + 1));
}

/** Of the names that fit, the first from which the rest leads somewhere. */
function walkMembers(object: Record<string, unknown>, name: string, rest: Step[]): unknown {
  if (!/(?<!\\)[*?]/.test(name)) {
    const plain = name.replaceAll(/\\(.)/gs, "$1");
    return Object.hasOwn(object, plain) ? walk(object[plain], rest) : undefined;
  }
  for (const key of Object.keys(object)) {
    const found = matchesPattern(key, name) ? walk(object[key], rest) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function matchesPattern(text: string, pattern: string): boolean {
  const source = pattern.replaceAll(/\\(.)|([*?])|([^\w])/gs, (_, escaped, wild, other) => {
    if (wild !== undefined) return wild === "*" ? "[^]*" : "[^]";
    return `\\u{${(escaped ?? other).codePointAt(0).toString(16)}}`;
  });
  return new RegExp(`^${source}$`, "u").test(text);
}

// ---- queries ----

const OPERATOR = /^(==|=|!=|!%|%|<=|<|>=|>)\s*(.*)$/s;

function matcherOf(query: string): (element: unknown) => boolean {
  const start = operatorIn(query);
  const path = query.slice(0, start).trim();
  const [, sign, right] = OPERATOR.exec(query.slice(start)) ?? [];
  const operator = sign === "==" ? "=" : sign;
  const quoted = right !== undefined && /^".*"$/s.test(right.trim());
  const wanted = quoted ? right.trim().slice(1, -1).replaceAll(/\\(.)/gs, "$1") : (right ?? "").trim();
  return (element) => {
    const isJson = typeof element === "object" && element !== null;
    if (!isJson && path !== "") return false;
    const value = path === "" ? element : valueAtPath(element, path);
    if (value === undefined) return false;
    return operator === undefined || compares(value, operator, wanted);
  };
}

/** Where the comparison starts, or the query's end. */
function operatorIn(query: string): number {
  let depth = 0;
  for (let at = 0; at < query.length; at++) {
    const character = query[at];
    if (character === "\\") at++;
    else if (character === '"') at = endOfQuotes(query, at);
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (depth === 0 && "!=<>%".includes(character)) return at;
  }
  return query.length;
}

function compares(value: unknown, operator: string, wanted: string): boolean {
  if (typeof value === "string") {
    if (operator === "%") return matchesPattern(value, wanted);
    if (operator === "!%") return !matchesPattern(value, wanted);
    return ordered(value, operator, wanted);
  }
  if (typeof value === "number") return ordered(value, operator, Number(wanted) || 0);
  if (typeof value !== "boolean") return false;
  const other = wanted === "true" ? true : wanted === "false" ? false : undefined;
  if (operator === "=" || operator === "!=") return (value === other) === (operator === "=");
  if (operator === ">=" || operator === "<=") return value === (operator === ">=");
  return other === !value && value === (operator === ">");
}

function ordered<T extends string | number>(left: T, operator: string, right: T): boolean {
  switch (operator) {
    case "=":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      return false;
  }
}
