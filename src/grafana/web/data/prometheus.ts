/** Prometheus' answers as frames (upstream `@grafana/prometheus` result transformer). */
import type { Field, Frame, LabelSet } from "./frame.ts";
import { labelText } from "./frame.ts";

export interface PrometheusSeries {
  metric: Record<string, string>;
  /** Seconds and text. */
  values?: [number, string][];
  value?: [number, string];
}

export interface PrometheusResult {
  resultType: "matrix" | "vector" | "scalar" | "string";
  result: PrometheusSeries[] | [number, string];
}

/** What a query says about how its answer is shown. */
export interface ResultOptions {
  refId: string;
  /** `time_series`, `table` or `heatmap`. */
  format: string;
  legendFormat: string;
  stepMs: number;
  /** Several queries of the panel make tables: their value columns are told apart. */
  manyTables?: boolean;
}

export function framesOf({ resultType, result }: PrometheusResult, options: ResultOptions): Frame[] {
  const series: PrometheusSeries[] =
    resultType === "scalar" || resultType === "string"
      ? [{ metric: {}, value: result as [number, string] }]
      : (result as PrometheusSeries[]);
  if (options.format === "table") return [tableOf(series, options)];
  const frames = series.map((one) => seriesFrame(one, options));
  return options.format === "heatmap" ? heatmapFrames(frames, options) : frames;
}

function seriesFrame({ metric, values, value }: PrometheusSeries, options: ResultOptions): Frame {
  const points = values ?? (value === undefined ? [] : [value]);
  const times: number[] = [];
  const numbers: (number | null)[] = [];
  for (const [seconds, text] of points) {
    const ms = seconds * 1000;
    // A gap is a null, so that lines break there.
    const previous = times.at(-1);
    if (previous !== undefined && options.stepMs > 0 && ms - previous > options.stepMs * 1.5) {
      times.push(previous + options.stepMs);
      numbers.push(null);
    }
    times.push(ms);
    numbers.push(Number(text === "+Inf" ? "Infinity" : text === "-Inf" ? "-Infinity" : text));
  }
  return {
    refId: options.refId,
    fields: [
      { name: "Time", type: "time", values: times, config: {} },
      {
        name: "Value",
        type: "number",
        labels: metric,
        values: numbers,
        config: { displayNameFromDS: legendOf(options.legendFormat, metric) },
      },
    ],
  };
}

/** `{{label}}` filled in. Automatic legends show the value where there is one label only. */
export function legendOf(format: string, labels: LabelSet): string {
  if (format === "__auto" || format === "") {
    const own = Object.entries(labels).filter(([name]) => name !== "__name__");
    if (format === "__auto" && own.length === 1) return own[0][1];
    return labelText(labels);
  }
  return format.replace(/\{\{\s*([\w.:-]+?)\s*\}\}/g, (_, label: string) => labels[label] ?? "");
}

function tableOf(series: PrometheusSeries[], { refId, manyTables }: ResultOptions): Frame {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const rows = series.flatMap(({ metric, values, value }) =>
    (values ?? (value === undefined ? [] : [value])).map(([seconds, text]) => ({
      metric,
      ms: seconds * 1000,
      text,
    })),
  );
  const fields: Field[] = [
    { name: "Time", type: "time", values: rows.map(({ ms }) => ms), config: {} },
    ...labels.map(
      (label): Field => ({
        name: label,
        type: "string",
        values: rows.map(({ metric }) => metric[label] ?? ""),
        config: {},
      }),
    ),
    {
      name: manyTables === true ? `Value #${refId}` : "Value",
      type: "number",
      values: rows.map(({ text }) => Number(text === "+Inf" ? "Infinity" : text)),
      config: {},
    },
  ];
  return { refId, fields };
}

/** Cumulative buckets by `le` as one frame with a column for each bucket, lowest first. */
function heatmapFrames(frames: Frame[], { refId }: ResultOptions): Frame[] {
  const buckets = frames
    .map((frame) => ({
      times: frame.fields[0].values as number[],
      values: frame.fields[1].values as (number | null)[],
      le: frame.fields[1].labels?.["le"],
    }))
    .filter(({ le }) => le !== undefined)
    .sort((a, b) => Number(a.le === "+Inf" ? Infinity : a.le) - Number(b.le === "+Inf" ? Infinity : b.le));
  if (buckets.length === 0) return frames;
  const times = [...new Set(buckets.flatMap(({ times }) => times))].sort((a, b) => a - b);
  const columns = buckets.map(({ times: own, values }) => {
    const at = new Map(own.map((time, i) => [time, values[i]]));
    return times.map((time) => at.get(time) ?? null);
  });
  const fields = buckets.map(({ le }, i): Field => {
    const values = columns[i].map((value, row) =>
      value === null ? null : Math.max(0, value - (i === 0 ? 0 : (columns[i - 1][row] ?? 0))),
    );
    return { name: le!, type: "number", values, config: {} };
  });
  return [
    {
      refId,
      name: "heatmap",
      fields: [{ name: "Time", type: "time", values: times, config: {} }, ...fields],
    },
  ];
}
