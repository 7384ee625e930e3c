/** Aggregation operators: `sum by (pod) (…)`. */
import { informHistogramIgnored, warnInvalidQuantile } from "../annotations.ts";
import { type EvaluationContext, evaluateScalar } from "../evaluation-context.ts";
import type { Aggregation } from "../parser/ast.ts";
import { isValidLabelName } from "../parser/label-name.ts";
import { quoteString } from "../parser/lexer.ts";
import { executionError } from "../query-error.ts";
import { StepSeries } from "../step-series.ts";
import { countValues } from "./count-values.ts";
import { createFloatGroup, type FloatGroup, type RunningOperator } from "./float-aggregation.ts";
import { Grouper, type Groups, groupSeries } from "./grouping.ts";
import { aggregateMixed } from "./histogram-aggregation.ts";
import { quantileGroup } from "./quantile-group.ts";
import { selectSeries } from "./selecting-aggregation.ts";

export async function aggregate(node: Aggregation, context: EvaluationContext): Promise<StepSeries[]> {
  if (node.operator === "count_values") return aggregateCountValues(node, context);
  if (node.parameter === undefined) {
    const streamed = await streamedAggregation(node, context);
    if (streamed !== undefined) return streamed;
  }
  const parameter = node.parameter === undefined ? undefined : await evaluateScalar(node.parameter, context);
  const input = await context.operands.evaluate(node.expression, context);
  switch (node.operator) {
    case "topk":
    case "bottomk":
    case "limitk":
    case "limit_ratio":
      return selectSeries(node, input, parameter!, context);
    case "quantile":
      for (const quantile of new Set(parameter)) {
        warnInvalidQuantile(context.run.annotations, quantile, node.parameter!.position);
      }
      return runningAggregation(node, input, context, () => quantileGroup(context.grid, parameter!));
  }
  return runningAggregation(node, input, context, () =>
    createFloatGroup(node.operator as RunningOperator, context.grid),
  );
}

async function aggregateCountValues(node: Aggregation, context: EvaluationContext): Promise<StepSeries[]> {
  const parameter = node.parameter!;
  const label = parameter.kind === "string" ? parameter.value : "";
  if (!isValidLabelName(label)) throw executionError(`invalid label name ${quoteString(label)}`);
  return countValues(node, label, await context.operands.evaluate(node.expression, context), context);
}

/** An aggregation of series that come one after the other, none of which is kept. Undefined where they don't. */
async function streamedAggregation(
  node: Aggregation,
  context: EvaluationContext,
): Promise<StepSeries[] | undefined> {
  const grouper = new Grouper({ labels: node.grouping, isWithout: node.isWithout });
  const states: FloatGroup[] = [];
  const dropsName: number[] = [];
  const isStreamed = await context.operands.evaluateEach(node.expression, context, (series) => {
    const group = grouper.indexOf(series);
    states[group] ??= createFloatGroup(node.operator as RunningOperator, context.grid);
    states[group].add(series);
    if (series.dropsName) dropsName[group] = 1;
  });
  return isStreamed ? finishGroups(grouper, states, dropsName) : undefined;
}

/** Aggregations that take one series after the other. */
async function runningAggregation(
  node: Aggregation,
  input: StepSeries[],
  context: EvaluationContext,
  createGroup: () => FloatGroup,
): Promise<StepSeries[]> {
  const { run } = context;
  const groups = await groupSeries(input, { labels: node.grouping, isWithout: node.isWithout }, run);
  const mixed = mixedGroups(node, input, groups, context);
  const states = groups.labels.map((_, i) => mixed.get(i) ?? createGroup());
  const dropsName = new Uint8Array(states.length);
  for (let i = 0; i < input.length; i++) {
    const series = input[i];
    if (series.histograms !== undefined && !TAKES_HISTOGRAMS.has(node.operator)) {
      informHistogramIgnored(run.annotations, node.operator, node.expression.position);
    }
    states[groups.indexOf[i]].add(series);
    if (series.dropsName) dropsName[groups.indexOf[i]] = 1;
    if (run.isDue) await run.pause();
  }
  return finishGroups(groups, states, dropsName);
}

const TAKES_HISTOGRAMS: ReadonlySet<string> = new Set(["count", "group", "sum", "avg"]);

/** The groups of `sum` and `avg` in which there are histograms, by index. */
function mixedGroups(
  { operator, expression }: Aggregation,
  input: readonly StepSeries[],
  { indexOf }: Groups,
  { grid, run }: EvaluationContext,
): Map<number, FloatGroup> {
  const groups = new Map<number, FloatGroup>();
  if (operator !== "sum" && operator !== "avg") return groups;
  input.forEach(({ histograms }, i) => {
    if (histograms === undefined || groups.has(indexOf[i])) return;
    const members: StepSeries[] = [];
    groups.set(indexOf[i], {
      add: (series) => members.push(series),
      finish: () => aggregateMixed(operator, members, grid, expression.position, run.annotations),
    });
  });
  return groups;
}

function finishGroups(
  { labels }: Pick<Groups, "labels">,
  states: FloatGroup[],
  dropsName: ArrayLike<number>,
): StepSeries[] {
  const out: StepSeries[] = [];
  states.forEach((state, i) => {
    const columns = state.finish();
    if (columns !== undefined)
      out.push(new StepSeries(labels[i], columns, { dropsName: dropsName[i] === 1 }));
  });
  return out;
}
