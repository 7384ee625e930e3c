/**
 * Runs promqltest scripts as upstream does: each instant query as written, at shifted times with `@` put in, and
 * each of those as a range query of which the middle step is looked at.
 */

import type { Clock } from "../../../base/clock.ts";
import { Engine, type InstantResult, type RangeResult } from "../../promql/mod.ts";
import type { Expression, VectorSelector } from "../../promql/parser/ast.ts";
import { parseExpression } from "../../promql/parser/expression-parser.ts";
import type { ParserOptions } from "../../promql/parser/parser-options.ts";
import { printExpression } from "../../promql/parser/printer.ts";
import { STEP_DEPENDENT_FUNCTIONS } from "../../promql/preprocess.ts";
import { checkSorted, compareResult } from "./compare.ts";
import { type EvalCommand, type MessagePattern, parseScript } from "./script.ts";
import { TestStorage } from "./test-storage.ts";

/** All that upstream's test engine turns on. */
const PARSER_OPTIONS: ParserOptions = {
  experimentalFunctions: true,
  durationExpressions: true,
  extendedRangeSelectors: true,
  fillModifiers: true,
  unquotedUtf8Names: true,
};

const MAX_SAMPLES = 10_000;
const TIMEOUT_MS = 100_000;
const SUBQUERY_STEP_MS = 60_000;

export interface CaseResult {
  line: number;
  expression: string;
  /** Undefined when the case has passed. */
  failure: string | undefined;
}

/**
 * Runs all cases of a script.
 *
 * @throws ScriptError when the script can't be read
 */
export async function* runScript(
  text: string,
  clock: Pick<Clock, "monotonic" | "sleep">,
): AsyncIterable<CaseResult> {
  let storage = new TestStorage();
  for (const command of parseScript(text)) {
    if (command.kind === "clear") storage = new TestStorage();
    else if (command.kind === "load") storage.load(command);
    else yield runCase(command, storage, clock);
  }
}

async function runCase(
  command: EvalCommand,
  storage: TestStorage,
  clock: Pick<Clock, "monotonic" | "sleep">,
): Promise<CaseResult> {
  const { line, expression } = command;
  const engine = new Engine({
    queryable: storage.queryable(),
    clock,
    maxSamples: MAX_SAMPLES,
    timeoutMs: TIMEOUT_MS,
    subqueryStepMs: () => SUBQUERY_STEP_MS,
    parser: PARSER_OPTIONS,
    delayedNameRemoval: true,
    startTimestamps: true,
    remarkLimit: 0,
  });
  try {
    if (command.stepMs === undefined) await runInstant(command, engine);
    else await runRange(command, command.stepMs, engine);
    return { line, expression, failure: undefined };
  } catch (error) {
    return { line, expression, failure: (error as Error).message };
  }
}

async function runRange(command: EvalCommand, stepMs: number, engine: Engine): Promise<void> {
  const { expression, startMs, endMs } = command;
  const result = await attempt(command, () => engine.range(expression, startMs, endMs, stepMs));
  if (result === undefined) return;
  checkRemarks(command, result);
  compareResult(command, result);
}

async function runInstant(command: EvalCommand, engine: Engine): Promise<void> {
  const variants = [{ expression: command.expression, timeMs: command.endMs }, ...shifted(command)];
  for (const { expression, timeMs } of variants) {
    try {
      await runVariant(command, expression, timeMs, engine);
    } catch (error) {
      const isOriginal = expression === command.expression;
      throw isOriginal ? error : new Error(`${expression} at ${timeMs} ms: ${(error as Error).message}`);
    }
  }
}

async function runVariant(
  command: EvalCommand,
  expression: string,
  timeMs: number,
  engine: Engine,
): Promise<void> {
  const result = await attempt(command, () => engine.instant(expression, timeMs));
  if (result === undefined) return;
  checkRemarks(command, result);
  compareResult(command, result);
  const isOwnRange = command.matrix !== undefined || command.string !== undefined;
  if (isOwnRange || /(start|end|range|step)\(\)/.test(expression)) return;
  const range = await engine.range(expression, timeMs - 60_000, timeMs + 60_000, 60_000);
  if (command.expectations.isOrdered) return;
  try {
    checkSorted(range.series);
    compareResult(command, middle(range, timeMs, result));
  } catch (error) {
    throw new Error(`range mode: ${(error as Error).message}`);
  }
}

/** The step of a range query's result that an instant query would have answered. */
function middle(range: RangeResult, timeMs: number, instant: InstantResult): InstantResult {
  const samples = range.series.flatMap(({ labels, timestamps, values, histograms }) => {
    const at = timestamps.indexOf(timeMs);
    return at === -1 ? [] : [{ labels, timestampMs: timeMs, value: values[at], histogram: histograms?.[at] }];
  });
  const { warnings, infos, counts, seconds } = range;
  const remarks = { warnings, infos, counts, seconds };
  if (instant.kind === "scalar") {
    return { kind: "scalar", timestampMs: timeMs, value: samples[0].value, ...remarks };
  }
  return { kind: "vector", samples, ...remarks };
}

/** The result; undefined when the query failed as expected. */
async function attempt<T>(command: EvalCommand, query: () => Promise<T>): Promise<T | undefined> {
  const { failure } = command.expectations;
  let result: T;
  try {
    result = await query();
  } catch (error) {
    if (failure === undefined) throw error;
    const { message } = error as Error;
    if (!matches(failure.message, message)) {
      throw new Error(`expected error matching ${describe(failure.message)}, but got: ${message}`);
    }
    return undefined;
  }
  if (failure !== undefined) throw new Error("expected error but got none");
  return result;
}

function checkRemarks(
  { expectations }: EvalCommand,
  { warnings, infos }: Pick<InstantResult, "warnings" | "infos">,
) {
  if (expectations.noWarnings && warnings.length > 0)
    throw new Error(`unexpected warning annotations: ${warnings}`);
  if (expectations.noInfos && infos.length > 0) throw new Error(`unexpected info annotations: ${infos}`);
  checkExpected("warn", expectations.warnings, warnings);
  checkExpected("info", expectations.infos, infos);
}

function checkExpected(type: string, expected: readonly MessagePattern[], found: readonly string[]): void {
  if (expected.length === 0) return;
  if (found.length === 0) throw new Error(`expected ${type} annotations but none were found`);
  const missing = expected.find((pattern) => !found.some((text) => matches(pattern, text)));
  if (missing !== undefined)
    throw new Error(`expected ${type} annotation ${describe(missing)}, found: ${found}`);
  const surplus = found.find((text) => !expected.some((pattern) => matches(pattern, text)));
  if (surplus !== undefined) throw new Error(`unexpected ${type} annotation "${surplus}"`);
}

function matches(pattern: MessagePattern, text: string): boolean {
  if (pattern === undefined) return true;
  return "text" in pattern ? pattern.text === text : pattern.regex.matches(text);
}

function describe(pattern: MessagePattern): string {
  if (pattern === undefined) return "anything";
  return "text" in pattern ? `message "${pattern.text}"` : `pattern "${pattern.pattern}"`;
}

/** The query pinned to its time by `@`, at other times. None where the result depends on the evaluation time. */
function shifted({ expression, endMs }: EvalCommand): { expression: string; timeMs: number }[] {
  let parsed: Expression;
  try {
    parsed = parseExpression(expression, PARSER_OPTIONS);
  } catch {
    // Such a case expects that.
    return [];
  }
  if (!pinTo(parsed, endMs)) return [];
  const pinned = printExpression(parsed);
  const times = endMs === 0 ? [-1000, 0, 1000] : [-10 * endMs, 0, Math.trunc(endMs / 5), endMs, 10 * endMs];
  return times.map((timeMs) => ({ expression: pinned, timeMs }));
}

/** Of an instant query, `start()` and `end()` are its time. */
function pin(node: Pick<VectorSelector, "at">, timeMs: number): void {
  if (typeof node.at !== "number") node.at = timeMs;
}

/** Puts `@` on every selector that has none. Answers whether that pins the result. */
function pinTo(node: Expression, timeMs: number): boolean {
  switch (node.kind) {
    case "vector-selector":
      pin(node, timeMs);
      return true;
    case "matrix-selector":
      pin(node.vector, timeMs);
      return true;
    case "subquery":
      // What is inside moves along, whether it is pinned to this or another time.
      pin(node, timeMs);
      return true;
    case "call": {
      const isPinned = node.arguments.map((argument) => pinTo(argument, timeMs)).every(Boolean);
      return isPinned && !STEP_DEPENDENT_FUNCTIONS.has(node.name);
    }
    case "binary": {
      const [left, right] = [pinTo(node.left, timeMs), pinTo(node.right, timeMs)];
      return left && right;
    }
    case "aggregation": {
      const parameter = node.parameter === undefined || pinTo(node.parameter, timeMs);
      return pinTo(node.expression, timeMs) && parameter;
    }
    case "unary":
    case "parenthesis":
    case "step-invariant":
      return pinTo(node.expression, timeMs);
    default:
      return true;
  }
}
