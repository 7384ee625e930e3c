/**
 * Queries by chance whose answer depends on which series come first, on info series, on nested times and on computed
 * durations: what the older generator (`query-fixture.ts`) leaves out.
 */
import { type Next, START_MS } from "./data-fixture.ts";

export class SelectingQueryGenerator {
  readonly #next: Next;
  /** Any vector, so deep. */
  readonly #vector: (depth: number) => string;

  constructor(next: Next, vector: (depth: number) => string) {
    this.#next = next;
    this.#vector = vector;
  }

  query(): string {
    switch (this.#next(6)) {
      case 0:
      case 1:
        return this.#selection();
      case 2:
        return this.#info();
      case 3:
        return this.#nested();
      case 4:
        return this.#duration();
      default:
        return this.#counted();
    }
  }

  /** An instant query whose series come in an order. */
  ordered(): string {
    const plain = this.#plain();
    return this.#pick([
      `sort(${plain})`,
      `sort_desc(${plain})`,
      `sort(${this.#pick(["load", "rate(load[5m])", "load % 7", "-load"])})`,
      // Labels that are missing have no order upstream.
      `sort_by_label${this.#pick(["", "_desc"])}(up, ${this.#pick(['"pod"', '"job", "pod"', '"zone", "job"', '"nothing"'])})`,
      `sort_by_label${this.#pick(["", "_desc"])}(latency_bucket, ${this.#pick(['"le", "pod"', '"pod", "le"'])})`,
      `${this.#pick(["topk", "bottomk"])}(${this.#count()}, ${plain})`,
      `sort_desc(topk(4, load))`,
      `sort(sum by (${this.#pick(["job", "instance", "zone"])}) (load))`,
    ]);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#next(choices.length)];
  }

  #grouping(): string {
    return this.#pick([
      "",
      "",
      " by (job)",
      " by (zone)",
      " without (pod)",
      " by (nothing)",
      " without (job, pod)",
    ]);
  }

  #count(): string {
    return this.#pick([
      "1",
      "2",
      "3",
      "5",
      "0",
      "-1",
      "100",
      "1.7",
      "scalar(count(up) / 2)",
      "scalar(nothing)",
    ]);
  }

  /**
   * In the order of the store, with equal values and values that are none. Of vectors that are computed upstream's
   * order is that of a hash table.
   */
  #plain(): string {
    return this.#pick([
      "load",
      "load",
      "temperature",
      "requests_total",
      "up",
      "rate(requests_total[5m])",
      "sizes",
      'temperature{job="api"}',
      "load offset 3m",
      `changes(up[${this.#pick(["3m", "10m"])}])`,
    ]);
  }

  #selection(): string {
    const [grouping, plain] = [this.#grouping(), this.#plain()];
    return this.#pick([
      `${this.#pick(["topk", "bottomk"])}${grouping} (${this.#count()}, ${plain})`,
      `${this.#pick(["topk", "bottomk"])}${grouping} (${this.#count()}, ${plain})`,
      `limitk${grouping} (${this.#count()}, ${plain})`,
      `limit_ratio${grouping} (${this.#pick(["0.1", "0.5", "-0.5", "0.9", "-0.9", "1", "0", "2", "-3"])}, ${plain})`,
      `sum(topk${grouping} (${this.#count()}, load))`,
      `quantile${grouping} (${this.#pick(["0", "0.25", "0.5", "0.99", "1", "-1", "2"])}, ${plain})`,
      `count(limitk (${this.#count()}, ${this.#vector(1)}))`,
      `${this.#pick(["topk", "bottomk"])}${grouping} (${this.#count()}, load > 700)`,
      `topk(2, load) ${this.#pick(["or", "and", "unless"])} bottomk(2, load)`,
    ]);
  }

  #counted(): string {
    const values = this.#pick([
      "up",
      "up * 2",
      "round(load, 200)",
      "node_info",
      "floor(temperature / 25)",
      "sizes",
    ]);
    const label = this.#pick(['"value"', '"job"', '"pod"', '"zone"']);
    return `count_values${this.#grouping()} (${label}, ${values})`;
  }

  #info(): string {
    const inner = this.#pick([
      "load",
      'load{job="api"}',
      "rate(load[5m])",
      "load offset 5m",
      "sum by (job, instance) (load)",
      "(load - load offset 1m)",
      "target_info",
      'label_replace(load, "version", "mine", "", "")',
    ]);
    const selector = this.#pick([
      "",
      "",
      ', {version=~".+"}',
      ', {version=~".*"}',
      ', {version="v0"}',
      ', {zone="a"}',
      ', {nothing="x"}',
      ', {nothing=~".*"}',
      ', {__name__="build_info"}',
      ', {__name__=~".+_info", go=~".*"}',
      ', {__name__="build_info", go!="g1"}',
      ', {__name__="target_info", version!=""}',
    ]);
    return this.#pick([`info(${inner}${selector})`, `sum by (version) (info(${inner}${selector}))`]);
  }

  #time(): string {
    const at = Math.floor(START_MS / 1000) + 300 + this.#next(3000);
    return this.#pick([
      "",
      ` @ ${at}`,
      " @ start()",
      " @ end()",
      " offset 2m",
      ` @ ${at} offset -1m`,
      " @ end() offset 37s",
    ]);
  }

  #overTime(): string {
    return this.#pick([
      "sum_over_time",
      "max_over_time",
      "count_over_time",
      "last_over_time",
      "rate",
      "delta",
      "deriv",
      "changes",
      "absent_over_time",
    ]);
  }

  #nested(): string {
    const name = this.#pick(["load", "requests_total", "temperature", "up"]);
    const inner = this.#pick([
      `${name}${this.#time()}`,
      `${this.#overTime()}(${name}[3m]${this.#time()})`,
      `sum by (job) (${name}${this.#time()})`,
      `(${name}${this.#time()} - ${name}${this.#time()})`,
      `timestamp(${name}${this.#time()})`,
      "time()",
    ]);
    const range = `[${this.#pick(["5m:1m", "10m:36s", "4m:", "7m:90s"])}]${this.#time()}`;
    const middle = `${this.#overTime()}((${inner})${range})`;
    if (this.#next(2) === 0) return middle;
    return `${this.#overTime()}((${middle})[${this.#pick(["3m:1m", "5m:45s"])}])`;
  }

  #length(depth: number): string {
    if (depth === 0)
      return this.#pick([
        "1m",
        "90s",
        "150",
        "step()",
        "range()",
        "4m30s",
        "min_of(step(), 2m)",
        "max_of(1m, step())",
      ]);
    const [left, right] = [this.#length(depth - 1), this.#length(depth - 1)];
    return this.#pick([
      `${left} + ${right}`,
      `${left} * 2`,
      `${left} / 3`,
      `(${left} + ${right}) / 2`,
      `max_of(${left}, ${right})`,
      `min_of(10m, ${left})`,
      `${left} - ${right}`,
      `${left} % 7m`,
      `2 ^ ${this.#pick(["6", "7.5"])}`,
      `-(${left})`,
    ]);
  }

  #duration(): string {
    const name = this.#pick(["load", "requests_total", "temperature"]);
    const length = this.#length(1 + this.#next(2));
    return this.#pick([
      `${this.#overTime()}(${name}[${length}])`,
      `${this.#overTime()}(${name}[1s + ${length}:${this.#pick(["30s", "step()", "max_of(20s, step() / 2)"])}])`,
      `${name} offset (${length})`,
      `${name} offset -(${length})`,
      `${this.#overTime()}(${name}[4m] offset (${length}))`,
      `${this.#overTime()}(${name}[4m] @ end() offset (${length}))`,
    ]);
  }
}
