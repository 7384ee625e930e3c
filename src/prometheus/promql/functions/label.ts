/** `label_replace` and `label_join`: other labels, the same samples. */
import { METRIC_NAME } from "../../../model/labels.ts";
import { expandTemplate, Regex } from "../../regex/regex.ts";
import type { StringLiteral } from "../parser/ast.ts";
import { isValidLabelName } from "../parser/label-name.ts";
import { executionError } from "../query-error.ts";
import { mergeDuplicates, type StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

export async function labelReplace({ grid, run, call, vectors }: VectorCall): Promise<StepSeries[]> {
  const [destination, replacement, source, pattern] = strings(call.arguments.slice(1) as StringLiteral[]);
  let regex: Regex;
  try {
    regex = new Regex(pattern);
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isValidLabelName(destination)) {
    throw executionError(`invalid destination label name in label_replace(): ${destination}`);
  }
  const out = vectors[0].map((series) => {
    const match = regex.exec(series.labels.get(source));
    return match === undefined ? series : withLabel(series, destination, expandTemplate(replacement, match));
  });
  return mergeDuplicates(out, grid, run);
}

export async function labelJoin({ grid, run, call, vectors }: VectorCall): Promise<StepSeries[]> {
  const [destination, separator, ...sources] = strings(call.arguments.slice(1) as StringLiteral[]);
  for (const source of sources) {
    if (!isValidLabelName(source)) {
      throw executionError(`invalid source label name in label_join(): ${source}`);
    }
  }
  if (!isValidLabelName(destination)) {
    throw executionError(`invalid destination label name in label_join(): ${destination}`);
  }
  const out = vectors[0].map((series) => {
    const value = sources.map((source) => series.labels.get(source)).join(separator);
    return withLabel(series, destination, value);
  });
  return mergeDuplicates(out, grid, run);
}

function withLabel(series: StepSeries, name: string, value: string): StepSeries {
  const dropsName = name === METRIC_NAME ? false : series.dropsName;
  return series.relabelled(series.labels.with(name, value), dropsName);
}

function strings(literals: StringLiteral[]): string[] {
  return literals.map(({ value }) => value);
}
