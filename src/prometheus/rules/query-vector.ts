/** What a rule's expression, or a query in a template, gives. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import type { Engine } from "../promql/mod.ts";

export interface RuleSample {
  labels: Labels;
  value: number;
  histogram?: FloatHistogram;
}

/** The result as a vector: a scalar is one without labels. */
export async function queryVector(
  engine: Pick<Engine, "instant">,
  expression: string,
  timeMs: number,
): Promise<RuleSample[]> {
  const result = await engine.instant(expression, timeMs);
  if (result.kind === "vector") return result.samples;
  if (result.kind === "scalar") return [{ labels: Labels.empty, value: result.value }];
  throw new Error("rule result is not a vector or scalar");
}
