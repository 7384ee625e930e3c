/**
 * Syntax trees as text over several lines, as `format_query` answers (`promql/parser/prettier.go` of Prometheus 3.14).
 *
 * A node whose text is longer than a line is split into its parts, each a level deeper; a shorter one stays as it is.
 */
import type { Expression } from "./ast.ts";
import { aggregationHead, binaryOperator, printExpression, subquerySuffix } from "./printer.ts";

/** Nodes that are longer are split. In bytes of UTF-8. */
const MAX_LINE_BYTES = 100;

/** The expression over as many lines as it needs. */
export function prettyExpression(node: Expression): string {
  return pretty(node, 0);
}

function pretty(node: Expression, level: number): string {
  const indent = "  ".repeat(level);
  const text = printExpression(node);
  const isLong = Buffer.byteLength(text) > MAX_LINE_BYTES;
  switch (node.kind) {
    case "step-invariant":
      return pretty(node.expression, level);
    case "unary":
      return indent + node.operator + pretty(node.expression, level).trim();
    case "subquery":
      // Upstream does not indent one that fits.
      return isLong ? pretty(node.expression, level) + subquerySuffix(node) : text;
  }
  if (!isLong) return indent + text;
  switch (node.kind) {
    case "binary": {
      const [left, right] = [pretty(node.left, level + 1), pretty(node.right, level + 1)];
      return `${left}\n${indent}${binaryOperator(node)}\n${right}`;
    }
    case "aggregation": {
      const parts = node.parameter === undefined ? [node.expression] : [node.parameter, node.expression];
      return enclosed(aggregationHead(node), parts, level);
    }
    case "call":
      return enclosed(node.name, node.arguments, level);
    case "parenthesis":
      return enclosed("", [node.expression], level);
    default:
      return indent + text;
  }
}

/** `head(`, the parts a level deeper, `)`. */
function enclosed(head: string, parts: readonly Expression[], level: number): string {
  const indent = "  ".repeat(level);
  return `${indent}${head}(\n${parts.map((part) => pretty(part, level + 1)).join(",\n")}\n${indent})`;
}
