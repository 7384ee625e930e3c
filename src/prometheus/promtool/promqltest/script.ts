/** The commands of a promqltest script: `load`, `clear` and `eval` (`promql/promqltest/README.md` upstream). */

import { quoteGo } from "../../../model/go-quote.ts";
import type { Labels } from "../../../model/labels.ts";
import { parseExpression } from "../../promql/parser/expression-parser.ts";
import { ParseError } from "../../promql/parser/parse-error.ts";
import type { ParserOptions } from "../../promql/parser/parser-options.ts";
import { unquote } from "../../promql/parser/unquote.ts";
import { Regex } from "../../regex/regex.ts";
import { parseDurationMs } from "./duration.ts";
import { parseSeriesDescription, type SeriesDescription } from "./series-description.ts";
import { SeriesDescriptionError } from "./series-description-error.ts";
import type { SequenceValue } from "./series-values.ts";
import { parseStartTimes, type StartTimes } from "./start-times.ts";

export interface LoadedSeries extends SeriesDescription {
  /** Start timestamps relative to the samples', one per value. */
  starts: StartTimes | undefined;
}

export interface LoadCommand {
  kind: "load";
  line: number;
  stepMs: number;
  series: LoadedSeries[];
  /** Also as native histograms with custom buckets. */
  withCustomBuckets: boolean;
}

export interface ClearCommand {
  kind: "clear";
  line: number;
}

/** What remarks and errors are expected to say; undefined is anything. */
export type MessagePattern = { text: string } | { pattern: string; regex: Regex } | undefined;

export interface Expectations {
  isOrdered: boolean;
  /** The query is to fail. */
  failure: { message: MessagePattern; isByModifier?: boolean } | undefined;
  warnings: MessagePattern[];
  infos: MessagePattern[];
  noWarnings: boolean;
  noInfos: boolean;
  /** Some warning or info is to come, as `eval_warn` and `eval_info` ask for. */
  warns?: boolean;
  informs?: boolean;
}

export interface ExpectedSeries {
  labels: Labels;
  values: SequenceValue[];
}

export interface EvalCommand {
  kind: "eval";
  line: number;
  expression: string;
  /** Of an instant query both are its time. */
  startMs: number;
  endMs: number;
  /** Undefined for an instant query. */
  stepMs: number | undefined;
  expectations: Expectations;
  /** The times of the samples of an instant query that answers a range vector. */
  matrix: { startMs: number; endMs: number; stepMs: number } | undefined;
  series: ExpectedSeries[];
  scalar: number | undefined;
  string: string | undefined;
}

export type ScriptCommand = LoadCommand | ClearCommand | EvalCommand;

/** A script has a line that is no command, or not a right one. */
export class ScriptError extends Error {
  readonly line: number;

  /** @param isPlaced whether the message says where already */
  constructor(line: number, message: string, isPlaced = false) {
    super(isPlaced ? message : `line ${line}: ${message}`);
    this.name = "ScriptError";
    this.line = line;
  }
}

/** All that upstream's test engine turns on. */
export const PARSER_OPTIONS: ParserOptions = {
  experimentalFunctions: true,
  durationExpressions: true,
  extendedRangeSelectors: true,
  fillModifiers: true,
  unquotedUtf8Names: true,
};

/** @throws ScriptError */
export function parseScript(text: string): ScriptCommand[] {
  return new ScriptParser(text).commands();
}

const LOAD = /^load(?:_(with_nhcb))?\s+(.+?)$/;
const EVAL_INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+))?\s+(.+)$/;
const EVAL_RANGE = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/;
const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/;
const EXPECT_RANGE = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/;
const EXPECT_STRING = /^expect string(?: (.*))?$/;

class ScriptParser {
  readonly #lines: string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split("\n").map((line) => {
      const trimmed = line.trim();
      return trimmed.startsWith("#") ? "" : trimmed;
    });
  }

  commands(): ScriptCommand[] {
    const commands: ScriptCommand[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at];
      if (line === "") continue;
      commands.push(this.#guarded(() => this.#command(line)));
    }
    return commands;
  }

  #guarded<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof ScriptError) throw error;
      if (error instanceof SeriesDescriptionError)
        throw new ScriptError(this.#at + 1, error.at(this.#at + 1), true);
      throw new ScriptError(this.#at + 1, (error as Error).message);
    }
  }

  #command(line: string): ScriptCommand {
    const word = line.split(/[\t ]+/, 1)[0].toLowerCase();
    if (word === "clear") return { kind: "clear", line: this.#at + 1 };
    if (word.startsWith("load")) return this.#load(line);
    if (word.startsWith("eval")) return this.#eval(line);
    throw new Error(`invalid command "${line}"`);
  }

  /** The lines up to the next empty one. */
  *#block(): Iterable<string> {
    while (this.#at + 1 < this.#lines.length && this.#lines[this.#at + 1] !== "") {
      this.#at++;
      yield this.#lines[this.#at];
    }
  }

  #load(line: string): LoadCommand {
    const match = LOAD.exec(line);
    if (match === null) throw new Error("invalid load command. (load[_with_nhcb] <step:duration>)");
    const start = this.#at + 1;
    const series: LoadedSeries[] = [];
    let pending: { labels: Labels; starts: StartTimes } | undefined;
    for (const definition of this.#block()) {
      const starts = parseStartTimes(definition);
      if (starts !== undefined) {
        pending = starts;
        continue;
      }
      const description = parseSeriesDescription(definition, true);
      if (pending !== undefined && !pending.labels.equals(description.labels)) {
        throw new Error("@st metric does not match the following sample line metric");
      }
      if (pending !== undefined && pending.starts.length !== description.values.length) {
        throw new Error(
          `@st line has ${pending.starts.length} values but sample line has ${description.values.length}`,
        );
      }
      series.push({ ...description, starts: pending?.starts });
      pending = undefined;
    }
    if (pending !== undefined) throw new Error("@st line has no following sample line");
    return {
      kind: "load",
      line: start,
      stepMs: parseDurationMs(match[2]),
      series,
      withCustomBuckets: match[1] !== undefined,
    };
  }

  #eval(line: string): EvalCommand {
    const instant = EVAL_INSTANT.exec(line);
    const range = EVAL_RANGE.exec(line);
    const command: EvalCommand = {
      kind: "eval",
      line: this.#at + 1,
      expression: "",
      startMs: 0,
      endMs: 0,
      stepMs: undefined,
      expectations: {
        isOrdered: false,
        failure: undefined,
        warnings: [],
        infos: [],
        noWarnings: false,
        noInfos: false,
      },
      matrix: undefined,
      series: [],
      scalar: undefined,
      string: undefined,
    };
    const expression = instant?.[3] ?? range?.[5];
    if (expression !== undefined) {
      command.expression = expression;
      checkExpression(expression, line, this.#at + 1);
    }
    if (instant !== null) {
      this.#inEval(expression!, () => {
        command.startMs = command.endMs = defined("timestamp", instant[2] ?? "");
      });
    } else if (range !== null) {
      this.#inEval(expression!, () => Object.assign(command, rangeTimes(range[2], range[3], range[4])));
    } else {
      throw new Error(
        "invalid evaluation command. Must be either 'eval[_fail|_warn|_ordered] instant [at <offset:duration>] <query>' or 'eval[_fail|_warn] range from <from> to <to> step <step> <query>'",
      );
    }
    applyModifier(command.expectations, (instant ?? range)![1]);
    for (const expected of this.#block())
      if (this.#inEval(command.expression, () => this.#expected(command, expected))) break;
    return command;
  }

  /** What is wrong in there is told with the expression that it belongs to. */
  #inEval<T>(expression: string, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof ScriptError || error instanceof SeriesDescriptionError) throw error;
      const line = this.#at + 1;
      const text = `error in eval ${expression} (line ${line}): ${(error as Error).message}`;
      throw new ScriptError(line, text, true);
    }
  }

  /** One line below `eval`. Answers whether it has to be the last. */
  #expected(command: EvalCommand, line: string): boolean {
    const { expectations } = command;
    const failure = /^expected_fail_(message|regexp)\s*(.*)$/.exec(line);
    if (failure !== null && expectations.failure !== undefined) {
      const text = failure[2].trim();
      expectations.failure.message =
        failure[1] === "message"
          ? { text }
          : patternOf(text, (problem) => `invalid regexp '${text}' for expected_fail_regexp: ${problem}`);
      return true;
    }
    if (line.startsWith("expect range vector")) {
      const matrix = EXPECT_RANGE.exec(line);
      if (matrix === null) throw new Error(`invalid range vector definition ${quoteGo(line)}`);
      const times = rangeTimes(matrix[1], matrix[2], matrix[3]);
      command.matrix = times;
      command.startMs = command.endMs = times.endMs;
      return false;
    }
    const string = EXPECT_STRING.exec(line);
    if (string !== null) {
      if (!string[1])
        throw new Error("expected string literal not valid - a quoted string literal is required");
      command.string = expectedString(string[1]);
      return false;
    }
    if (line.split(" ")[0] === "expect") {
      addExpectation(expectations, line);
      return false;
    }
    const scalar = parseNumber(line);
    if (scalar !== undefined) {
      command.scalar = scalar;
      return true;
    }
    const { labels, values } = parseSeriesDescription(line, true);
    if (values.length > 1 && command.stepMs === undefined && command.matrix === undefined) {
      throw new Error(
        "expecting multiple values in instant evaluation not allowed. consider using 'expect range vector' directive to enable a range vector result for an instant query",
      );
    }
    command.series.push({ labels, values });
    return false;
  }
}

function applyModifier(expectations: Expectations, modifier: string | undefined): void {
  if (modifier === "ordered") expectations.isOrdered = true;
  else if (modifier === "fail") expectations.failure = { message: undefined, isByModifier: true };
  else if (modifier === "warn") expectations.warns = true;
  else if (modifier === "info") expectations.informs = true;
}

function addExpectation(expectations: Expectations, line: string): void {
  const match = EXPECT.exec(line);
  if (match === null) {
    throw new Error("invalid expect statement, must match `expect <type> <match_type>: <string>` format");
  }
  const [, type, kind, text = ""] = match;
  const trimmed = text.trim();
  const message: MessagePattern =
    kind === undefined
      ? undefined
      : kind === "msg"
        ? { text: trimmed }
        : patternOf(trimmed, () => `invalid regex ${trimmed} for ${type}`);
  switch (type) {
    case "ordered":
      expectations.isOrdered = true;
      break;
    case "fail":
      // `eval_fail` may be followed by a line that says more.
      if (expectations.failure !== undefined && expectations.failure.isByModifier !== true) {
        throw new Error("invalid expect lines, multiple expect fail lines are not allowed");
      }
      expectations.failure = { message };
      break;
    case "warn":
      expectations.warnings.push(message);
      break;
    case "info":
      expectations.infos.push(message);
      break;
    case "no_warn":
      expectations.noWarnings = true;
      break;
    case "no_info":
      expectations.noInfos = true;
      break;
  }
  if (expectations.noInfos && expectations.infos.length > 0) {
    throw new Error("invalid expect lines, info and no_info cannot be used together");
  }
  if (expectations.noWarnings && expectations.warnings.length > 0) {
    throw new Error("invalid expect lines, warn and no_warn cannot be used together");
  }
}

/**
 * A pattern that may match anywhere in a message.
 *
 * @param failed what is said where it is none, given why
 */
function patternOf(pattern: string, failed: (problem: string) => string): MessagePattern {
  try {
    // By itself first, for what is wrong with it.
    new Regex(pattern);
    return { pattern, regex: new Regex(`(?s:.*)(?:${pattern})(?s:.*)`) };
  } catch (error) {
    throw new Error(failed((error as Error).message));
  }
}

/** As upstream's: a script with an expression that is none is no script. @throws ScriptError */
function checkExpression(expression: string, line: string, lineNumber: number): void {
  try {
    parseExpression(expression, PARSER_OPTIONS);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const column = Buffer.byteLength(line.slice(0, line.indexOf(expression) + error.position.start)) + 1;
    throw new ScriptError(lineNumber, `${lineNumber}:${column}: parse error: ${error.detail}`, true);
  }
}

/** The duration of `what`. */
function defined(what: string, text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new Error(`invalid ${what} definition ${quoteGo(text)}: ${(error as Error).message}`);
  }
}

function rangeTimes(from: string, to: string, step: string) {
  const startMs = defined("start timestamp", from);
  const endMs = defined("end timestamp", to);
  if (endMs < startMs)
    throw new Error(`invalid test definition, end timestamp (${to}) is before start timestamp (${from})`);
  return { startMs, endMs, stepMs: defined("step", step) };
}

function expectedString(quoted: string): string {
  try {
    return unquote(quoted);
  } catch {
    throw new Error("expected string literal not valid - check that the string is correctly quoted");
  }
}

function parseNumber(text: string): number | undefined {
  const match = /^([+-]?)(inf|infinity|nan|0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(text);
  if (match === null) return undefined;
  const lower = match[2].toLowerCase();
  const value = lower.startsWith("inf")
    ? Number.POSITIVE_INFINITY
    : lower === "nan"
      ? Number.NaN
      : Number(lower);
  return match[1] === "-" ? -value : value;
}
