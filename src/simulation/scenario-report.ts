/** What a scenario's run looks like: a line, a picture, a timeline, and JUnit's XML. */
import type { ScenarioResult, TimelineEntry } from "./scenario-run.ts";

const BARS = " ▁▂▃▄▅▆▇█";
const PICTURE_WIDTH = 72;
/** Of a broken expectation, this much of the timeline before it is shown. */
const PICTURE_BEFORE_MS = 60_000;
const PICTURE_ENTRIES = 30;

export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 100) / 10;
  if (seconds < 60) return `${seconds}s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = Math.round(seconds % 60);
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${rest > 0 ? `${rest}s` : ""}`;
}

/** Replicas over time as bars, with the most on the right: `▁▁▃▃▃▁ 3`. */
export function replicaPicture({ samples, scenario }: ScenarioResult): string {
  if (samples.length === 0) return "";
  const peak = Math.max(...samples.map(({ observation }) => observation.replicas), 1);
  const width = Math.min(PICTURE_WIDTH, samples.length);
  let picture = "";
  for (let column = 0; column < width; column++) {
    const fromMs = (column * scenario.durationMs) / width;
    const toMs = ((column + 1) * scenario.durationMs) / width;
    const within = samples.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    if (within.length === 0) continue;
    const most = Math.max(...within.map(({ observation }) => observation.replicas));
    picture += BARS[Math.round((most / peak) * (BARS.length - 1))];
  }
  return `${picture} ${peak}`;
}

export function timelineLine({ atMs, what, text }: TimelineEntry): string {
  return `${formatDuration(atMs).padStart(9)}  ${what.padEnd(8)} ${text}`;
}

/** The first expectation that broke, and what happened before it. */
export function brokenReport({ broken, timeline }: ScenarioResult, seed: number): string {
  const lines = [
    `  expected ${broken!.expectation}`,
    `  at ${formatDuration(broken!.atMs)}, seed ${seed}: ${broken!.seen}`,
  ];
  const before = timeline.filter(
    ({ atMs }) => atMs >= broken!.atMs - PICTURE_BEFORE_MS && atMs <= broken!.atMs,
  );
  return [...lines, ...before.slice(-PICTURE_ENTRIES).map((entry) => `  ${timelineLine(entry)}`)].join("\n");
}

export interface Verdict {
  file: string;
  seed: number;
  result: ScenarioResult;
  seconds: number;
}

/** A JUnit report, as CI systems read it. */
export function junitXml(verdicts: Verdict[]): string {
  const failures = verdicts.filter(({ result }) => result.broken !== undefined).length;
  const total = verdicts.reduce((sum, { seconds }) => sum + seconds, 0);
  const cases = verdicts.map(({ file, seed, result, seconds }) => {
    const name = `${result.scenario.name} (seed ${seed})`;
    const open = `    <testcase classname="${xml(file)}" name="${xml(name)}" time="${seconds.toFixed(3)}"`;
    if (result.broken === undefined) return `${open}/>`;
    const message = `expected ${result.broken.expectation}; ${result.broken.seen}`;
    return `${open}>\n      <failure message="${xml(message)}">${xml(brokenReport(result, seed))}</failure>\n    </testcase>`;
  });
  const counts = `tests="${verdicts.length}" failures="${failures}" time="${total.toFixed(3)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts}>\n  <testsuite name="topology" ${counts}>\n${cases.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}

function xml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, "?");
}
