/** What a scenario's run looks like: a line, a picture, a timeline, and JUnit's XML. */
import type { Disk } from "../../base/disk.ts";
import { isModelled } from "./fleet.ts";
import { ScenarioError } from "./scenario.ts";
import type { Broken, Observation, ScenarioResult, TimelineEntry } from "./scenario-run.ts";

const BARS = " ▁▂▃▄▅▆▇█";
const PICTURE_WIDTH = 72;
/** Of a broken expectation, this much before it is shown. */
const PICTURE_BEFORE_MS = 90_000;
const PICTURE_ENTRIES = 30;

export function formatDuration(durationMs: number): string {
  const tenths = Math.round(durationMs / 100) / 10;
  if (tenths < 60) return `${tenths}s`;
  const seconds = Math.round(durationMs / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = seconds % 60;
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${rest > 0 ? `${rest}s` : ""}`;
}

/** A scenario's name as one of a folder: `five-tenants`. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

type Sample = ScenarioResult["samples"][number];

/** Replicas over time as bars, with the most on the right: `▁▁▃▃▃▁ 3`. */
export function replicaPicture({ samples, scenario }: ScenarioResult): string {
  return samples.length === 0 ? "" : picture(samples, "replicas", 0, scenario.durationMs);
}

function picture(samples: Sample[], quantity: keyof Observation, fromMs: number, toMs: number): string {
  const width = Math.min(PICTURE_WIDTH, samples.length);
  const columns = new Array<number>(width).fill(Number.NaN);
  for (const { atMs, observation } of samples) {
    const column = Math.min(Math.floor(((atMs - fromMs) / (toMs - fromMs)) * width), width - 1);
    if (column >= 0 && !(columns[column] >= observation[quantity])) columns[column] = observation[quantity];
  }
  const known = columns.filter((value) => !Number.isNaN(value));
  const peak = Math.max(1, ...known);
  const bars = columns.map((value) =>
    Number.isNaN(value) ? "" : BARS[Math.round((value / peak) * (BARS.length - 1))],
  );
  return `${bars.join("")} ${peak}`;
}

export function timelineLine({ atMs, what, text }: TimelineEntry): string {
  return `${formatDuration(atMs).padStart(9)}  ${what.padEnd(8)} ${text}`;
}

/** The first expectation that broke, the last minute and a half as bars, and what happened in it. */
export function brokenReport({ broken, timeline, samples }: ScenarioResult, seed: number): string {
  const { atMs, expectation, seen } = broken!;
  const fromMs = Math.max(atMs - PICTURE_BEFORE_MS, 0);
  const around = samples.filter((sample) => sample.atMs >= fromMs);
  const rows = (["replicas", "ready", "tenants"] as const).map(
    (quantity) => `  ${quantity.padStart(9)}  ${picture(around, quantity, fromMs, atMs)}`,
  );
  const before = timeline.filter((entry) => entry.atMs >= fromMs && entry.atMs <= atMs);
  return [
    `  expected ${expectation}`,
    `  at ${formatDuration(atMs)}, seed ${seed}: ${seen}`,
    `  ${formatDuration(fromMs).padStart(9)} to ${formatDuration(atMs)}`,
    ...(around.length > 1 ? rows : []),
    ...before.slice(-PICTURE_ENTRIES).map((entry) => `  ${timelineLine(entry)}`),
  ].join("\n");
}

/** A run as it is told; goes from process to process as JSON. */
export interface RunReport {
  verdict: Verdict;
  /** Replicas over time, as bars. */
  picture: string;
  /** Pods were numbers. */
  modelled: boolean;
  timeline: TimelineEntry[];
}

/** What is kept of a run. */
export interface Verdict {
  file: string;
  name: string;
  seed: number;
  durationMs: number;
  seconds: number;
  broken?: Broken;
  /** What a broken one looks like. */
  report?: string;
  /** Why it was not run. */
  skipped?: string;
}

export function reportOf(result: ScenarioResult, file: string, seed: number, seconds: number): RunReport {
  const { scenario, broken, timeline } = result;
  const { name, durationMs } = scenario;
  const verdict: Verdict = { file, name, seed, durationMs, seconds };
  if (broken !== undefined) Object.assign(verdict, { broken, report: brokenReport(result, seed) });
  return { verdict, picture: replicaPicture(result), modelled: isModelled(scenario), timeline };
}

/** A line and a picture; the timeline on request; of a broken one what surrounds it. */
export function printReport(
  print: (text: string) => void,
  { verdict: { name, durationMs, seconds, report }, picture, modelled, timeline }: RunReport,
  verbose: boolean,
): void {
  const state = report === undefined ? "ok    " : "BROKEN";
  const pods = modelled ? ", pods modelled" : "";
  print(`${state} ${name}  (${formatDuration(durationMs)} in ${seconds.toFixed(2)} s${pods})\n`);
  print(`       ${picture}\n`);
  if (verbose) for (const entry of timeline) print(`  ${timelineLine(entry)}\n`);
  if (report !== undefined) print(`${report}\n`);
}

export interface TimelineFile {
  write(report: RunReport): Promise<void>;
  close(): Promise<void>;
}

/** An empty file, before anything is run for it. @throws ScenarioError that names the option */
export async function beginFile(disk: Disk, option: string, path: string): Promise<void> {
  await disk.writeFile(path, "").catch((error: NodeJS.ErrnoException) => {
    const isMissing = error.code === "ENOENT";
    throw new ScenarioError(`${option} ${path}: ${isMissing ? "there is no such folder" : error.message}`);
  });
}

/** Writes timelines as runs end, a JSON object a line: `{"scenario":…,"seed":1,"atMs":0,"what":…,"text":…}`. */
export async function openTimelineFile(disk: Disk, path: string | undefined): Promise<TimelineFile> {
  if (path === undefined) return { write: async () => {}, close: async () => {} };
  await beginFile(disk, "--timeline", path);
  const file = await disk.open(path, "append");
  return {
    async write({ verdict: { name, seed }, timeline }) {
      const lines = timeline.map((entry) => JSON.stringify({ scenario: name, seed, ...entry }));
      file.appendNow(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
    },
    close: () => file.close(),
  };
}

/** A JUnit report, as CI systems read it. */
export function junitXml(verdicts: Verdict[]): string {
  const failures = verdicts.filter(({ broken }) => broken !== undefined).length;
  const skips = verdicts.filter(({ skipped }) => skipped !== undefined).length;
  const total = verdicts.reduce((sum, { seconds }) => sum + seconds, 0);
  const cases = verdicts.map(({ file, name, seed, seconds, broken, report, skipped }) => {
    const named = xml(`${name} (seed ${seed})`);
    const open = `    <testcase classname="${xml(file)}" name="${named}" time="${seconds.toFixed(3)}"`;
    if (skipped !== undefined) return `${open}>\n      <skipped message="${xml(skipped)}"/>\n    </testcase>`;
    if (broken === undefined) return `${open}/>`;
    const message = xml(`expected ${broken.expectation}; ${broken.seen}`);
    return `${open}>\n      <failure message="${message}">${xml(report ?? "")}</failure>\n    </testcase>`;
  });
  const counts = `tests="${verdicts.length}" failures="${failures}" skipped="${skips}" time="${total.toFixed(3)}"`;
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
