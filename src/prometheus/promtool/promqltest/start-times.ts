/** Lines of start timestamps: `metric{label="value"}@st -1m -1mx3 _ 0s`. */
import type { Labels } from "../../../model/labels.ts";
import { parseDurationMs } from "./duration.ts";
import { parseSeriesDescription } from "./series-description.ts";
import { SEQUENCE_LIMIT } from "./series-values.ts";

/** Milliseconds relative to the sample's own time; undefined where there is none. */
export type StartTimes = (number | undefined)[];

const LINE = /^(\S+)@st[ \t]+(.*)$/;
const ITEM = /^([+-]?)(\d+[a-wyz]*?)(?:([+-])(\d+[a-wyz]*?))?(?:x(\d+))?$/;

/** Undefined when the line is of another kind. */
export function parseStartTimes(line: string): { labels: Labels; starts: StartTimes } | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const { labels } = parseSeriesDescription(`${match[1]} _`, true);
  return { labels, starts: match[2].trim().split(/\s+/).flatMap(parseItem) };
}

function parseItem(item: string): StartTimes {
  const gap = /^_(?:x(\d+))?$/.exec(item);
  if (gap !== null) return new Array<undefined>(limited(Number(gap[1] ?? 1))).fill(undefined);
  const match = ITEM.exec(item);
  if (match === null) throw new Error(`invalid ST item "${item}"`);
  const [, sign, duration, stepSign, step, count] = match;
  const first = (sign === "-" ? -1 : 1) * parseDurationMs(duration);
  if (count === undefined) {
    if (step !== undefined)
      throw new Error(`invalid ST item "${item}": expected 'x<count>' after step duration`);
    return [first];
  }
  const stepMs = step === undefined ? 0 : (stepSign === "-" ? -1 : 1) * parseDurationMs(step);
  return Array.from({ length: limited(Number(count)) + 1 }, (_, i) => first + i * stepMs);
}

function limited(count: number): number {
  if (count > SEQUENCE_LIMIT) throw new Error(`more than ${SEQUENCE_LIMIT} values`);
  return count;
}
