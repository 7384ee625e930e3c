/** Queries by chance. */
import { type Next, START_MS } from "./data-fixture.ts";
import { SelectingQueryGenerator } from "./selecting-query-fixture.ts";

/** Expressions of the language as of Prometheus 2.42, whose results don't depend on the order of series. */
export class QueryGenerator {
  readonly #next: Next;
  /** Leaves out what Prometheus 3 has changed: subqueries' edges, `atan2`, variances and quantiles of NaN and Inf. */
  readonly #isLegacy: boolean;
  readonly #selecting: SelectingQueryGenerator;

  constructor(next: Next, isLegacy: boolean) {
    this.#next = next;
    this.#isLegacy = isLegacy;
    this.#selecting = new SelectingQueryGenerator(next, (depth) => this.#vector(depth));
  }

  /** An instant query whose series come in an order. */
  ordered(): string {
    return this.#selecting.ordered();
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#next(choices.length)];
  }

  query(): string {
    if (!this.#isLegacy && this.#next(4) === 0) return this.#newer();
    if (!this.#isLegacy && this.#next(3) === 0) return this.#selecting.query();
    return this.#next(12) === 0 ? this.#scalar(2) : this.#vector(1 + this.#next(4));
  }

  /** What Prometheus 3 has, behind feature flags in part. */
  #newer(): string {
    const selector = `[${this.#pick(["1m", "5m", "2m + 30s", "max_of(3m, step())"])}]`;
    const histograms = this.#pick([
      "sizes",
      `rate(sizes${selector})`,
      `increase(sizes{job="api"}${selector})`,
      `sum by (job) (rate(sizes${selector}))`,
      `avg_over_time(sizes${selector})`,
      "avg without (pod) (sizes)",
      "(sizes * 2 + sizes)",
      "rate(sizes[10m:1m])",
    ]);
    const name = this.#pick(["requests_total", "temperature", "up"]);
    return this.#pick([
      histograms,
      `histogram_quantile(${this.#pick(["0.5", "0.9", "0", "1"])}, ${histograms})`,
      `histogram_fraction(${this.#pick(["0, 2", "-Inf, 5", "1, 3.3"])}, ${histograms})`,
      `histogram_${this.#pick(["count", "sum", "avg", "stddev"])}(${histograms})`,
      `${this.#pick(["count", "group"])} by (job) (${histograms})`,
      `${this.#pick(["rate", "increase", "delta"])}(${name}${selector} ${this.#pick(["anchored", "smoothed"])})`,
      `${this.#pick(["changes", "resets"])}(${name}${selector} anchored)`,
      `${name} ${this.#pick(["anchored", "smoothed"])}`,
      `requests_total{job="api"} + on (pod) ${this.#pick(["fill (0)", "fill_left (1)", "fill_right (2)"])} up`,
      `up{zone="a"} - on (job, pod) ${this.#pick(["fill (3)", "fill_left (1) fill_right (2)"])} up{job="db"}`,
      `${this.#pick(["mad_over_time", "first_over_time", "ts_of_max_over_time", "ts_of_first_over_time", "ts_of_last_over_time"])}(${name}${selector})`,
      `double_exponential_smoothing(${name}${selector}, 0.3, 0.6)`,
      `${name} offset ${this.#pick(["step()", "(1m - 20s)", "-min_of(step(), 1m)"])}`,
      `up * ${this.#pick(["start()", "end()", "step()", "range()"])}`,
      `limit_ratio(${this.#pick(["0.5", "-0.3", "1"])}, up)`,
      `sort_by_label(${name}, "pod")`,
      `${name} ${this.#pick(["> 5", "/ up", "and on (pod) sizes"])}`,
    ]);
  }

  #matchers(): string {
    return this.#pick([
      "",
      "",
      '{job="api"}',
      '{job!="db"}',
      '{pod=~"api-[01]"}',
      '{zone!~"a|c"}',
      '{job=~".+"}',
    ]);
  }

  #shift(): string {
    const at = Math.floor(START_MS / 1000) + 600 + this.#next(2400);
    return this.#pick([
      "",
      "",
      "",
      "",
      " offset 1m",
      " offset -90s",
      ` @ ${at}`,
      " @ start()",
      " @ end() offset 2m",
    ]);
  }

  #selector(): string {
    const names = [
      "requests_total",
      "errors_total",
      "temperature",
      "up",
      "node_info",
      "latency_bucket",
      "nothing",
    ];
    return this.#pick(names) + this.#matchers() + this.#shift();
  }

  #range(depth: number): string {
    if (depth > 0 && this.#next(3) === 0 && !this.#isLegacy) {
      return `(${this.#vector(depth - 1)})[${this.#pick(["5m:1m", "10m:37s", "3m:"])}]${this.#shift()}`;
    }
    const name = this.#pick(["requests_total", "errors_total", "temperature", "up", "latency_bucket"]);
    return `${name}${this.#matchers()}[${this.#pick(["1m", "2m", "5m", "17m", "30s"])}]${this.#shift()}`;
  }

  #scalar(depth: number): string {
    if (depth === 0) return this.#pick(["1", "2.5", "-3", "0", "1e3", "time()", "pi()", "NaN", "+Inf"]);
    switch (this.#next(3)) {
      case 0:
        return `scalar(${this.#vector(depth - 1)})`;
      case 1:
        return `(${this.#scalar(depth - 1)} ${this.#pick(["+", "-", "*", "/", "%", "^"])} ${this.#scalar(depth - 1)})`;
      default:
        return `(${this.#scalar(depth - 1)} ${this.#pick(["==", "<", ">="])} bool ${this.#scalar(depth - 1)})`;
    }
  }

  #vector(depth: number): string {
    if (depth === 0) return this.#selector();
    switch (this.#next(9)) {
      case 0:
      case 1:
        return this.#overTime(depth);
      case 2:
      case 3:
        return this.#aggregation(depth);
      case 4:
        return this.#binary(depth);
      case 5:
        return this.#math(depth);
      case 6:
        return this.#label(depth);
      case 7:
        return this.#histogram();
      default:
        return this.#selector();
    }
  }

  #overTime(depth: number): string {
    const rate = this.#pick(["rate", "increase"]);
    if (this.#isLegacy && this.#next(4) === 0)
      return `${rate}(${this.#pick(["requests", "errors"])}_total[5m])`;
    const plain = [
      ...(this.#isLegacy ? [] : ["rate", "increase"]),
      "delta",
      "irate",
      "idelta",
      "deriv",
      "changes",
      "resets",
      "avg_over_time",
      "sum_over_time",
      "min_over_time",
      "max_over_time",
      "count_over_time",
      "last_over_time",
      "present_over_time",
      "stddev_over_time",
      "stdvar_over_time",
      "absent_over_time",
    ];
    const range = this.#range(depth - 1);
    switch (this.#isLegacy ? 7 : this.#next(8)) {
      case 0:
        return `quantile_over_time(${this.#pick(["0.5", "0.99", "0", "-1"])}, ${this.#range(0)})`;
      case 1:
        return `predict_linear(${range}, ${this.#pick(["60", "3600"])})`;
      default:
        return `${this.#pick(plain)}(${range})`;
    }
  }

  #aggregation(depth: number): string {
    const grouping = this.#pick([
      "",
      " by (job)",
      " by (zone, job)",
      " without (pod)",
      " by (le, job)",
      " by (absent)",
    ]);
    const isQuantile = this.#next(6) === 0 && !this.#isLegacy;
    // Of no infinite values: 3.14 multiplies those by zero beside the rank, which is not followed.
    if (isQuantile) return `quantile${grouping} (${this.#pick(["0.5", "0.9", "2"])}, ${this.#selector()})`;
    const inner = this.#vector(depth - 1);
    const variances = this.#isLegacy ? [] : ["stddev", "stdvar"];
    const operator = this.#pick(["sum", "avg", "count", "min", "max", "group", ...variances]);
    return `${operator}${grouping} (${inner})`;
  }

  #binary(depth: number): string {
    const angle = this.#isLegacy ? [] : ["atan2"];
    const arithmetic = this.#pick([
      "+",
      "-",
      "*",
      "/",
      "%",
      "^",

      "==",
      "!=",
      ">",
      "<=",
      "> bool",
      "== bool",
      ...angle,
    ]);
    const [left, right] = [this.#vector(depth - 1), this.#vector(depth - 1)];
    switch (this.#next(5)) {
      case 0:
        return `(${left} ${arithmetic} ${this.#scalar(0)})`;
      case 1:
        return `(${this.#scalar(0)} ${arithmetic} ${right})`;
      case 2:
        return `(${left} ${this.#pick(["and", "or", "unless"])} ${this.#pick(["", "on (job) ", "ignoring (pod, le) "])}${right})`;
      case 3:
        return `(${left} ${arithmetic} on (pod) group_left (node) node_info)`;
      default:
        return `(${left} ${arithmetic} ${this.#pick(["", "on (job, pod) ", "ignoring (zone) "])}${right})`;
    }
  }

  #math(depth: number): string {
    const plain = [
      "abs",
      "ceil",
      "floor",
      "exp",
      "sqrt",
      "ln",
      "log2",
      "log10",
      "sgn",
      "sin",
      "atan",
      "tanh",
      "deg",
      "hour",
      "day_of_week",
      "days_in_month",
      "month",
      "absent",
      "timestamp",
      "sort",
      "sort_desc",
      "-",
    ];
    const inner = this.#vector(depth - 1);
    switch (this.#next(5)) {
      case 0:
        return `clamp(${inner}, ${this.#scalar(0)}, ${this.#scalar(0)})`;
      case 1:
        return `round(${inner}, ${this.#pick(["0.5", "10", "-2"])})`;
      default:
        return `${this.#pick(plain)}(${inner})`;
    }
  }

  #label(depth: number): string {
    const inner = this.#vector(depth - 1);
    return this.#pick([
      `label_replace(${inner}, "index", "$1-$2", "pod", "(.*)-([0-9])")`,
      `label_replace(${inner}, "pod", "", "zone", "a")`,
      `label_replace(${inner}, "zone", "\${part}x", "job", "(?P<part>a)?.*")`,
      `label_join(${inner}, "both", "/", "job", "zone", "nothing")`,
      // Of counts, since the last digits of what is computed may differ.
      `count_values("value", ${this.#pick(["requests_total", "up", "changes(up[5m])"])})`,
    ]);
  }

  #histogram(): string {
    const inner = this.#pick([
      "latency_bucket",
      "rate(latency_bucket[5m])",
      "sum by (le, job) (rate(latency_bucket[2m]))",
    ]);
    return `histogram_quantile(${this.#pick(["0.5", "0.9", "0", "1", "1.5", "NaN"])}, ${inner})`;
  }
}
