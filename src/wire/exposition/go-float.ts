/** Numbers as Go reads and writes them (`strconv.ParseFloat`, `FormatFloat(v, 'g', -1, 64)`). */
import { formatG } from "../../model/number-format.ts";

export { isUtf8, quoteGo } from "../../model/go-quote.ts";

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITY = /^([+-]?)inf(?:inity)?$/i;

/** The number that `text` means, or undefined when Go would not read it. Out of range counts as unreadable. */
export function parseGoFloat(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const infinity = INFINITY.exec(text);
  if (infinity) return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^nan$/i.test(text) ? Number.NaN : undefined;
}

/** The shortest text that reads back as `value`: `1`, `0.5`, `1e+06`, `NaN`, `+Inf`. */
export { formatG as formatGoFloat };

/** As `formatGoFloat`, with a fraction: what OpenMetrics asks for in `le` and `quantile`: `1.0`, `1e+06`, `+Inf`. */
export function formatOpenMetricsFloat(value: number): string {
  const text = formatG(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
