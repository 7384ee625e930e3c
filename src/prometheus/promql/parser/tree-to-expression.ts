/** Lezer's concrete syntax tree → our abstract one, with the checks that upstream makes while parsing. */
import type { SyntaxNode } from "@lezer/common";
import { createMatcher, type Matcher, type MatchOperator } from "../../matcher.ts";
import {
  type AggregateOperator,
  type Aggregation,
  type BinaryExpression,
  type BinaryOperator,
  type Call,
  type Expression,
  type MatrixSelector,
  type NumberLiteral,
  type Position,
  type Subquery,
  takesParameter,
  type VectorMatching,
  type VectorSelector,
} from "./ast.ts";
import { DurationReader, durationMs } from "./duration-reader.ts";
import { FUNCTION_SIGNATURES } from "./function-signatures.ts";
import { isValidLabelName } from "./label-name.ts";
import { quoteString, type Token } from "./lexer.ts";
import { parseNumber } from "./number.ts";
import { buildChain, type ChainBuilder, isChain } from "./operator-chain.ts";
import { ParseError } from "./parse-error.ts";
import type { ParserOptions } from "./parser-options.ts";
import { unquote } from "./unquote.ts";

/** @throws ParseError for what the grammar allows and the language doesn't. */
export function treeToExpression(
  query: string,
  top: SyntaxNode,
  tokens: Token[],
  options: ParserOptions,
): Expression {
  return new TreeReader(query, tokens, options).expression(top.firstChild!);
}

const EXPERIMENTAL_AGGREGATIONS = new Set(["limitk", "limit_ratio"]);

class TreeReader {
  readonly #query: string;
  readonly #options: ParserOptions;
  /** The tree may have stand-ins for numbers (see `expression-parser.ts`): where each ends, by its start. */
  readonly #numberEnds: Map<number, number>;
  readonly #durations: DurationReader;

  constructor(query: string, tokens: Token[], options: ParserOptions) {
    this.#query = query;
    this.#options = options;
    this.#numberEnds = new Map();
    for (const { type, start, end } of tokens) {
      if (type === "number" || type === "duration") this.#numberEnds.set(start, end);
    }
    this.#durations = new DurationReader(query, this.#numberEnds, options.durationExpressions ?? true);
  }

  expression(node: SyntaxNode): Expression {
    if (isChain(node)) return buildChain(node, this.#chainBuilder);
    switch (node.name) {
      case "StringLiteral":
        return { kind: "string", value: unquote(this.#text(node)), position: positionOf(node) };
      case "VectorSelector":
        return this.#vectorSelector(node);
      case "ParenExpr":
        return {
          kind: "parenthesis",
          expression: this.expression(node.firstChild!),
          position: positionOf(node),
        };
      case "AggregateExpr":
        return this.#aggregation(node);
      case "FunctionCall":
        return this.#call(node);
    }
    throw new Error(`BUG: unhandled grammar node ${node.name}`);
  }

  readonly #chainBuilder: ChainBuilder<Expression> = {
    operand: (node, start) =>
      node.name === "NumberDurationLiteral" ? this.#numberLiteral(node, start) : this.expression(node),
    postfix: (node, operand) => this.#modified(node, operand),
    signed: (sign, operand, start) => this.#withSign(sign, operand, start),
    infix: (operator, modifiers, left, right) => this.#binary(operator, modifiers, left, right),
    textOf: (node) => this.#text(node),
  };

  #modified(node: SyntaxNode, operand: Expression): Expression {
    switch (node.name) {
      case "MatrixSelector":
        return this.#matrixSelector(node, operand);
      case "SubqueryExpr":
        return this.#subquery(node, operand);
      case "OffsetExpr":
        return this.#offset(node, operand);
      case "StepInvariantExpr":
        return this.#atModifier(node, operand);
      case "AnchoredExpr":
        return this.#extension(operand, "anchored");
      default:
        return this.#extension(operand, "smoothed");
    }
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }

  #fail(position: Position, message: string): never {
    throw new ParseError(this.#query, position, message);
  }

  #numberLiteral(node: SyntaxNode, start: number): NumberLiteral {
    const position = { start, end: this.#numberEnds.get(start) ?? node.to };
    return { kind: "number", ...parseNumber(this.#query, position), position };
  }

  /** The value of a number with or without sign, where no expression can stand. */
  #signedNumber(node: SyntaxNode): number {
    const sign = /^[+-]?\s*/.exec(this.#text(node))![0];
    const { value } = this.#numberLiteral(node, node.from + sign.length);
    return sign.startsWith("-") ? -value : value;
  }

  #vectorSelector(node: SyntaxNode): VectorSelector {
    const identifier = node.getChild("Identifier");
    const name = identifier === null ? "" : this.#text(identifier);
    const braces = node.getChild("LabelMatchers");
    const matchers = braces === null ? [] : childNodes(braces).map((child) => this.#matcher(child));
    if (name !== "") matchers.push(createMatcher("__name__", "=", name));
    return {
      kind: "vector-selector",
      name,
      matchers,
      extension: undefined,
      at: undefined,
      offsetMs: 0,
      offsetExpression: undefined,
      allowsEmptyMatchers: false,
      histogramStatsOnly: false,
      position: positionOf(node),
    };
  }

  #matcher(node: SyntaxNode): Matcher {
    if (node.name === "QuotedLabelName") return createMatcher("__name__", "=", unquote(this.#text(node)));
    const [label, operator, value] = childNodes(node);
    const name = label.name === "LabelName" ? this.#text(label) : unquote(this.#text(label));
    try {
      return createMatcher(name, this.#text(operator) as MatchOperator, unquote(this.#text(value)));
    } catch (error) {
      this.#fail(positionOf(node), (error as Error).message);
    }
  }

  #matrixSelector(node: SyntaxNode, vector: Expression): MatrixSelector {
    const [, range] = childNodes(node);
    const duration = this.#durations.positive(range);
    const brackets = { start: this.#query.lastIndexOf("[", range.from), end: node.to };
    if (vector.kind !== "vector-selector") this.#fail(brackets, "ranges only allowed for vector selectors");
    if (vector.offsetMs !== 0 || vector.offsetExpression !== undefined) {
      this.#fail(brackets, "no offset modifiers allowed before range");
    }
    if (vector.at !== undefined) this.#fail(brackets, "no @ modifiers allowed before range");
    return {
      kind: "matrix-selector",
      vector,
      rangeMs: durationMs(duration),
      rangeExpression: duration.kind === "duration" ? duration : undefined,
      position: { start: vector.position.start, end: node.to },
    };
  }

  #subquery(node: SyntaxNode, expression: Expression): Subquery {
    const [, rangeNode, stepNode] = childNodes(node);
    const range = this.#durations.positive(rangeNode);
    const step = stepNode === undefined ? undefined : this.#durations.positive(stepNode);
    return {
      kind: "subquery",
      expression,
      rangeMs: durationMs(range),
      rangeExpression: range.kind === "duration" ? range : undefined,
      stepMs: step === undefined ? 0 : durationMs(step),
      stepExpression: step?.kind === "duration" ? step : undefined,
      at: undefined,
      offsetMs: 0,
      offsetExpression: undefined,
      position: { start: expression.position.start, end: node.to },
    };
  }

  #offset(node: SyntaxNode, expression: Expression): Expression {
    const [, , durationNode] = childNodes(node);
    const duration = this.#durations.offset(durationNode);
    const target = this.#shiftable(
      expression,
      "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    );
    if (target.offsetMs !== 0 || target.offsetExpression !== undefined) {
      this.#fail(expression.position, "offset may not be set multiple times");
    }
    if (duration.kind === "duration") target.offsetExpression = duration;
    else target.offsetMs = durationMs(duration);
    expression.position = { ...expression.position, end: node.to };
    return expression;
  }

  #atModifier(node: SyntaxNode, expression: Expression): Expression {
    const [, , time] = childNodes(node);
    const at = time.name === "AtModifierPreprocessors" ? undefined : this.#signedNumber(time);
    if (at !== undefined && !(Math.abs(at) < 2 ** 63)) {
      this.#fail(expression.position, `timestamp out of bounds for @ modifier: ${fixed(at)}`);
    }
    const target = this.#shiftable(
      expression,
      "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    );
    if (target.at !== undefined)
      this.#fail(expression.position, "@ <timestamp> may not be set multiple times");
    const word = this.#text(time).toLowerCase();
    target.at = at === undefined ? (word.startsWith("start") ? "start" : "end") : Math.round(at * 1000);
    expression.position = { ...expression.position, end: node.to };
    return expression;
  }

  /** What `@` and `offset` apply to. */
  #shiftable(expression: Expression, message: string): VectorSelector | Subquery {
    if (expression.kind === "matrix-selector") return expression.vector;
    if (expression.kind === "vector-selector" || expression.kind === "subquery") return expression;
    this.#fail(expression.position, message);
  }

  #extension(expression: Expression, name: "anchored" | "smoothed"): Expression {
    const { position } = expression;
    if (!this.#options.extendedRangeSelectors) {
      this.#fail(position, `${name} modifier is experimental and not enabled`);
    }
    if (expression.kind === "subquery")
      this.#fail(position, `${name} modifier is not supported for subqueries`);
    const selector = expression.kind === "matrix-selector" ? expression.vector : expression;
    if (selector.kind !== "vector-selector") this.#fail(position, `${name} modifier not implemented`);
    if (selector.extension !== undefined && selector.extension !== name) {
      this.#fail(position, "anchored and smoothed modifiers cannot be used together");
    }
    selector.extension = name;
    return expression;
  }

  #withSign(operator: "+" | "-", expression: Expression, start: number): Expression {
    const position = { start, end: expression.position.end };
    if (expression.kind !== "number") return { kind: "unary", operator, expression, position };
    return { ...expression, value: operator === "-" ? -expression.value : expression.value, position };
  }

  #binary(
    operatorNode: SyntaxNode,
    modifiers: SyntaxNode[],
    left: Expression,
    right: Expression,
  ): BinaryExpression {
    const { matching, returnsBool } = this.#modifiers(modifiers);
    const position = { start: left.position.start, end: right.position.end };
    const isFilled = matching.fillLeft !== undefined || matching.fillRight !== undefined;
    if (isFilled && !this.#options.fillModifiers) {
      this.#fail(position, "binop fill modifiers are experimental and not enabled");
    }
    const operator = this.#text(operatorNode).toLowerCase() as BinaryOperator;
    return { kind: "binary", operator, left, right, matching, returnsBool, position };
  }

  #modifiers(nodes: SyntaxNode[]): { matching: VectorMatching; returnsBool: boolean } {
    const matching: VectorMatching = {
      cardinality: "one-to-one",
      isOn: false,
      labels: [],
      include: [],
      fillLeft: undefined,
      fillRight: undefined,
    };
    let returnsBool = false;
    for (const node of nodes) {
      if (node.name === "BoolModifier") returnsBool = true;
      else if (node.name === "MatchingModifierClause") this.#matchingClause(node, matching);
      else if (node.name === "FillModifier") this.#fill(node, matching);
    }
    return { matching, returnsBool };
  }

  #matchingClause(node: SyntaxNode, matching: VectorMatching): void {
    const lists = node.getChildren("GroupingLabels");
    matching.isOn = node.getChild("On") !== null;
    matching.labels = this.#labels(lists[0]);
    if (node.getChild("GroupLeft") !== null) matching.cardinality = "many-to-one";
    if (node.getChild("GroupRight") !== null) matching.cardinality = "one-to-many";
    if (lists[1] !== undefined) matching.include = this.#labels(lists[1]);
  }

  #fill(node: SyntaxNode, matching: VectorMatching): void {
    for (const clause of childNodes(node)) {
      const value = this.#signedNumber(clause.getChild("NumberDurationLiteral")!);
      if (clause.name !== "FillRightClause") matching.fillLeft = value;
      if (clause.name !== "FillLeftClause") matching.fillRight = value;
    }
  }

  #labels(node: SyntaxNode): string[] {
    return childNodes(node).map((label) => {
      const name = label.name === "LabelName" ? this.#text(label) : unquote(this.#text(label));
      // Words that upstream's grammar does not take for a label here.
      const word = /^(?:(without)|inf|nan)$/i.exec(this.#text(label));
      if (word !== null) {
        const shown = word[1] === undefined ? `number ${quoteString(name)}` : `<${name}>`;
        this.#fail(positionOf(label), `unexpected ${shown} in grouping opts, expected label`);
      }
      if (!isValidLabelName(name))
        this.#fail(positionOf(label), `invalid label name for grouping: ${quoteString(name)}`);
      return name;
    });
  }

  #aggregation(node: SyntaxNode): Aggregation {
    const operator = this.#text(node.getChild("AggregateOp")!).toLowerCase() as AggregateOperator;
    const modifier = node.getChild("AggregateModifier");
    const args = childNodes(node.getChild("FunctionCallBody")!).map((child) => this.expression(child));
    const position = positionOf(node);
    if (args.length === 0) this.#fail(position, "no arguments for aggregate expression provided");
    if (EXPERIMENTAL_AGGREGATIONS.has(operator) && !this.#options.experimentalFunctions) {
      this.#fail(
        position,
        `${operator}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
      );
    }
    const wanted = takesParameter(operator) ? 2 : 1;
    if (args.length !== wanted) {
      this.#fail(
        position,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    }
    return {
      kind: "aggregation",
      operator,
      expression: args[wanted - 1],
      parameter: wanted === 2 ? args[0] : undefined,
      grouping: modifier === null ? [] : this.#labels(modifier.getChild("GroupingLabels")!),
      isWithout: modifier !== null && modifier.getChild("Without") !== null,
      position,
    };
  }

  #call(node: SyntaxNode): Call {
    // The name is read from the query: the tree may have a stand-in (see `expression-parser.ts`).
    const name = /^[\p{L}0-9_:.]+/u.exec(this.#query.slice(node.from))![0];
    const namePosition = { start: node.from, end: node.from + name.length };
    const args = childNodes(node.getChild("FunctionCallBody")!).map((child) => this.expression(child));
    const signature = FUNCTION_SIGNATURES.get(name);
    if (signature === undefined) {
      this.#fail(namePosition, `unknown function with name ${quoteString(name)}`);
    }
    if (signature.isExperimental && !this.#options.experimentalFunctions) {
      this.#fail(namePosition, `function ${quoteString(name)} is not enabled`);
    }
    return { kind: "call", name, arguments: args, position: positionOf(node) };
  }
}

function childNodes(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function positionOf(node: SyntaxNode): Position {
  return { start: node.from, end: node.to };
}

/** As Go's `%f`. */
function fixed(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}
