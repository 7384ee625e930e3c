/** All samples at the end of a test, for `--debug`. */

import { formatGoDuration } from "../../../model/go-duration.ts";
import { formatHistogram } from "../../../model/histogram-format.ts";
import { formatFloat } from "../../../model/number-format.ts";
import type { Engine, InstantResult } from "../../promql/mod.ts";
import { quoteString } from "../../promql/parser/lexer.ts";

/** The samples of `afterMs` from the start on, series by series. */
export async function debugDump(engine: Engine, startMs: number, afterMs: number): Promise<string> {
  // Queries have whole seconds, a test's time need not.
  const rangeMs = Math.floor((afterMs + 1000) / 1000) * 1000;
  const range = formatGoDuration(rangeMs);
  const expression = `{__name__=~".+"}[${range}]`;
  let result: InstantResult;
  try {
    result = await engine.instant(expression, startMs + rangeMs);
  } catch (error) {
    return `DEBUG: Failed query exec, expr: ${quoteString(expression)}, err: ${(error as Error).message}\n`;
  }
  if (result.kind !== "matrix") throw new Error(`BUG: ${expression} answered a ${result.kind}`);
  const series = result.series.map(({ labels, timestamps, values, histograms }) => {
    const points = Array.from(timestamps, (timestamp, i) => {
      const histogram = histograms?.[i];
      return `\n${histogram === undefined ? formatFloat(values[i]) : formatHistogram(histogram)} @[${timestamp}]`;
    });
    return `${labels} =>${points.join("")}`;
  });
  return `DEBUG: Dump of all data (input_series and rules) at ${range}:\n${series.join("\n")}\n`;
}
