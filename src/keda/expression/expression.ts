/**
 * The formulas of `scalingModifiers`: the part of the expr language (expr-lang/expr v1.17) that computes with numbers.
 * Operators `+ - * / % ** ^ == != < <= > >= in && || ! and or not ?: ?? ..`, lists, the functions of
 * `expression-functions.ts`, those of `expression-predicates.ts` (`count([a, b], # > 1)`, `{# > 1}` too), slices,
 * `let x = …; …`, comments. Names are those of triggers. Types are checked, and errors worded and placed, as upstream does.
 */
import { ExpressionError, tokenize } from "./expression-lexer.ts";
import { MAX_STEPS, type Value } from "./expression-node.ts";
import { ExpressionParser } from "./expression-parser.ts";

export { ExpressionError } from "./expression-lexer.ts";
export { MAX_STEPS, type Value } from "./expression-node.ts";
export { MAX_DEPTH } from "./expression-parser.ts";
export type Environment = ReadonlyMap<string, number | null>;

/** Longer formulas are refused. */
export const MAX_FORMULA_LENGTH = 10_000;
/** Computes with the values of an environment. @throws ExpressionError */
export type Formula = (environment: Environment) => Value;

/**
 * Reads a formula.
 *
 * @param names the triggers that it may name
 * @throws ExpressionError
 */
export function compileFormula(text: string, names: ReadonlySet<string>): Formula {
  if (text.length > MAX_FORMULA_LENGTH) {
    throw new ExpressionError(`formula is longer than ${MAX_FORMULA_LENGTH} characters`);
  }
  const node = placed(text, () => new ExpressionParser(tokenize(text), names).parse());
  return (environment) =>
    placed(text, () => node.run({ environment, locals: new Map(), steps: { left: MAX_STEPS } }));
}

/** An error gets the formula drawn below it. */
function placed<T>(source: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // A list may be nested as deep as it is long: `reduce(1..20000, [#acc])`.
    if (error instanceof RangeError) throw new ExpressionError("recursion depth exceeded");
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(error.problem, error.position, source);
  }
}
