/**
 * What Go's YAML package says of text that is no YAML. There are two of it: configurations are read with its second
 * version, rule files with its third, which tells rather where what is wrong begins. Both count the lines of what the
 * scanner finds from 1 and of what the parser finds from 0, and show no line 0.
 */
import type { YamlMark, YamlProblem, YamlVersion } from "./yaml-cursor.ts";

export function yamlSyntaxError(problem: YamlProblem, version: YamlVersion): string {
  const { place, context, isOfScanner } = problem;
  const [first, second] = version === 2 ? [place, context] : [context, place];
  // The second version counts from 1 in one place only.
  const line = lineOf(first, isOfScanner) || lineOf(second, isOfScanner && version === 3);
  return line === 0 ? problem.message : `line ${line}: ${problem.message}`;
}

/** 0: none is shown. */
function lineOf(mark: YamlMark | undefined, isOfScanner: boolean): number {
  return mark === undefined || mark.line === 0 ? 0 : mark.line + Number(isOfScanner);
}
