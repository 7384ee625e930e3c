/** Series over time, drawn by uPlot, with a legend that hides and shows them. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Series, seriesName } from "./api.ts";

/** Told apart on white and on black. */
const COLOURS = [
  "#e6522c",
  "#2f80ed",
  "#27ae60",
  "#9b51e0",
  "#f2c94c",
  "#00a3a3",
  "#eb5757",
  "#6d8b00",
  "#b06d3b",
  "#5c6bc0",
];
/** More lines are not drawn: nobody could tell them apart. */
export const MAX_LINES = 200;

interface Props {
  series: Series[];
  start: number;
  end: number;
  step: number;
  stacked: boolean;
}

export function Graph({ series, start, end, step, stacked }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [only, setOnly] = useState<number | undefined>();
  const shown = series.slice(0, MAX_LINES);
  useEffect(() => setOnly(undefined), [series]);

  useEffect(() => {
    const count = Math.floor((end - start) / step) + 1;
    const times = Array.from({ length: count }, (_, i) => start + i * step);
    const columns = shown.map(({ values = [] }) => {
      const column: (number | null)[] = new Array(count).fill(null);
      for (const [time, text] of values) {
        const value = Number(text.replace("Inf", "Infinity"));
        column[Math.round((time - start) / step)] = Number.isFinite(value) ? value : null;
      }
      return column;
    });
    if (stacked) {
      for (let i = 1; i < columns.length; i++)
        columns[i] = columns[i].map((value, at) => (value ?? 0) + (columns[i - 1][at] ?? 0));
    }
    const style = getComputedStyle(document.documentElement);
    const axis = {
      stroke: style.getPropertyValue("--muted"),
      grid: { stroke: style.getPropertyValue("--line"), width: 1 },
      ticks: { stroke: style.getPropertyValue("--line") },
    };
    const box = host.current!;
    const size = () => ({ width: box.clientWidth, height: 420 });
    const plot = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { focus: { prox: 24 }, y: false },
        focus: { alpha: 0.25 },
        axes: [axis, { ...axis, size: 70, values: (_, splits) => splits.map(short) }],
        series: [
          {},
          ...shown.map((each, index) => ({
            label: seriesName(each.metric),
            stroke: COLOURS[index % COLOURS.length],
            fill: stacked ? `${COLOURS[index % COLOURS.length]}33` : undefined,
            width: 1.5,
            show: only === undefined || only === index,
            points: { show: count < 3 },
          })),
        ],
      },
      [times, ...columns],
      box,
    );
    const observer = new ResizeObserver(() => plot.setSize(size()));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, start, end, step, stacked, only]);

  return (
    <>
      <div class="plot" ref={host} />
      {series.length > MAX_LINES && (
        <p class="note">
          The first {MAX_LINES} of {series.length} series are drawn.
        </p>
      )}
      <ul class="legend">
        {shown.map((each, index) => (
          <li key={seriesName(each.metric)}>
            <button
              type="button"
              class={only !== undefined && only !== index ? "off" : ""}
              onClick={() => setOnly(only === index ? undefined : index)}
            >
              <i style={{ background: COLOURS[index % COLOURS.length] }} />
              <Metric metric={each.metric} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Metric({ metric }: { metric: Record<string, string> }) {
  const { __name__: name, ...labels } = metric;
  const pairs = Object.entries(labels);
  return (
    <code>
      {name !== undefined && <b>{name}</b>}
      {(pairs.length > 0 || name === undefined) && (
        <>
          {"{"}
          {pairs.map(([label, value], i) => (
            <span key={label}>
              {i > 0 && ", "}
              <span class="label">{label}</span>=<span class="string">"{value}"</span>
            </span>
          ))}
          {"}"}
        </>
      )}
    </code>
  );
}

/** `1.2k`, `3M`. */
function short(value: number): string {
  const magnitude = Math.abs(value);
  for (const [limit, suffix] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (magnitude >= limit) return `${Number((value / limit).toPrecision(4))}${suffix}`;
  return String(Number(value.toPrecision(4)));
}
