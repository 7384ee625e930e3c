/** The replay as one HTML file with its charts inside: no script is loaded, nothing is fetched. */
import { replayChart } from "./replay-chart.ts";
import type { ReplaySteps } from "./replay-model.ts";
import { COLUMNS, findingsOf } from "./replay-report.ts";
import type { ReplaySummary } from "./replay-summary.ts";
import type { Variant } from "./replay-variants.ts";

/** Policies that are drawn: as it is, and the cheapest of the others. The table has them all. */
export const MAX_CHARTS = 12;
/** Changes that are listed for a policy. */
export const MAX_LISTED_CHANGES = 500;

export interface ReplayPageInput {
  title: string;
  /** What was replayed: the source of the history and the query. */
  about: string;
  startMs: number;
  stepMs: number;
  need: Float64Array;
  runs: { variant: Variant; steps: ReplaySteps; summary: ReplaySummary }[];
  best: string;
  assumptions: string[];
}

export function replayPage(input: ReplayPageInput): string {
  const { title, about, startMs, stepMs, need, runs, best, assumptions } = input;
  const time = (step: number) =>
    new Date(startMs + step * stepMs).toISOString().slice(0, 19).replace("T", " ");
  const [asItIs, ...others] = runs;
  const cheapest = [...others].sort((a, b) => a.summary.cost - b.summary.cost);
  const drawn = [asItIs, ...cheapest].slice(0, MAX_CHARTS);
  let top = 1;
  for (const { steps } of drawn) for (const pods of steps.replicas) top = Math.max(top, pods);
  for (const pods of need) if (pods > top) top = pods;
  const charts = drawn.map(({ variant, steps }) => {
    const mark = variant.name === best && runs.length > 1 ? ' <span class="tag">costs least</span>' : "";
    const chart = replayChart({ startMs, stepMs, need, steps, top });
    return `<section><h2>${escaped(variant.name)}${mark}</h2>\n<div class="wide" tabindex="0">${chart}</div>\n${changesOf(steps, time)}</section>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<h1>${escaped(title)}</h1>
<p class="about">${time(0)} to ${time(need.length - 1)} UTC. ${escaped(about)}</p>
<ul class="findings">${findingsOf(runs, best)
    .map((text) => `<li>${escaped(text)}`)
    .join("")}</ul>
${KEY}
${charts.join("\n")}
${runs.length > drawn.length ? `<p>${runs.length - drawn.length} more policies are in the table only.</p>` : ""}
<h2>In numbers</h2>
${table(input)}
<h2>What this takes for granted</h2>
<ul>
${assumptions.map((text) => `<li>${escaped(text)}`).join("\n")}
</ul>
</html>
`;
}

const KEY = `<p class="key"><span><i class="k-replicas"></i>pods</span><span><i class="k-need"></i>pods needed</span>
<span><i class="k-hidden"></i>the tolerance hides a needed pod</span><span><i class="k-idle"></i>an empty answer read as idleness</span>
<span><i class="k-fallback"></i>the fallback speaks</span></p>`;

function table({ runs, best }: ReplayPageInput): string {
  const head = COLUMNS.map(({ title, about }) => `<th title="${escaped(about)}">${escaped(title)}`).join("");
  const rows = runs.map(({ variant, summary }) => {
    const cells = COLUMNS.map(({ cell }) => `<td>${escaped(cell(summary))}`).join("");
    const isBest = variant.name === best && runs.length > 1;
    return `<tr${isBest ? ' class="best"' : ""}><td>${escaped(variant.name)}${cells}</tr>`;
  });
  return `<div class="wide"><table>\n<tr><th>policy${head}</tr>\n${rows.join("\n")}\n</table></div>`;
}

function changesOf({ changes }: ReplaySteps, time: (step: number) => string): string {
  if (changes.length === 0) return "<p>The number of pods never changed.</p>";
  const shown = changes.slice(0, MAX_LISTED_CHANGES).map(({ step, from, to, by, reason }) => {
    return `<tr><td>${time(step)}<td>${from} → ${to}<td>${by === "hpa" ? "HPA" : "KEDA"}<td>${escaped(reason)}</tr>`;
  });
  const rest = changes.length - shown.length;
  const more = rest > 0 ? `<p>… and ${rest} more</p>` : "";
  return `<details><summary>${changes.length} change${changes.length === 1 ? "" : "s"}</summary><div class="wide"><table class="changes">${shown.join("\n")}</table></div>${more}</details>`;
}

const STYLE = `
  :root { --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --paper: #fff; --pods: #0b62c4; --need: #b35900;
    --hidden: #d1242f; --idle: #8250df; --fallback: #bf8700; --good: #1a7f37; --goodback: #eaf6ec; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #30363d; --paper: #0d1117;
    --pods: #58a6ff; --need: #f0883e; --hidden: #ff6b6b; --idle: #bc8cff; --fallback: #e3b341; --good: #56d364; --goodback: #12361c; } }
  body { font: 15px/1.55 system-ui, sans-serif; margin: 2.5rem auto; max-width: 1120px; padding: 0 1.25rem;
    color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; }
  .about { color: var(--soft); margin: .25rem 0 1rem; }
  .findings { font-size: 1.05rem; padding-left: 1.2rem; } .findings li { margin: .2rem 0; }
  .tag { font-size: .75rem; font-weight: 600; color: var(--good); background: var(--goodback); border-radius: 1rem; padding: .1rem .6rem; margin-left: .4rem; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; font-size: .9rem; }
  th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
  th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child, .changes td { text-align: left; }
  tr.best td { font-weight: 600; background: var(--goodback); }
  svg { display: block; width: 100%; height: auto; }
  .area { fill: var(--pods); opacity: .1; } .replicas { fill: none; stroke: var(--pods); stroke-width: 2; }
  .need { fill: none; stroke: var(--need); stroke-width: 1.6; stroke-dasharray: 5 4; }
  .hidden { fill: var(--hidden); opacity: .2; } .idle { fill: var(--idle); opacity: .2; } .fallback { fill: var(--fallback); opacity: .2; }
  .axis { stroke: var(--line); stroke-width: 1; } text { font-size: 11.5px; fill: var(--soft); }
  @media (max-width: 700px) { svg { min-width: 760px; } text { font-size: 16px; } }
  .key { color: var(--soft); font-size: .9rem; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }
  .key i { display: inline-block; width: 1.3rem; height: .7rem; margin-right: .4rem; vertical-align: -1px; }
  .k-replicas { border-top: 3px solid var(--pods); height: 0 !important; vertical-align: 4px !important; }
  .k-need { border-top: 2px dashed var(--need); height: 0 !important; vertical-align: 4px !important; }
  .k-hidden { background: var(--hidden); opacity: .35; } .k-idle { background: var(--idle); opacity: .35; } .k-fallback { background: var(--fallback); opacity: .35; }
  details { color: var(--soft); font-size: .9rem; } summary { cursor: pointer; } li { max-width: 80ch; }
`;

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
