/**
 * Runs promqltest scripts as upstream does: each instant query as written, at shifted times with `@` put in, and
 * each of those as a range query of which the middle step is looked at.
 */

import type { Clock } from "../../../base/clock.ts";
import { quoteGo } from "../../../model/go-quote.ts";
import { Engine, type InstantResult, type RangeResult } from "../../promql/mod.ts";
import type { Expression, VectorSelector } from "../../promql/parser/ast.ts";
import { parseExpression } from "../../promql/parser/expression-parser.ts";
import { printExpression } from "../../promql/parser/printer.ts";
import { STEP_DEPENDENT_FUNCTIONS } from "../../promql/preprocess.ts";
import { checkSorted, compareResult } from "./compare.ts";
import { type EvalCommand, type MessagePattern, PARSER_OPTIONS, parseScript } from "./script.ts";
import { TestStorage } from "./test-storage.ts";

const MAX_SAMPLES = 10_000;
const TIMEOUT_MS = 100_000;
const SUBQUERY_STEP_MS = 60_000;

export interface CaseResult {
  line: number;
  expression: string;
  /** In upstream's words; undefined when the case has passed. */
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
  const result = await attempt(command, expression, "range", () =>
    engine.range(expression, startMs, endMs, stepMs),
  );
  if (result === undefined) return;
  checkRemarks(command, expression, result);
  compared(command, expression, result);
}

/** @throws Error that says of which query the result differs */
function compared(
  command: EvalCommand,
  expression: string,
  result: InstantResult,
  mode = "",
  step: InstantResult = result,
): void {
  try {
    if (step !== result && result.kind === "matrix") checkSorted(result.series);
    compareResult(command, step);
  } catch (error) {
    throw new Error(`error in eval ${expression} (line ${command.line})${mode}: ${(error as Error).message}`);
  }
}

async function runInstant(command: EvalCommand, engine: Engine): Promise<void> {
  const variants = [{ expression: command.expression, timeMs: command.endMs }, ...shifted(command)];
  for (const { expression, timeMs } of variants) await runVariant(command, expression, timeMs, engine);
}

async function runVariant(
  command: EvalCommand,
  expression: string,
  timeMs: number,
  engine: Engine,
): Promise<void> {
  const result = await attempt(command, expression, "instant", () => engine.instant(expression, timeMs));
  if (result === undefined) return;
  checkRemarks(command, expression, result);
  compared(command, expression, result);
  const isOwnRange = command.matrix !== undefined || command.string !== undefined;
  if (isOwnRange || /(start|end|range|step)\(\)/.test(expression)) return;
  let range: RangeResult;
  try {
    range = await engine.range(expression, timeMs - 60_000, timeMs + 60_000, 60_000);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      `error evaluating query ${quoteGo(expression)} (line ${command.line}) in range mode: ${message}`,
    );
  }
  if (command.expectations.isOrdered) return;
  compared(command, expression, range, " range mode", middle(range, timeMs, result));
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
async function attempt<T>(
  command: EvalCommand,
  expression: string,
  kind: "instant" | "range",
  query: () => Promise<T>,
): Promise<T | undefined> {
  const { failure } = command.expectations;
  const place = `query ${quoteGo(expression)} (line ${command.line})`;
  let result: T;
  try {
    result = await query();
  } catch (error) {
    const { message, kind: cause } = error as Error & { kind?: string };
    if (failure === undefined) {
      throw new Error(
        cause === "bad_data"
          ? `error creating ${kind} query for ${quoteGo(expression)} (line ${command.line}): ${message}`
          : `error evaluating ${place}: ${message}`,
      );
    }
    if (matches(failure.message, message)) return undefined;
    throw new Error(`expected error ${expectedFailure(failure)} evaluating ${place}, but got: ${message}`);
  }
  if (failure !== undefined) throw new Error(`expected error evaluating ${place} but got none`);
  return result;
}

function expectedFailure({ message, isByModifier }: NonNullable<EvalCommand["expectations"]["failure"]>) {
  if (message === undefined) return quoteGo(".*");
  const text = "text" in message ? message.text : message.pattern;
  if (isByModifier !== true) return `matching ${quoteGo(text)}`;
  return "text" in message ? quoteGo(text) : `matching pattern ${quoteGo(text)}`;
}

function checkRemarks(
  { expectations, line }: EvalCommand,
  expression: string,
  { warnings, infos }: Pick<InstantResult, "warnings" | "infos">,
) {
  const place = `query ${quoteGo(expression)} (line ${line})`;
  if (expectations.warns === true && warnings.length === 0)
    throw new Error(`expected warnings evaluating ${place} but got none`);
  if (expectations.informs === true && infos.length === 0)
    throw new Error(`expected info annotations evaluating ${place} but got none`);
  checkExpected("warn", expectations.warnings, warnings, place, expression, line);
  checkExpected("info", expectations.infos, infos, place, expression, line);
  const all = `[${[...warnings, ...infos].join(" ")}]`;
  if (expectations.noWarnings && warnings.length > 0)
    throw new Error(`unexpected warning annotations evaluating ${place}: ${all}`);
  if (expectations.noInfos && infos.length > 0)
    throw new Error(`unexpected info annotations evaluating ${place}: ${all}`);
}

function checkExpected(
  type: string,
  expected: readonly MessagePattern[],
  found: readonly string[],
  place: string,
  expression: string,
  line: number,
): void {
  if (expected.length === 0) return;
  if (found.length === 0) throw new Error(`expected ${type} annotations but none were found for ${place}`);
  const missing = expected.findIndex((pattern) => !found.some((text) => matches(pattern, text)));
  if (missing !== -1)
    throw new Error(
      `expected ${type} annotation matching ${describe(expected[missing])} but no matching annotation was found for ${place}, found: [${found.join(" ")}]`,
    );
  const surplus = found.find((text) => !expected.some((pattern) => matches(pattern, text)));
  if (surplus !== undefined)
    throw new Error(
      `unexpected ${type} annotation ${quoteGo(surplus)} found for query ${expression} (line ${line})`,
    );
}

function matches(pattern: MessagePattern, text: string): boolean {
  if (pattern === undefined) return true;
  return "text" in pattern ? pattern.text === text : pattern.regex.matches(text);
}

function describe(pattern: MessagePattern): string {
  if (pattern === undefined) return `pattern ${quoteGo(".*")}`;
  return "text" in pattern ? `message ${quoteGo(pattern.text)}` : `pattern ${quoteGo(pattern.pattern)}`;
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
