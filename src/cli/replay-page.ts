/** The replay as one HTML file with its charts inside: no script is loaded, nothing is fetched. */

import type { ReplaySteps } from "./replay-model.ts";
import type { ReplaySummary } from "./replay-summary.ts";
import type { Variant } from "./replay-variants.ts";

/** Points that a line is drawn with; more are thinned to the lowest and highest of each column. */
export const MAX_POINTS = 1_500;
const WIDTH = 1100;
const HEIGHT = 220;
const MARGIN = { left: 46, right: 10, top: 12, bottom: 24 };

export interface ReplayPageInput {
  title: string;
  startMs: number;
  stepMs: number;
  need: Float64Array;
  runs: { variant: Variant; steps: ReplaySteps; summary: ReplaySummary }[];
  best: string;
  assumptions: string[];
}

export function replayPage(input: ReplayPageInput): string {
  const { title, runs, best, assumptions } = input;
  const rows = runs
    .map(({ variant, summary }) => tableRow(variant.name, summary, variant.name === best))
    .join("\n");
  const charts = runs.map((run) => chart(input, run)).join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1120px; padding: 0 1rem; color: #1b1f24; background: #fff; }
  table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
  th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #d0d7de; }
  th:first-child, td:first-child { text-align: left; }
  tr.best td { font-weight: 600; background: #eaf6ec; }
  svg { display: block; width: 100%; height: auto; }
  .replicas { fill: none; stroke: #0b62c4; stroke-width: 1.6; }
  .need { fill: none; stroke: #b35900; stroke-width: 1; stroke-dasharray: 4 3; }
  .hidden { fill: #d1242f; opacity: .25; } .idle { fill: #8250df; opacity: .25; } .fallback { fill: #bf8700; opacity: .25; }
  .axis { stroke: #8c959f; stroke-width: .7; } text { font-size: 11px; fill: #57606a; }
  .key span { margin-right: 1.5rem; } li { max-width: 75ch; }
  @media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117; } tr.best td { background: #12361c; }
    th, td { border-color: #30363d; } .replicas { stroke: #58a6ff; } .need { stroke: #f0883e; } text { fill: #8d96a0; } }
</style>
<h1>${escaped(title)}</h1>
<table>
<tr><th>policy<th>pod-hours<th>short<th>wasted<th>peak<th>changes<th>flaps<th>reacts in<th>hidden by tolerance<th>read as idle<th>cost</tr>
${rows}
</table>
<p class="key"><span>— replicas</span><span>- - needed</span><span>red: a pod that the tolerance hides</span><span>purple: an empty answer read as idleness</span><span>amber: the fallback speaks</span></p>
${charts}
<h2>Assumptions</h2>
<ul>
${assumptions.map((text) => `<li>${escaped(text)}`).join("\n")}
</ul>
</html>
`;
}

function tableRow(name: string, summary: ReplaySummary, isBest: boolean): string {
  const {
    podHours,
    shortPodMinutes,
    wastedPodMinutes,
    peak,
    changes,
    flaps,
    reactMedianSeconds,
    hiddenSeconds,
    readAsIdleSeconds,
    cost,
  } = summary;
  const cells = [
    podHours.toFixed(1),
    `${Math.round(shortPodMinutes)} pod-min`,
    `${Math.round(wastedPodMinutes)} pod-min`,
    String(peak),
    String(changes),
    String(flaps),
    `${reactMedianSeconds} s`,
    `${Math.round(hiddenSeconds / 60)} min`,
    `${Math.round(readAsIdleSeconds / 60)} min`,
    cost.toFixed(2),
  ];
  return `<tr${isBest ? ' class="best"' : ""}><td>${escaped(name)}${cells.map((cell) => `<td>${cell}`).join("")}</tr>`;
}

function chart(
  { startMs, stepMs, need }: ReplayPageInput,
  { variant, steps }: ReplayPageInput["runs"][number],
): string {
  const count = steps.replicas.length;
  let top = 1;
  for (let i = 0; i < count; i++) top = Math.max(top, steps.replicas[i], Number.isNaN(need[i]) ? 0 : need[i]);
  const x = (step: number) =>
    MARGIN.left + (step / Math.max(count - 1, 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const bands = (["hidden", "readAsIdle", "fallback"] as const).map((flag) => {
    const name = flag === "readAsIdle" ? "idle" : flag;
    return runsOf(steps[flag])
      .map(([from, to]) => {
        const width = Math.max(x(to) - x(from), 1).toFixed(1);
        return `<rect class="${name}" x="${x(from).toFixed(1)}" y="${MARGIN.top}" width="${width}" height="${HEIGHT - MARGIN.top - MARGIN.bottom}"/>`;
      })
      .join("");
  });
  const ticks = Array.from({ length: 7 }, (_, index) => {
    const step = Math.round((index / 6) * (count - 1));
    const time = new Date(startMs + step * stepMs).toISOString().slice(5, 16).replace("T", " ");
    return `<text x="${x(step).toFixed(0)}" y="${HEIGHT - 6}" text-anchor="${index === 0 ? "start" : index === 6 ? "end" : "middle"}">${time}</text>`;
  });
  const levels = [0, Math.round(top / 2), top].map(
    (level) =>
      `<line class="axis" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(level)}" y2="${y(level)}"/><text x="${MARGIN.left - 6}" y="${y(level) + 4}" text-anchor="end">${level}</text>`,
  );
  return `<h3>${escaped(variant.name)}</h3>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="replicas over time">${bands.join("")}${levels.join("")}${ticks.join("")}
<path class="need" d="${path(need, x, y)}"/><path class="replicas" d="${path(steps.replicas, x, y)}"/></svg>`;
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

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
