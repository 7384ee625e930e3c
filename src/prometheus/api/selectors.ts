/** Series selectors as the API takes them in `match[]`. */
import type { Matcher } from "../matcher.ts";
import { type Expression, type ParserOptions, parseExpression } from "../promql/mod.ts";

/** The matchers of every selector in an expression. @throws ParseError */
export function selectorsOf(query: string, parser: ParserOptions): Matcher[][] {
  const found: Matcher[][] = [];
  const pending: Expression[] = [parseExpression(query, parser)];
  while (pending.length > 0) {
    const node = pending.pop()!;
    if (node.kind === "vector-selector") found.push(node.matchers);
    else pending.push(...partsOf(node));
  }
  return found;
}

function partsOf(node: Expression): Expression[] {
  switch (node.kind) {
    case "matrix-selector":
      return [node.vector];
    case "binary":
      return [node.left, node.right];
    case "call":
      return node.arguments;
    case "aggregation":
      return node.parameter === undefined ? [node.expression] : [node.expression, node.parameter];
    case "subquery":
    case "parenthesis":
    case "unary":
    case "step-invariant":
      return [node.expression];
    default:
      return [];
  }
}
