/** Arithmetic and comparison between two vectors (`VectorBinop` in upstream's `promql/engine.go`). */
import { Labels, METADATA_LABELS } from "../../../model/labels.ts";
import type { EvaluationContext } from "../evaluation-context.ts";
import type { Grid } from "../grid.ts";
import type { BinaryExpression, VectorMatching } from "../parser/ast.ts";
import { duplicateLabelSet, executionError } from "../query-error.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import { arithmetic, isArithmetic } from "./arithmetic.ts";
import { type ElementOperation, elementOperation } from "./element.ts";
import { type MatchGroup, matchedLabels, matchGroups } from "./matching.ts";
import { combineOutputs } from "./output.ts";

/** A result and the place of its left series, which orders the results. */
interface Output {
  order: number;
  series: StepSeries;
}

export async function vectorOperation(
  node: BinaryExpression,
  left: StepSeries[],
  right: StepSeries[],
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const operation = new VectorOperation(node, left, right, context);
  const outputs: Output[] = [];
  const groups = await matchGroups(node.matching!, left, right, context.run);
  operation.checkOneSides(groups);
  for (const group of groups) {
    operation.addGroup(group, outputs);
    if (context.run.isDue) await context.run.pause();
  }
  outputs.sort((a, b) => a.order - b.order);
  return combineOutputs(
    outputs.map(({ series }) => series),
    context,
    duplicateLabelSet,
  );
}

/** Two series of one group on the "one" side, by place, at the first step that has both. */
interface Rivals {
  step: number;
  first: number;
  second: number;
}

class VectorOperation {
  readonly #node: BinaryExpression;
  readonly #matching: VectorMatching;
  readonly #context: EvaluationContext;
  /** The side of which one series may match several of the other. For one-to-one, the left. */
  readonly #many: StepSeries[];
  readonly #one: StepSeries[];
  readonly #isSwapped: boolean;
  readonly #fillMany: number | undefined;
  readonly #fillOne: number | undefined;
  readonly #compute: ElementOperation;

  constructor(node: BinaryExpression, left: StepSeries[], right: StepSeries[], context: EvaluationContext) {
    const matching = node.matching!;
    this.#node = node;
    this.#matching = matching;
    this.#context = context;
    this.#isSwapped = matching.cardinality === "one-to-many";
    [this.#many, this.#one] = this.#isSwapped ? [right, left] : [left, right];
    // Upstream swaps the sides, not the fill values.
    [this.#fillMany, this.#fillOne] = [matching.fillLeft, matching.fillRight];
    this.#compute = elementOperation(node, context.run.annotations);
  }

  /**
   * Upstream looks through the whole "one" side of a step before it matches anything, and names the first that comes
   * after another one of its group.
   *
   * @throws QueryError
   */
  checkOneSides(groups: readonly MatchGroup[]): void {
    let found: Rivals | undefined;
    for (const group of groups) {
      const rivals = this.#rivalsAmong(this.#isSwapped ? group.left : group.right);
      if (rivals === undefined) continue;
      const isEarlier =
        found === undefined ||
        rivals.step < found.step ||
        (rivals.step === found.step && rivals.second < found.second);
      if (isEarlier) found = rivals;
    }
    if (found !== undefined) this.#failOf(found);
  }

  addGroup(group: MatchGroup, outputs: Output[]): void {
    const [many, one] = this.#isSwapped ? [group.right, group.left] : [group.left, group.right];
    const isFilled = this.#fillMany !== undefined || this.#fillOne !== undefined;
    if (!isFilled && (many.length === 0 || one.length === 0)) return;
    if (!isFilled && one.length === 1 && this.#isUnambiguous(many, one[0])) {
      for (const i of many) {
        const series = this.#pair(this.#many[i], this.#one[one[0]]);
        if (series !== undefined) outputs.push({ order: i, series });
      }
      return;
    }
    this.#stepByStep(many, one, outputs);
  }

  /** Whether all of the "many" side can be matched to one series without a look at single steps. */
  #isUnambiguous(many: number[], one: number): boolean {
    if (many.length === 1) return true;
    if (this.#matching.cardinality === "one-to-one") return false;
    const keys = many.map((i) => this.#resultLabels(this.#many[i].labels, this.#one[one].labels).key);
    return new Set(keys).size === keys.length;
  }

  /** One series on each side: column by column. */
  #pair(many: StepSeries, one: StepSeries): StepSeries | undefined {
    const { grid } = this.#context;
    const { operator } = this.#node;
    const isFloat = many.histograms === undefined && one.histograms === undefined;
    if (!isFloat || !isArithmetic(operator) || many.present !== one.present)
      return this.#pairByElement(many, one);
    const [left, right] = this.#isSwapped ? [one.values, many.values] : [many.values, one.values];
    const values = grid.column();
    if (operator === "/") {
      for (let step = 0; step < values.length; step++) values[step] = left[step] / right[step];
    } else {
      const compute = arithmetic(operator);
      for (let step = 0; step < values.length; step++) values[step] = compute(left[step], right[step]);
    }
    return this.#result(many.labels, one.labels, { values, present: many.present });
  }

  #pairByElement(many: StepSeries, one: StepSeries): StepSeries | undefined {
    const columns = new ColumnBuilder(this.#context.grid);
    for (let step = 0; step < columns.present.length; step++) {
      if (many.present[step] === 1 && one.present[step] === 1) this.#element(columns, step, many, one);
    }
    return columns.isEmpty ? undefined : this.#result(many.labels, one.labels, columns.finish());
  }

  /** Puts the result for one pair at one step into place. Answers whether the pair counts as a match. */
  #element(columns: ColumnBuilder, step: number, many: Side, one: Side): boolean {
    const [left, right] = this.#isSwapped ? [one, many] : [many, one];
    const result = this.#compute(
      left.values[step],
      left.histograms?.[step],
      right.values[step],
      right.histograms?.[step],
    );
    if (result === undefined) return false;
    if (this.#node.returnsBool) columns.setFloat(step, result.isKept ? 1 : 0);
    else if (result.isKept) columns.set(step, result.float, result.histogram);
    return true;
  }

  #result(many: Labels, one: Labels, columns: ReturnType<ColumnBuilder["finish"]>): StepSeries {
    return new StepSeries(this.#resultLabels(many, one), columns, { dropsName: this.#node.returnsBool });
  }

  /** The general case: several series on a side, of which each step may see others, and fill values. */
  #stepByStep(many: number[], one: number[], outputs: Output[]): void {
    const { grid } = this.#context;
    const collector = new OutputCollector(grid, (manyLabels, oneLabels) =>
      this.#resultLabels(manyLabels, oneLabels),
    );
    const isOneToOne = this.#matching.cardinality === "one-to-one";
    for (let step = 0; step < grid.count; step++) {
      const onesHere = one.filter((i) => this.#one[i].present[step] === 1);
      const matched = new Set<string>();
      const match = (place: number, manySide: Side, oneSide: Side) => {
        const output = collector.outputFor(place, manySide.labels, oneSide.labels);
        if (!this.#element(output.columns, step, manySide, oneSide)) return;
        const key = isOneToOne ? "" : output.labels.key;
        this.#checkUnique(matched, key);
        matched.add(key);
      };
      const partner = onesHere.length > 0 ? onesHere[0] : undefined;
      for (const i of many) {
        const side = this.#many[i];
        if (side.present[step] === 0) continue;
        if (partner !== undefined) match(i * (this.#one.length + 1) + partner + 1, side, this.#one[partner]);
        else if (this.#fillOne !== undefined) {
          match(i * (this.#one.length + 1), side, this.#filler(side.labels, this.#fillOne));
        }
      }
      if (this.#fillMany === undefined || partner === undefined || matched.size > 0) continue;
      const side = this.#one[partner];
      const place = this.#many.length * (this.#one.length + 1) + partner;
      match(place, this.#filler(side.labels, this.#fillMany), side);
    }
    for (const { place, columns, labels } of collector.outputs) {
      if (columns.isEmpty) continue;
      const series = new StepSeries(labels, columns.finish(), { dropsName: this.#node.returnsBool });
      outputs.push({ order: Math.floor(place / (this.#one.length + 1)), series });
    }
  }

  /** What stands for the partner that a series lacks. */
  #filler(partnerOf: Labels, value: number): Side {
    return {
      labels: matchedLabels(this.#matching, partnerOf),
      values: new Float64Array(this.#context.grid.count).fill(value),
      histograms: undefined,
    };
  }

  #checkUnique(matched: ReadonlySet<string>, key: string): void {
    if (!matched.has(key)) return;
    throw executionError(
      this.#matching.cardinality === "one-to-one"
        ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        : "multiple matches for labels: grouping labels must ensure unique matches",
    );
  }

  /** The "one" side may have one series of a group at a step, unless the other side has nothing at all there. */
  #rivalsAmong(one: number[]): Rivals | undefined {
    if (one.length < 2) return undefined;
    const { grid } = this.#context;
    const isFilled = this.#fillMany !== undefined || this.#fillOne !== undefined;
    for (let step = 0; step < grid.count; step++) {
      const here = one.filter((i) => this.#one[i].present[step] === 1);
      if (here.length < 2) continue;
      if (!isFilled && this.#many.every((series) => series.present[step] === 0)) continue;
      return { step, first: here[0], second: here[1] };
    }
    return undefined;
  }

  #failOf(rivals: Rivals): never {
    const [first, second] = [rivals.first, rivals.second].map((i) => this.#one[i].labels);
    const names = [first.toString(), second.toString()].sort();
    const side = this.#isSwapped ? "left" : "right";
    const group = matchedLabels(this.#matching, second).toString();
    throw executionError(
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
        `[${names[0]}, ${names[1]}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }

  #resultLabels(many: Labels, one: Labels): Labels {
    const { matching } = this.#node;
    const { isOn, labels, include, cardinality } = matching!;
    const isNameKept = !isArithmetic(this.#node.operator);
    const dropsName = !isNameKept || (this.#node.returnsBool && !this.#context.run.delayedNameRemoval);
    let result = dropsName ? many.without(METADATA_LABELS) : many;
    if (cardinality === "one-to-one") {
      const names = new Set(labels);
      result = isOn ? result.keep(names) : result.without(names);
    }
    if (include.length === 0) return result;
    return Labels.of([...result, ...include.map((name) => [name, one.get(name)] as const)]);
  }
}

/** What an operation reads of a side. */
type Side = Pick<StepSeries, "labels" | "values" | "histograms">;

interface CollectedOutput {
  place: number;
  labels: Labels;
  columns: ColumnBuilder;
}

/** The results of a group by their labels; each pair of series works them out once. */
class OutputCollector {
  readonly #grid: Grid;
  readonly #labelsOf: (many: Labels, one: Labels) => Labels;
  readonly #byPlace = new Map<number, CollectedOutput>();
  readonly #byLabels = new Map<string, CollectedOutput>();

  constructor(grid: Grid, labelsOf: (many: Labels, one: Labels) => Labels) {
    this.#grid = grid;
    this.#labelsOf = labelsOf;
  }

  /** @param place the same for the same pair, and for no other */
  outputFor(place: number, many: Labels, one: Labels): CollectedOutput {
    const known = this.#byPlace.get(place);
    if (known !== undefined) return known;
    const labels = this.#labelsOf(many, one);
    let output = this.#byLabels.get(labels.key);
    if (output === undefined) {
      output = { place, labels, columns: new ColumnBuilder(this.#grid) };
      this.#byLabels.set(labels.key, output);
    }
    this.#byPlace.set(place, output);
    return output;
  }

  get outputs(): Iterable<CollectedOutput> {
    return this.#byLabels.values();
  }
}
