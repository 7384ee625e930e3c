/** Remarks on a query's answer: warnings and infos, with upstream's texts (`util/annotations`). */
import { formatG } from "../../model/number-format.ts";
import { quoteString } from "./parser/lexer.ts";
import { lineAndColumn, type Position } from "./parser/parse-error.ts";

type Level = "warning" | "info";

/** Details that remarks of the same text have in common and that are merged. */
interface Details {
  merge(other: Details): void;
  /** What follows the text. */
  suffix(): string;
}

interface Remark {
  level: Level;
  text: string;
  position: Position;
  details: Details | undefined;
}

/** How many remarks of each level an answer carries at most; the rest is counted. */
export const REMARK_LIMIT = 10;

export class Annotations {
  readonly #remarks = new Map<string, Remark>();

  warn(text: string, position: Position, details?: Details): void {
    this.#add({ level: "warning", text: `PromQL warning: ${text}`, position, details });
  }

  inform(text: string, position: Position, details?: Details): void {
    this.#add({ level: "info", text: `PromQL info: ${text}`, position, details });
  }

  #add(remark: Remark): void {
    const known = this.#remarks.get(remark.text);
    // Of those that are not merged the last one counts: its place is shown.
    if (known?.details !== undefined && remark.details !== undefined) known.details.merge(remark.details);
    else this.#remarks.set(remark.text, remark);
  }

  /**
   * The texts with their places in the query: `PromQL info: … (1:5)`.
   *
   * @param limit of each level, 0 for none
   */
  texts(level: Level, query: string, limit = REMARK_LIMIT): string[] {
    const remarks = [...this.#remarks.values()].filter((remark) => remark.level === level);
    const shown = limit === 0 ? remarks : remarks.slice(0, limit);
    const texts = shown.map(
      ({ text, details, position }) =>
        `${text}${details?.suffix() ?? ""} (${lineAndColumn(query, position.start)})`,
    );
    const hidden = remarks.length - shown.length;
    if (hidden > 0) texts.push(`${hidden} more ${level} annotations omitted`);
    return texts;
  }
}

/** ` for metric name "x"`, or nothing without a name. */
export function forMetricName(name: string): string {
  return name === "" ? "" : ` for metric name ${quoteString(name)}`;
}

export const MIXED_FLOATS_HISTOGRAMS = "encountered a mix of histograms and floats for";
export const MIXED_BUCKET_SCHEMAS =
  "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";

export type HistogramOperation = "addition" | "subtraction" | "aggregation";

/** A quantile that is not within [0, 1]. */
export function warnInvalidQuantile(annotations: Annotations, quantile: number, position: Position): void {
  if (quantile >= 0 && quantile <= 1) return;
  annotations.warn(`quantile value should be between 0 and 1, got ${formatG(quantile)}`, position);
}

export function warnCounterResetCollision(
  annotations: Annotations,
  operation: HistogramOperation,
  position: Position,
): void {
  annotations.warn(`conflicting counter resets during histogram ${operation}`, position);
}

export function informReconciledBounds(
  annotations: Annotations,
  operation: HistogramOperation,
  position: Position,
): void {
  annotations.inform(`mismatched custom buckets were reconciled during ${operation}`, position);
}

export function informHistogramIgnored(
  annotations: Annotations,
  aggregation: string,
  position: Position,
): void {
  annotations.inform(`ignored histogram in ${aggregation} aggregation`, position);
}

/** A range has floats and histograms, and the function looks at the floats only. */
export function informMixedRange(annotations: Annotations, metricName: string, position: Position): void {
  annotations.inform(
    `ignored histograms in a range containing both floats and histograms for metric name ${quoteString(metricName)}`,
    position,
  );
}
