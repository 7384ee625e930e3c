/** Carries out Go's templates (`text/template/exec.go`): what errors point at is the node that Go was at. */

import { quoteGo } from "../../../model/go-quote.ts";
import { compareStrings } from "../../../model/labels.ts";
import { printed } from "./format.ts";
import { templateFunction } from "./function-table.ts";
import type { TemplateFunction } from "./functions.ts";
import { GoDuration, GoTime } from "./go-time.ts";
import { durationMethod, type Method, timeMethod } from "./go-time-methods.ts";
import {
  type Branch,
  type Command,
  type Node,
  type NumberNode,
  nodeText,
  type Operand,
  type Pipeline,
  type Statement,
} from "./nodes.ts";
import type { Template } from "./parser.ts";
import type { TemplateData } from "./template-data.ts";
import { TemplateError } from "./template-error.ts";
import {
  ArgumentMap,
  Dot,
  isLabelMap,
  isSample,
  isTruthy,
  sampleValue,
  typeName,
  type Value,
} from "./values.ts";

/** A template's output may be so long, in characters. */
export const MAX_TEMPLATE_OUTPUT = 1 << 20;
/** How deep templates may call each other. */
const MAX_CALL_DEPTH = 100;
/** As many numbers may be counted through. */
const MAX_COUNT = 10_000n;

/** What a command is given by the one before, where there is none. */
const MISSING: unique symbol = Symbol("missing");
type Final = Value | typeof MISSING;
/** What stands behind a name in a command, the name first, and what comes from the command before. */
interface Given {
  operands: readonly Operand[];
  final: Final;
}

type Jump = "break" | "continue" | undefined;

const NILLABLE: ReadonlySet<string> = new Set([
  "reflect.Value",
  "interface {}",
  "template.queryResult",
  "*template.sample",
]);
const ANYTHING: ReadonlySet<string> = new Set(["reflect.Value", "interface {}"]);

/** @throws TemplateError that says where it is */
export async function evaluateTemplate(template: Template, dot: Value, data: TemplateData): Promise<string> {
  const output = { text: "" };
  await new Evaluation(template, template.name, data, output, 0, dot).run(template.statements);
  return output.text;
}

class Evaluation {
  readonly #template: Template;
  /** Of the definition that is carried out. */
  readonly #name: string;
  readonly #data: TemplateData;
  readonly #output: { text: string };
  readonly #depth: number;
  readonly #dot: Value;
  readonly #variables: { name: string; value: Value }[];
  #node: Node | undefined;

  constructor(
    template: Template,
    name: string,
    data: TemplateData,
    output: { text: string },
    depth: number,
    dot: Value,
  ) {
    this.#template = template;
    this.#name = name;
    this.#data = data;
    this.#output = output;
    this.#depth = depth;
    this.#dot = dot;
    this.#variables = [{ name: "$", value: dot }];
  }

  async run(statements: readonly Statement[]): Promise<void> {
    await this.#walkAll(this.#dot, statements);
  }

  #fail(message: string): never {
    const node = this.#node!;
    const before = this.#template.text.slice(0, node.at);
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = before.split("\n").length;
    const column = Buffer.byteLength(before.slice(lineStart));
    const place = `${this.#template.name}:${line}:${column}`;
    throw new TemplateError(
      `template: ${place}: executing ${quoteGo(this.#name)} at <${nodeText(node)}>: ${message}`,
    );
  }

  #write(text: string): void {
    this.#output.text += text;
    if (this.#output.text.length > MAX_TEMPLATE_OUTPUT) this.#fail("the output is too long");
  }

  async #walkAll(dot: Value, statements: readonly Statement[]): Promise<Jump> {
    for (const statement of statements) {
      const jump = await this.#walk(dot, statement);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  async #walk(dot: Value, statement: Statement): Promise<Jump> {
    this.#node = statement;
    switch (statement.kind) {
      case "text":
        this.#write(statement.text);
        return undefined;
      case "break":
      case "continue":
        return statement.kind;
      case "action": {
        const value = await this.#pipeline(dot, statement.pipeline);
        if (statement.pipeline.variables.length > 0) return undefined;
        this.#node = statement;
        this.#write(value === undefined ? "<no value>" : printed(value));
        return undefined;
      }
      case "template":
        await this.#call(dot, statement);
        return undefined;
      case "range":
        return this.#range(dot, statement);
      default:
        return this.#choose(dot, statement);
    }
  }

  async #choose(dot: Value, { kind, pipeline, body, otherwise }: Branch): Promise<Jump> {
    const mark = this.#variables.length;
    const value = await this.#pipeline(dot, pipeline);
    const jump = isTruthy(value)
      ? await this.#walkAll(kind === "with" ? value : dot, body)
      : await this.#walkAll(dot, otherwise);
    this.#variables.length = mark;
    return jump;
  }

  /** Another definition sees nothing but what it is given. */
  async #call(dot: Value, statement: Extract<Statement, { kind: "template" }>): Promise<void> {
    const { name, pipeline } = statement;
    const body = this.#template.definitions.get(name);
    if (body === undefined) this.#fail(`template ${quoteGo(name)} not defined`);
    if (this.#depth === MAX_CALL_DEPTH) this.#fail(`exceeded maximum template depth (${MAX_CALL_DEPTH})`);
    const given = pipeline === undefined ? undefined : await this.#pipeline(dot, pipeline);
    const inner = new Evaluation(this.#template, name, this.#data, this.#output, this.#depth + 1, given);
    inner.#node = statement;
    await inner.run(body);
  }

  async #range(dot: Value, { pipeline, body, otherwise }: Branch): Promise<Jump> {
    const mark = this.#variables.length;
    const value = await this.#pipeline(dot, pipeline);
    const entries = this.#entries(value, pipeline.variables.length);
    const inner = this.#variables.length;
    let jump: Jump;
    for (const [key, item] of entries) {
      this.#setLoopVariables(pipeline, key, item);
      jump = await this.#walkAll(item, body);
      this.#variables.length = inner;
      if (jump === "break") break;
    }
    this.#variables.length = mark;
    // Loops around this one have their own.
    return entries.length === 0 ? this.#walkAll(dot, otherwise) : undefined;
  }

  #setLoopVariables({ variables, isAssignment }: Pipeline, key: Value, item: Value): void {
    const values = variables.length === 1 ? [item] : [key, item];
    for (const [i, { name }] of variables.entries()) {
      if (isAssignment) this.#assign(name, values[i]);
      else this.#variables[this.#variables.length - variables.length + i].value = values[i];
    }
  }

  #entries(value: Value, variables: number): [key: Value, item: Value][] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value.map((item, i) => [BigInt(i), item]);
    const byKey = ([a]: [string, Value], [b]: [string, Value]) => compareStrings(a, b);
    if (value instanceof ArgumentMap) return [...value].sort(byKey);
    if (isLabelMap(value)) return (Object.entries(value) as [string, Value][]).sort(byKey);
    if (typeof value !== "bigint") this.#fail(`range can't iterate over ${printed(value)}`);
    if (variables > 1) this.#fail(`can't use ${value} to iterate over more than one variable`);
    if (value > MAX_COUNT) this.#fail(`can't count to more than ${MAX_COUNT}`);
    return Array.from({ length: Number(value > 0n ? value : 0n) }, (_, i) => [undefined, BigInt(i)]);
  }

  #assign(name: string, value: Value): void {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable === undefined) this.#fail(`undefined variable: ${name}`);
    variable.value = value;
  }

  async #pipeline(dot: Value, pipeline: Pipeline): Promise<Value> {
    this.#node = pipeline;
    let value: Final = MISSING;
    for (const command of pipeline.commands) value = await this.#command(dot, command, value);
    const result = value as Value;
    for (const { name } of pipeline.variables) {
      if (pipeline.isAssignment) this.#assign(name, result);
      else this.#variables.push({ name, value: result });
    }
    return result;
  }

  #command(dot: Value, command: Command, final: Final): Value | Promise<Value> {
    const { operands } = command;
    const [first] = operands;
    switch (first.kind) {
      case "field":
      case "chain":
      case "variable":
        return this.#member(dot, first, operands, final);
      case "identifier":
        return this.#function(dot, first, command, operands, final);
      case "pipeline":
        this.#refuseArguments(operands, final);
        return this.#pipeline(dot, first);
    }
    this.#node = first;
    this.#refuseArguments(operands, final);
    if (first.kind === "nil") this.#fail("nil is not a command");
    return first.kind === "dot" ? dot : this.#literal(first);
  }

  #refuseArguments(operands: readonly Operand[], final: Final): void {
    if (operands.length > 1 || final !== MISSING)
      this.#fail(`can't give argument to non-function ${nodeText(operands[0])}`);
  }

  #literal(node: Extract<Operand, { kind: "bool" | "string" | "number" }>): Value {
    this.#node = node;
    if (node.kind === "bool") return node.value;
    return node.kind === "string" ? node.text : this.#number(node);
  }

  #number({ isIdealFloat, float, integer, text }: NumberNode): Value {
    if (isIdealFloat) return float;
    if (integer === undefined) this.#fail(`${text} overflows int`);
    return integer;
  }

  /** A variable, or fields of something: `.a.b`, `$x.a`, `(…).a`; the last one may be a method with arguments. */
  async #member(
    dot: Value,
    node: Extract<Operand, { kind: "field" | "chain" | "variable" }>,
    operands: readonly Operand[],
    final: Final,
  ): Promise<Value> {
    this.#node = node;
    let receiver = dot;
    if (node.kind === "variable") {
      const variable = this.#variables.findLast(({ name }) => name === node.name);
      if (variable === undefined) this.#fail(`undefined variable: ${node.name}`);
      receiver = variable.value;
      if (node.path.length === 0) {
        if (operands.length > 0) this.#refuseArguments(operands, final);
        return receiver;
      }
    } else if (node.kind === "chain") {
      if (node.node.kind === "nil") this.#fail(`indirection through explicit nil in ${nodeText(node)}`);
      receiver = await this.#argument(dot, "reflect.Value", node.node);
    }
    let type: string | undefined;
    for (const [i, name] of node.path.entries()) {
      const isLast = i === node.path.length - 1;
      const given: Given = isLast ? { operands, final } : { operands: [], final: MISSING };
      const holder = receiver;
      receiver = await this.#field(dot, name, node, given, holder, type);
      type = isOpen(holder, name) ? "interface {}" : undefined;
    }
    return receiver;
  }

  /** @param type the receiver's, where it is another than the value's own */
  async #field(
    dot: Value,
    name: string,
    node: Operand,
    { operands, final }: Given,
    receiver: Value,
    type = typeName(receiver),
  ): Promise<Value> {
    if (receiver === undefined) {
      if (type === "interface {}") this.#fail(`nil pointer evaluating ${type}.${name}`);
      return undefined;
    }
    const method = methodOf(receiver, name);
    if (method !== undefined) {
      const call = {
        parameters: method.parameters,
        call: (args: Value[]) => method.call(...(args as never[])),
      };
      return this.#invoke(dot, call, node, name, operands, final);
    }
    const hasArguments = operands.length > 1 || final !== MISSING;
    if (receiver instanceof ArgumentMap || isLabelMap(receiver)) {
      if (hasArguments) this.#fail(`${name} is not a method but has arguments`);
      if (receiver instanceof ArgumentMap) return receiver.get(name);
      return Object.hasOwn(receiver, name) ? receiver[name] : "";
    }
    const fields = fieldsOf(receiver);
    if (fields === undefined || !Object.hasOwn(fields, name))
      this.#fail(`can't evaluate field ${name} in type ${type}`);
    if (hasArguments) this.#fail(`${name} has arguments but cannot be invoked as function`);
    return fields[name];
  }

  #function(
    dot: Value,
    node: Extract<Operand, { kind: "identifier" }>,
    command: Node,
    operands: readonly Operand[],
    final: Final,
  ): Promise<Value> {
    this.#node = node;
    const found = templateFunction(node.name);
    if (found === undefined) this.#fail(`${quoteGo(node.name)} is not a defined function`);
    return this.#invoke(dot, found, command, node.name, operands, final);
  }

  /** @param node what an error of the call itself points at */
  async #invoke(
    dot: Value,
    { parameters, rest, call }: TemplateFunction,
    node: Node,
    name: string,
    operands: readonly Operand[],
    final: Final,
  ): Promise<Value> {
    const given = operands.slice(1);
    const count = given.length + (final === MISSING ? 0 : 1);
    if (rest !== undefined && count < parameters.length)
      this.#fail(`wrong number of args for ${name}: want at least ${parameters.length} got ${given.length}`);
    if (rest === undefined && count !== parameters.length)
      this.#fail(`wrong number of args for ${name}: want ${parameters.length} got ${count}`);
    if (name === "and" || name === "or") return this.#shortCircuit(dot, name, given, final);
    const args: Value[] = [];
    for (const [i, operand] of given.entries())
      args.push(await this.#argument(dot, parameters[i] ?? rest!, operand));
    if (final !== MISSING) args.push(this.#typed(final, parameters[args.length] ?? rest!));
    if (name === "call") args.unshift(given.length > 0 ? nodeText(given[0]) : reflectedText(args[0]));
    try {
      return await call(args, this.#data);
    } catch (error) {
      this.#node = node;
      this.#fail(`error calling ${name}: ${(error as Error).message}`);
    }
  }

  async #shortCircuit(
    dot: Value,
    name: "and" | "or",
    given: readonly Operand[],
    final: Final,
  ): Promise<Value> {
    let value: Value;
    for (const operand of given) {
      value = await this.#argument(dot, "reflect.Value", operand);
      if (isTruthy(value) === (name === "or")) return value;
    }
    return final === MISSING ? value : final;
  }

  async #argument(dot: Value, type: string, node: Operand): Promise<Value> {
    this.#node = node;
    switch (node.kind) {
      case "dot":
        return this.#typed(dot, type);
      case "nil":
        if (!NILLABLE.has(type)) this.#fail(`cannot assign nil to ${type}`);
        return undefined;
      case "field":
        return this.#typed(await this.#member(dot, node, [node], MISSING), type);
      case "variable":
      case "chain":
        return this.#typed(await this.#member(dot, node, [], MISSING), type);
      case "pipeline":
        return this.#typed(await this.#pipeline(dot, node), type);
      case "identifier":
        return this.#typed(await this.#function(dot, node, node, [], MISSING), type);
    }
    if (ANYTHING.has(type)) return this.#literal(node);
    if (type === "string") {
      if (node.kind !== "string") this.#fail(`expected string; found ${nodeText(node)}`);
      return node.text;
    }
    if (type === "int" || type === "time.Duration") return this.#integer(node, type);
    this.#fail(`can't handle ${nodeText(node)} for arg of type ${type}`);
  }

  /** A duration is a number of nanoseconds. */
  #integer(node: Operand, type: string): Value {
    if (node.kind !== "number" || node.integer === undefined)
      this.#fail(`expected integer; found ${nodeText(node)}`);
    return type === "int" ? node.integer : new GoDuration(Number(node.integer) / 1e6);
  }

  /** The value where it is of the type, or points to one. */
  #typed(value: Value, type: string): Value {
    if (value === undefined) {
      if (!NILLABLE.has(type)) this.#fail(`invalid value; expected ${type}`);
      return undefined;
    }
    const actual = typeName(value);
    if (!ANYTHING.has(type) && actual !== type && actual !== `*${type}`)
      this.#fail(`wrong type for value; expected ${type}; got ${actual}`);
    return value;
  }
}

/** As Go's `reflect.Value.String`. */
function reflectedText(value: Value): string {
  return typeof value === "string" ? value : `<${typeName(value)} Value>`;
}

/** Whether what a field holds may be of any type. */
function isOpen(holder: Value, name: string): boolean {
  if (holder instanceof ArgumentMap) return true;
  return name === "Value" && (holder instanceof Dot || isSample(holder));
}

function methodOf(receiver: Value, name: string): Method | undefined {
  if (receiver instanceof GoTime) return timeMethod(receiver, name);
  return receiver instanceof GoDuration ? durationMethod(receiver, name) : undefined;
}

/** Undefined: it has no fields. */
function fieldsOf(receiver: Value): Record<string, Value> | undefined {
  if (isSample(receiver)) return { Labels: receiver.labels.toObject(), Value: sampleValue(receiver) };
  return receiver instanceof Dot ? { ...receiver } : undefined;
}
