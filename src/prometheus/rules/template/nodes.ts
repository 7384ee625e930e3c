/** The tree of a template, and its parts as text: errors show them (`text/template/parse/node.go`). */
import { quoteGo } from "../../../model/go-quote.ts";

export type Operand =
  | { kind: "bool"; at: number; value: boolean }
  | { kind: "string"; at: number; quoted: string; text: string }
  | NumberNode
  | { kind: "nil"; at: number }
  | { kind: "dot"; at: number }
  | { kind: "field"; at: number; path: string[] }
  | { kind: "variable"; at: number; name: string; path: string[] }
  | { kind: "identifier"; at: number; name: string }
  | { kind: "chain"; at: number; node: Operand; path: string[] }
  | Pipeline;

export interface NumberNode {
  kind: "number";
  at: number;
  text: string;
  /** undefined: it is no whole number, or does not fit. */
  integer: bigint | undefined;
  float: number;
  /** Of the type float64 where nothing else asks for a type. */
  isIdealFloat: boolean;
}

export interface Command {
  kind: "command";
  at: number;
  operands: Operand[];
}

export interface Pipeline {
  kind: "pipeline";
  at: number;
  variables: Extract<Operand, { kind: "variable" }>[];
  isAssignment: boolean;
  commands: Command[];
}

export interface Branch {
  kind: "if" | "with" | "range";
  at: number;
  pipeline: Pipeline;
  body: Statement[];
  otherwise: Statement[];
}

export type Statement =
  | { kind: "text"; at: number; text: string }
  | { kind: "action"; at: number; pipeline: Pipeline }
  | { kind: "break" | "continue"; at: number }
  | { kind: "template"; at: number; name: string; pipeline: Pipeline | undefined }
  | Branch;

export type Node = Operand | Command | Statement;

export function nodeText(node: Node): string {
  switch (node.kind) {
    case "bool":
      return String(node.value);
    case "string":
      return node.quoted;
    case "number":
    case "text":
      return node.text;
    case "nil":
      return "nil";
    case "dot":
      return ".";
    case "field":
      return pathText(node.path);
    case "variable":
      return node.name + pathText(node.path);
    case "identifier":
      return node.name;
    case "chain": {
      const inner = nodeText(node.node);
      return (node.node.kind === "pipeline" ? `(${inner})` : inner) + pathText(node.path);
    }
    case "pipeline":
      return pipelineText(node);
    case "command":
      return node.operands
        .map((each) => (each.kind === "pipeline" ? `(${nodeText(each)})` : nodeText(each)))
        .join(" ");
    case "action":
      return `{{${nodeText(node.pipeline)}}}`;
    case "break":
    case "continue":
      return `{{${node.kind}}}`;
    case "template": {
      const argument = node.pipeline === undefined ? "" : ` ${nodeText(node.pipeline)}`;
      return `{{template ${quoteGo(node.name)}${argument}}}`;
    }
    default: {
      const otherwise = node.otherwise.length === 0 ? "" : `{{else}}${node.otherwise.map(nodeText).join("")}`;
      return `{{${node.kind} ${nodeText(node.pipeline)}}}${node.body.map(nodeText).join("")}${otherwise}{{end}}`;
    }
  }
}

function pathText(path: readonly string[]): string {
  return path.map((name) => `.${name}`).join("");
}

function pipelineText({ variables, isAssignment, commands }: Pipeline): string {
  const names = variables.map(nodeText).join(", ");
  const declaration = names === "" ? "" : `${names} ${isAssignment ? "=" : ":="} `;
  return declaration + commands.map(nodeText).join(" | ");
}
