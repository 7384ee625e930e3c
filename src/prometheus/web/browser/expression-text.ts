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
