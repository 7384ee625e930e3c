/** Every function of PromQL and what computes it. Their types are in `parser/function-signatures.ts`. */
import { maximum, minimum } from "../../../base/go-math/extremes.ts";
import { info } from "../info.ts";
import type { RangeFunction } from "../range-function.ts";
import { absent, absentOverTime } from "./absent.ts";
import { calendarFunction } from "./calendar-function.ts";
import { changes, instantChange, resets } from "./change.ts";
import type {
  FunctionImplementation,
  RangeImplementation,
  VectorImplementation,
} from "./function-implementation.ts";
import {
  histogramFraction,
  histogramQuantile,
  histogramQuantiles,
  histogramVariance,
  perHistogram,
} from "./histogram.ts";
import { totalOverTime } from "./histogram-over-time.ts";
import { integral } from "./integral.ts";
import { labelJoin, labelReplace } from "./label.ts";
import { MATH_FUNCTIONS } from "./math.ts";
import {
  averageFloats,
  floatsOverTime,
  maximumFloat,
  medianAbsoluteDeviation,
  minimumFloat,
  sumFloats,
  timeOfMaximum,
  timeOfMinimum,
  varianceOfFloats,
} from "./over-time.ts";
import { informNonCounter, rateFunction } from "./rate.ts";
import { clamp, pi, scalar, time, twoScalars, vector } from "./scalar.ts";
import {
  countOverTime,
  deriv,
  firstOverTime,
  lastOverTime,
  predictLinear,
  presentOverTime,
  quantileOverTime,
  smoothing,
  timeOfFirst,
  timeOfLast,
} from "./series-over-time.ts";
import { sortByLabel, sortByValue } from "./sort.ts";
import { startTimestamp } from "./start-timestamp.ts";
import { timestamp } from "./timestamp.ts";

const range = (compute: RangeFunction): RangeImplementation => ({ kind: "range", compute });
const ofVectors = (evaluate: VectorImplementation["evaluate"]): VectorImplementation => ({
  kind: "vector",
  evaluate,
});

const counter = (isPerSecond: boolean): RangeImplementation => ({
  kind: "range",
  compute: rateFunction({ isCounter: true, isPerSecond }),
  afterSeries: informNonCounter,
});

export const FUNCTIONS: ReadonlyMap<string, FunctionImplementation> = new Map<string, FunctionImplementation>(
  Object.entries({
    ...MATH_FUNCTIONS,
    absent: ofVectors(absent),
    absent_over_time: { kind: "range", compute: presentOverTime, finish: absentOverTime },
    avg_over_time: range(totalOverTime("avg", averageFloats)),
    changes: range(changes),
    clamp: ofVectors(clamp),
    count_over_time: range(countOverTime),
    day_of_month: ofVectors(calendarFunction("day_of_month")),
    day_of_week: ofVectors(calendarFunction("day_of_week")),
    day_of_year: ofVectors(calendarFunction("day_of_year")),
    days_in_month: ofVectors(calendarFunction("days_in_month")),
    delta: range(rateFunction({ isCounter: false, isPerSecond: false })),
    deriv: range(deriv),
    double_exponential_smoothing: range(smoothing),
    first_over_time: { kind: "range", compute: firstOverTime, keepsName: true },
    histogram_avg: ofVectors(perHistogram(({ sum, count }) => sum / count)),
    histogram_count: ofVectors(perHistogram(({ count }) => count)),
    histogram_fraction: ofVectors(histogramFraction),
    histogram_quantile: ofVectors(histogramQuantile),
    histogram_quantiles: ofVectors(histogramQuantiles),
    histogram_stddev: ofVectors(perHistogram((histogram) => Math.sqrt(histogramVariance(histogram)))),
    histogram_stdvar: ofVectors(perHistogram(histogramVariance)),
    histogram_sum: ofVectors(perHistogram(({ sum }) => sum)),
    hour: ofVectors(calendarFunction("hour")),
    idelta: range(instantChange({ isRate: false })),
    increase: counter(false),
    info: { kind: "vector", evaluatesItself: true, evaluate: info },
    integral: range(integral),
    irate: range(instantChange({ isRate: true })),
    label_join: ofVectors(labelJoin),
    label_replace: ofVectors(labelReplace),
    last_over_time: { kind: "range", compute: lastOverTime, keepsName: true },
    mad_over_time: range(floatsOverTime(medianAbsoluteDeviation)),
    max_of: ofVectors(twoScalars(maximum)),
    max_over_time: range(floatsOverTime(maximumFloat)),
    min_of: ofVectors(twoScalars(minimum)),
    min_over_time: range(floatsOverTime(minimumFloat)),
    minute: ofVectors(calendarFunction("minute")),
    month: ofVectors(calendarFunction("month")),
    pi: ofVectors(pi),
    predict_linear: range(predictLinear),
    present_over_time: range(presentOverTime),
    quantile_over_time: range(quantileOverTime),
    rate: counter(true),
    resets: range(resets),
    scalar: ofVectors(scalar),
    sort: ofVectors(sortByValue("ascending")),
    sort_by_label: ofVectors(sortByLabel("ascending")),
    sort_by_label_desc: ofVectors(sortByLabel("descending")),
    sort_desc: ofVectors(sortByValue("descending")),
    start_timestamp: { kind: "vector", evaluatesItself: true, evaluate: startTimestamp },
    stddev_over_time: range(
      floatsOverTime((values, from, to) => Math.sqrt(varianceOfFloats(values, from, to))),
    ),
    stdvar_over_time: range(floatsOverTime(varianceOfFloats)),
    sum_over_time: range(totalOverTime("sum", sumFloats)),
    time: ofVectors(time),
    timestamp: { kind: "vector", evaluatesItself: true, evaluate: timestamp },
    ts_of_first_over_time: range(timeOfFirst),
    ts_of_last_over_time: range(timeOfLast),
    ts_of_max_over_time: range(floatsOverTime(timeOfMaximum)),
    ts_of_min_over_time: range(floatsOverTime(timeOfMinimum)),
    vector: ofVectors(vector),
    year: ofVectors(calendarFunction("year")),
  } satisfies Record<string, FunctionImplementation>),
);
