/** Functions of the steps from sample to sample: `changes`, `resets`, `irate`, `idelta`. */
import type { Columns, RangeCall, RangeFunction, RangeInput } from "../range-function.ts";
import { floatsOverTime } from "./over-time.ts";

export const changes: RangeFunction = floatsOverTime((values, from, to) => {
  let count = 0;
  for (let i = from + 1; i < to; i++) {
    const [previous, value] = [values[i - 1], values[i]];
    if (value !== previous && !(Number.isNaN(value) && Number.isNaN(previous))) count++;
  }
  return count;
});

export const resets: RangeFunction = floatsOverTime((values, from, to) => {
  let count = 0;
  for (let i = from + 1; i < to; i++) if (values[i] < values[i - 1]) count++;
  return count;
});

/** Between the last two samples of each window. */
export function instantChange({ isRate }: { isRate: boolean }): RangeFunction {
  return (input, call) => lastChange(input, call, isRate);
}

function lastChange(
  { floats, floatPlan }: RangeInput,
  { grid }: RangeCall,
  isRate: boolean,
): Columns | undefined {
  const { from, to } = floatPlan;
  const values = new Float64Array(grid.count);
  const present = new Uint8Array(grid.count);
  let found = 0;
  for (let step = 0; step < values.length; step++) {
    const last = to[step] - 1;
    if (last <= from[step]) continue;
    const seconds = (floats.timestamps[last] - floats.timestamps[last - 1]) / 1000;
    const [previous, value] = [floats.values[last - 1], floats.values[last]];
    const change = isRate && value < previous ? value : value - previous;
    values[step] = isRate ? change / seconds : change;
    present[step] = 1;
    found++;
  }
  if (found === 0) return undefined;
  return { values, present: found === grid.count ? grid.all : present };
}
