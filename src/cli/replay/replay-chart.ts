/** One policy's replicas and what was needed, as SVG. */
import type { ReplaySteps } from "./replay-model.ts";

/** Points that a line is drawn with; more are thinned to the lowest and highest of each column. */
export const MAX_POINTS = 1_500;
const WIDTH = 1100;
const HEIGHT = 240;
const MARGIN = { left: 40, right: 12, top: 14, bottom: 26 };
/** Level lines at most. */
const MAX_LEVELS = 6;
const MAX_TIME_TICKS = 10;
const DAY_MS = 86_400_000;

export interface ChartInput {
  startMs: number;
  stepMs: number;
  /** Pods that the load takes, NaN where it is not known. */
  need: ArrayLike<number>;
  steps: ReplaySteps;
  /** The same for all charts of a page. */
  top: number;
}

export function replayChart({ startMs, stepMs, need, steps, top }: ChartInput): string {
  const count = steps.replicas.length;
  const x = (step: number) =>
    MARGIN.left + (step / Math.max(count - 1, 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const line = path(steps.replicas, x, y);
  const area = `${line}L${x(count - 1).toFixed(1)} ${y(0)}L${x(0).toFixed(1)} ${y(0)}Z`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="pods over time">
<path class="area" d="${area}"/>${bands(steps, x)}${levels(top, y)}${times(startMs, stepMs, count, x)}
<path class="need" d="${path(need, x, y)}"/><path class="replicas" d="${line}"/></svg>`;
}

/** Where the tolerance hid a pod, an answer was read as idleness, or the fallback spoke. */
function bands(steps: ReplaySteps, x: (step: number) => number): string {
  const kinds: [flags: Uint8Array, name: string, title: string][] = [
    [steps.hidden, "hidden", "the tolerance hides a pod that is needed"],
    [steps.readAsIdle, "idle", "an answer without a value is read as idleness"],
    [steps.fallback, "fallback", "the fallback speaks"],
  ];
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  return kinds
    .flatMap(([flags, name, title]) =>
      runsOf(flags).map(([from, to]) => {
        const width = Math.max(x(Math.min(to + 1, flags.length - 1)) - x(from), 1.5).toFixed(1);
        const at = `x="${x(from).toFixed(1)}" y="${MARGIN.top}"`;
        return `<rect class="${name}" ${at} width="${width}" height="${height}"><title>${title}</title></rect>`;
      }),
    )
    .join("");
}

function levels(top: number, y: (value: number) => number): string {
  const every = Math.ceil(top / MAX_LEVELS);
  const values = Array.from({ length: Math.floor(top / every) + 1 }, (_, index) => index * every);
  return values
    .map((value) => {
      const at = y(value).toFixed(1);
      return (
        `<line class="axis" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}"/>` +
        `<text x="${MARGIN.left - 7}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value}</text>`
      );
    })
    .join("");
}

/** What lies between two times that are written down. */
const TICKS_MS = [
  ...[15, 30, 60, 120, 300, 600, 900, 1_800].map((seconds) => seconds * 1_000),
  ...[1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24].map((hours) => hours * 3_600_000),
];

function times(startMs: number, stepMs: number, count: number, x: (step: number) => number): string {
  const endMs = startMs + (count - 1) * stepMs;
  const tickMs = TICKS_MS.find((each) => (endMs - startMs) / each <= MAX_TIME_TICKS) ?? TICKS_MS.at(-1)!;
  const isLong = endMs - startMs > 2 * DAY_MS;
  let texts = "";
  for (let atMs = Math.ceil(startMs / tickMs) * tickMs; atMs <= endMs; atMs += tickMs) {
    const time = new Date(atMs).toISOString();
    const clock = time.slice(11, tickMs < 60_000 ? 19 : 16);
    const text = tickMs >= DAY_MS ? time.slice(5, 10) : isLong ? `${time.slice(5, 10)} ${clock}` : clock;
    const at = x((atMs - startMs) / stepMs);
    const anchor = at < MARGIN.left + 20 ? "start" : at > WIDTH - MARGIN.right - 20 ? "end" : "middle";
    texts += `<text x="${at.toFixed(0)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${text}</text>`;
  }
  return texts;
}

/** A line of steps, thinned to what a screen shows. */
function path(values: ArrayLike<number>, x: (step: number) => number, y: (value: number) => number): string {
  const every = Math.max(1, Math.ceil(values.length / (MAX_POINTS / 2)));
  let d = "";
  let previous = Number.NaN;
  const add = (step: number, value: number) => {
    if (Number.isNaN(value)) {
      previous = value;
      return;
    }
    const to = `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    d += Number.isNaN(previous) ? `M${to}` : `L${x(step).toFixed(1)} ${y(previous).toFixed(1)}L${to}`;
    previous = value;
  };
  for (let start = 0; start < values.length; start += every) {
    let [low, high] = [start, start];
    for (let i = start; i < Math.min(start + every, values.length); i++) {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
    for (const step of low < high ? [low, high] : [high, low]) {
      if (values[step] !== previous || start === 0) add(step, values[step]);
    }
  }
  if (values.length > 0) add(values.length - 1, values[values.length - 1]);
  return d;
}

function runsOf(flags: Uint8Array): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && i - last[1] <= 2) last[1] = i;
    else runs.push([i, i]);
  }
  return runs.slice(0, MAX_POINTS);
}
