/** The types of PromQL's functions (`promql/parser/functions.go`). */
import type { ValueType } from "./ast.ts";

export interface FunctionSignature {
  arguments: ValueType[];
  /** How many of the last arguments may be left out or, when negative, that the last may be repeated at will. */
  variadic: number;
  returns: ValueType;
  /** Needs `--enable-feature=promql-experimental-functions`. */
  isExperimental: boolean;
}

const SHORT: Record<string, ValueType> = { v: "vector", m: "matrix", s: "scalar", t: "string" };

/** `"sv"` → scalar, vector. `variadic` as in `FunctionSignature`. */
function of(types: string, variadic = 0, returns: ValueType = "vector"): FunctionSignature {
  return { arguments: [...types].map((type) => SHORT[type]), variadic, returns, isExperimental: false };
}

function experimental(signature: FunctionSignature): FunctionSignature {
  return { ...signature, isExperimental: true };
}

export const FUNCTION_SIGNATURES: ReadonlyMap<string, FunctionSignature> = new Map(
  Object.entries({
    abs: of("v"),
    absent: of("v"),
    absent_over_time: of("m"),
    acos: of("v"),
    acosh: of("v"),
    asin: of("v"),
    asinh: of("v"),
    atan: of("v"),
    atanh: of("v"),
    avg_over_time: of("m"),
    ceil: of("v"),
    changes: of("m"),
    clamp: of("vss"),
    clamp_max: of("vs"),
    clamp_min: of("vs"),
    cos: of("v"),
    cosh: of("v"),
    count_over_time: of("m"),
    day_of_month: of("v", 1),
    day_of_week: of("v", 1),
    day_of_year: of("v", 1),
    days_in_month: of("v", 1),
    deg: of("v"),
    delta: of("m"),
    deriv: of("m"),
    double_exponential_smoothing: experimental(of("mss")),
    end: experimental(of("", 0, "scalar")),
    exp: of("v"),
    first_over_time: of("m"),
    floor: of("v"),
    histogram_avg: of("v"),
    histogram_count: of("v"),
    histogram_fraction: of("ssv"),
    histogram_quantile: of("sv"),
    histogram_quantiles: experimental(of("vtss", 9)),
    histogram_stddev: of("v"),
    histogram_stdvar: of("v"),
    histogram_sum: of("v"),
    hour: of("v", 1),
    idelta: of("m"),
    increase: of("m"),
    info: experimental(of("vv", 1)),
    integral: experimental(of("ms", 1)),
    irate: of("m"),
    label_join: of("vttt", -1),
    label_replace: of("vtttt"),
    last_over_time: of("m"),
    ln: of("v"),
    log10: of("v"),
    log2: of("v"),
    mad_over_time: experimental(of("m")),
    max_of: experimental(of("ss", 0, "scalar")),
    max_over_time: of("m"),
    min_of: experimental(of("ss", 0, "scalar")),
    min_over_time: of("m"),
    minute: of("v", 1),
    month: of("v", 1),
    pi: of("", 0, "scalar"),
    predict_linear: of("ms"),
    present_over_time: of("m"),
    quantile_over_time: of("sm"),
    rad: of("v"),
    range: experimental(of("", 0, "scalar")),
    rate: of("m"),
    resets: of("m"),
    round: of("vs", 1),
    scalar: of("v", 0, "scalar"),
    sgn: of("v"),
    sin: of("v"),
    sinh: of("v"),
    sort: of("v"),
    sort_by_label: experimental(of("vt", -1)),
    sort_by_label_desc: experimental(of("vt", -1)),
    sort_desc: of("v"),
    sqrt: of("v"),
    start: experimental(of("", 0, "scalar")),
    start_timestamp: experimental(of("v")),
    stddev_over_time: of("m"),
    stdvar_over_time: of("m"),
    step: experimental(of("", 0, "scalar")),
    sum_over_time: of("m"),
    tan: of("v"),
    tanh: of("v"),
    time: of("", 0, "scalar"),
    timestamp: of("v"),
    ts_of_first_over_time: experimental(of("m")),
    ts_of_last_over_time: experimental(of("m")),
    ts_of_max_over_time: experimental(of("m")),
    ts_of_min_over_time: experimental(of("m")),
    vector: of("s"),
    year: of("v", 1),
  }),
);
