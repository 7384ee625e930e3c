/** One number out of many: the calculations of legends, stats and gauges (upstream `fieldReducer.ts`). */

type Reducer = (numbers: readonly number[], values: readonly unknown[]) => unknown;

const last = (values: readonly unknown[]) =>
  values.findLast((value) => value !== null && value !== undefined && !Number.isNaN(value)) ?? null;
const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
const mean = (numbers: readonly number[]) => (numbers.length === 0 ? null : sum(numbers) / numbers.length);
const extreme = (pick: (a: number, b: number) => number) => (numbers: readonly number[]) =>
  numbers.length === 0 ? null : numbers.reduce((a, b) => pick(a, b));
const percentile = (fraction: number) => (numbers: readonly number[]) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(fraction * sorted.length) - 1))] ?? null;
};

function variance(numbers: readonly number[]): number {
  const middle = mean(numbers) ?? 0;
  return numbers.length === 0 ? 0 : sum(numbers.map((value) => (value - middle) ** 2)) / numbers.length;
}

const REDUCERS: Record<string, Reducer> = {
  lastNotNull: (_, values) => last(values),
  last: (_, values) => values.at(-1) ?? null,
  firstNotNull: (_, values) => values.find((value) => value !== null && value !== undefined) ?? null,
  first: (_, values) => values[0] ?? null,
  min: extreme(Math.min),
  max: extreme(Math.max),
  mean,
  avg: mean,
  sum,
  total: sum,
  count: (_, values) => values.length,
  range: (numbers) => (numbers.length === 0 ? null : Math.max(...numbers) - Math.min(...numbers)),
  delta: (numbers) =>
    numbers.reduce(
      (total, value, i) => (i > 0 && value > numbers[i - 1] ? total + value - numbers[i - 1] : total),
      0,
    ),
  diff: (numbers) => (numbers.length === 0 ? null : numbers.at(-1)! - numbers[0]),
  diffperc: (numbers) => (numbers.length === 0 ? null : (numbers.at(-1)! - numbers[0]) / numbers[0]),
  step: (numbers) =>
    numbers.length < 2 ? null : Math.min(...numbers.slice(1).map((value, i) => value - numbers[i])),
  median: percentile(0.5),
  variance,
  stdDev: (numbers) => Math.sqrt(variance(numbers)),
  logmin: (numbers) => extreme(Math.min)(numbers.filter((value) => value > 0)),
  allIsNull: (_, values) => values.every((value) => value === null),
  allIsZero: (numbers) => numbers.every((value) => value === 0),
  distinctCount: (_, values) => new Set(values).size,
  changeCount: (_, values) => values.filter((value, i) => i > 0 && value !== values[i - 1]).length,
  uniqueValues: (_, values) => [...new Set(values)].join(", "),
  allValues: (_, values) => values.join(", "),
};

const TITLES: Record<string, string> = {
  lastNotNull: "Last *",
  last: "Last",
  firstNotNull: "First *",
  first: "First",
  mean: "Mean",
  avg: "Mean",
  sum: "Total",
  diffperc: "Difference percent",
  stdDev: "StdDev",
};

/** `p95` and `p99` work too. An unknown name gives the last value. */
export function reduce(values: readonly unknown[], name: string): unknown {
  const numbers = values.filter(
    (value): value is number => typeof value === "number" && !Number.isNaN(value),
  );
  const [, percent] = /^p(\d{1,2})$/.exec(name) ?? [];
  if (percent !== undefined) return percentile(Number(percent) / 100)(numbers);
  const reducer = Object.hasOwn(REDUCERS, name) ? REDUCERS[name] : REDUCERS["lastNotNull"];
  return reducer(numbers, values);
}

export function reducerTitle(name: string): string {
  return TITLES[name] ?? name[0].toUpperCase() + name.slice(1);
}
