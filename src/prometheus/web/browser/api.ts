/** The server's own API, from the browser. */

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

/** The path below which the server answers: set in the page when there is a prefix. */
const PREFIX = document.documentElement.dataset["prefix"] ?? "";

export async function ask<T>(path: string, parameters: Record<string, string> = {}): Promise<Answer<T>> {
  const query = new URLSearchParams(parameters).toString();
  const response = await window.fetch(`${PREFIX}/api/v1/${path}${query === "" ? "" : `?${query}`}`);
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(answer.error ?? response.statusText);
  return { data: answer.data, warnings: answer.warnings ?? [], infos: answer.infos ?? [] };
}

/** Of a bucket: which of its bounds are in it (0 the upper, 1 the lower, 2 none, 3 both), both bounds, how many it has. */
export type Bucket = [inclusive: number, lower: string, upper: string, count: string];

export interface HistogramValue {
  count: string;
  sum: string;
  buckets?: Bucket[];
}

export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
  histogram?: [number, HistogramValue];
}

export interface SeriesData {
  resultType: "vector" | "matrix";
  result: Series[];
}

export interface PlainData {
  resultType: "scalar" | "string";
  result: [time: number, value: string];
}

export type QueryData = SeriesData | PlainData;

export function isPlain(data: QueryData): data is PlainData {
  return data.resultType === "scalar" || data.resultType === "string";
}

/** `name{label="value"}`. */
export function seriesName(metric: Record<string, string>): string {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
}
