/** An instant selector as the whole of an instant query: no columns per series, just their newest samples. */
import type { Labels } from "../../model/labels.ts";
import type { NewestSamples } from "../storage.ts";
import type { VectorValue } from "./engine.ts";
import type { Grid } from "./grid.ts";
import type { VectorSelector } from "./parser/ast.ts";
import { PAUSE_INTERVAL, type QueryRun } from "./query-run.ts";
import { failedSelection, rangeOf } from "./selection.ts";

/**
 * Undefined where the selector is to be evaluated as any other expression.
 *
 * @throws QueryError
 */
export async function newestVector(
  selector: VectorSelector,
  run: QueryRun,
  grid: Grid,
): Promise<VectorValue | undefined> {
  const { queryable, signal } = run;
  if (queryable.newest === undefined || selector.extension !== undefined) return undefined;
  const range = rangeOf(selector, [], grid, run.lookbackMs);
  run.checkRoom(1);
  let newest: NewestSamples | undefined;
  try {
    newest = await queryable.newest(selector.matchers, range, { newestOnly: true, signal });
  } catch (error) {
    throw failedSelection(run, error);
  }
  if (newest === undefined) return undefined;
  const { labels, values } = newest;
  run.samples += labels.length;
  run.counts.add(labels.length);
  return { kind: "vector", samples: await samplesOf(labels, values, grid, run), hasStoredLabels: true };
}

async function samplesOf(
  labels: Labels[],
  values: Float64Array,
  grid: Grid,
  run: QueryRun,
): Promise<VectorValue["samples"]> {
  const timestampMs = grid.startMs;
  const samples: VectorValue["samples"] = [];
  for (let i = 0; i < labels.length; i++) {
    samples.push({ labels: labels[i], timestampMs, value: values[i], histogram: undefined });
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  return samples;
}
