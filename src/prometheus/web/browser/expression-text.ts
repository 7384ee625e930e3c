/** Nodes of `/api/v1/parse_query` as text: the head of each, and the parts below it. */

export interface SyntaxNode {
  type: string;
  [field: string]: unknown;
}

interface Matcher {
  name: string;
  type: string;
  value: string;
}

interface Matching {
  card: string;
  labels: string[];
  on: boolean;
  include: string[];
}

const UNITS: [unit: string, milliseconds: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

function duration(milliseconds: number): string {
  let rest = Math.abs(milliseconds);
  let text = milliseconds < 0 ? "-" : "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += count + unit;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}

/** A length of time that is computed has no number yet. */
function lengthOf(node: SyntaxNode, field: "range" | "step"): string {
  const computed = node[`${field}Expr`] as SyntaxNode | null;
  if (computed !== null) return "…";
  const length = node[field] as number;
  return length === 0 ? "" : duration(length);
}

function shift({ offset, offsetExpr, timestamp, startOrEnd }: SyntaxNode): string {
  const at = timestamp === null ? startOrEnd && `${startOrEnd}()` : (timestamp as number) / 1000;
  const by = offsetExpr === null ? offset && duration(offset as number) : "…";
  return `${at ? ` @ ${at}` : ""}${by ? ` offset ${by}` : ""}`;
}

function selector(node: SyntaxNode): string {
  const name = node["name"] as string;
  const matchers = (node["matchers"] as Matcher[]).filter(
    (each) => !(each.name === "__name__" && name !== ""),
  );
  const texts = matchers.map(({ name: label, type, value }) => `${label}${type}${JSON.stringify(value)}`);
  return texts.length === 0 ? name : `${name}{${texts.join(", ")}}`;
}

function extension({ anchored, smoothed }: SyntaxNode): string {
  if (anchored) return " anchored";
  return smoothed ? " smoothed" : "";
}

function matchingText(matching: Matching | null): string {
  if (matching === null) return "";
  const { on, labels, card, include } = matching;
  const by = on || labels.length > 0 ? ` ${on ? "on" : "ignoring"}(${labels.join(", ")})` : "";
  const group = card === "many-to-one" ? "group_left" : card === "one-to-many" ? "group_right" : "";
  return `${by}${group === "" ? "" : ` ${group}(${include.join(", ")})`}`;
}

/** What a node is, without the parts below it. */
export function headOf(node: SyntaxNode): string {
  switch (node.type) {
    case "numberLiteral":
      return node["val"] as string;
    case "stringLiteral":
      return JSON.stringify(node["val"]);
    case "vectorSelector":
      return selector(node) + extension(node) + shift(node);
    case "matrixSelector":
      return `${selector(node)}[${lengthOf(node, "range")}]${extension(node)}${shift(node)}`;
    case "subquery":
      return `[${lengthOf(node, "range")}:${lengthOf(node, "step")}]${shift(node)}`;
    case "parenExpr":
      return "( … )";
    case "unaryExpr":
      return node["op"] as string;
    case "binaryExpr": {
      const { op, bool, matching } = node;
      return `${op}${bool ? " bool" : ""}${matchingText(matching as Matching | null)}`;
    }
    case "aggregation": {
      const grouping = node["grouping"] as string[];
      const { op, without } = node;
      const isGrouped = without || grouping.length > 0;
      return `${op}${isGrouped ? ` ${without ? "without" : "by"}(${grouping.join(", ")})` : ""}`;
    }
    case "call":
      return `${(node["func"] as { name: string }).name}()`;
    default:
      return node.type;
  }
}

/** The sub-expressions, as they are written. */
export function partsOf(node: SyntaxNode): SyntaxNode[] {
  const parts = [
    node["lhs"],
    node["param"],
    node["expr"],
    node["rhs"],
    ...((node["args"] as unknown[]) ?? []),
  ];
  return parts.filter((part) => part !== null && part !== undefined) as SyntaxNode[];
}

const KINDS: Record<string, string> = {
  numberLiteral: "scalar",
  stringLiteral: "string",
  vectorSelector: "instant vector selector",
  matrixSelector: "range vector selector",
  subquery: "subquery: the part below at each step of the range",
  parenExpr: "parentheses",
  unaryExpr: "sign",
  binaryExpr: "binary operation",
  aggregation: "aggregation",
  call: "function call",
};

export function kindOf(node: SyntaxNode): string {
  return KINDS[node.type] ?? node.type;
}

/** The whole expression of a node; undefined where a length of time in it is yet to be computed. */
export function textOf(node: SyntaxNode): string | undefined {
  const parts = partsOf(node).map(textOf);
  const head = headOf(node);
  if (head.includes("…") && node.type !== "parenExpr") return undefined;
  if (parts.includes(undefined)) return undefined;
  switch (node.type) {
    case "subquery":
      return `(${parts[0]})${head}`;
    case "parenExpr":
      return `(${parts[0]})`;
    case "unaryExpr":
      return `${head}(${parts[0]})`;
    case "binaryExpr":
      return `(${parts[0]}) ${head} (${parts[1]})`;
    case "aggregation":
      return `${head} (${parts.join(", ")})`;
    case "call":
      return `${head.slice(0, -1)}${parts.join(", ")})`;
    default:
      return head;
  }
}

/** What asks how many series a node has; undefined where it has none, or where that can't be asked. */
export function seriesCountQuery(node: SyntaxNode): string | undefined {
  if (node.type === "numberLiteral" || node.type === "stringLiteral") return undefined;
  const isRange = node.type === "matrixSelector" || node.type === "subquery";
  // Outside of a function no range may reach beyond its ends.
  const text = textOf(isRange ? { ...node, anchored: false, smoothed: false } : node);
  return text && `count(${isRange ? `last_over_time(${text})` : text})`;
}
