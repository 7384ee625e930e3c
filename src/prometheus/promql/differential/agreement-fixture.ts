/** How answers of ours are compared with those of the real Prometheus: digit by digit, as far as it agrees with itself. */
import type { Answer } from "../../../../test/prometheus-peer.ts";

/** How often upstream is asked again where it answers otherwise than ours. */
const REPEATS = 40;
/** Releases before 3 sum up otherwise. */
const LEGACY_TOLERANCE = 1e-9;

/** The first difference, in words. */
export function difference(ours: Answer, theirs: Answer, isLegacy: boolean): string | undefined {
  if (ours.error !== undefined || theirs.error !== undefined) {
    const isSame = isLegacy
      ? (ours.error === undefined) === (theirs.error === undefined)
      : ours.error === withoutParameter(theirs.error);
    return isSame ? undefined : `ours: ${ours.error}, theirs: ${theirs.error}`;
  }
  for (const [labels, values] of theirs.series) {
    const own = ours.series.get(labels);
    if (own === undefined) return `ours lacks ${labels}`;
    if (own.length !== values.length) return `${labels}: ${own.length} values, theirs ${values.length}`;
    for (let i = 0; i < values.length; i++) {
      const [[ownTime, ownValues], [time, theirValues]] = [own[i], values[i]];
      const isSame =
        ownTime === time &&
        ownValues.length === theirValues.length &&
        ownValues.every((value, place) => isSameValue(value, theirValues[place], isLegacy));
      if (!isSame) return `${labels} at ${time}: ${ownValues}, theirs ${theirValues}`;
    }
  }
  const extra = [...ours.series.keys()].find((labels) => !theirs.series.has(labels));
  if (extra !== undefined) return `theirs lacks ${extra}`;
  const [own, other] = [ours, theirs].map(({ remarks }) => JSON.stringify(remarks.map(withoutCount)));
  return isLegacy || own === other ? undefined : `ours remarks ${own}, theirs ${other}`;
}

/** The API says of errors of the parser where the query came from. */
function withoutParameter(error: string | undefined): string | undefined {
  return error?.replace(/^invalid parameter "query": /, "");
}

/** How often upstream counts a remark depends on how it merges them: those of later steps count double. */
function withoutCount(remark: string): string {
  return remark.replace(/with a max diff of \S+ over \d+ samples/, "").replace(/ \(\d+ occurrences\)/, "");
}

function isSameValue(a: number, b: number, isLegacy: boolean): boolean {
  if (!isLegacy) return Object.is(a, b);
  // Sums of numbers that cancel each other are as exact as the numbers, not as their sum.
  return (
    Object.is(a, b) ||
    Math.abs(a - b) <= LEGACY_TOLERANCE * Math.max(Math.abs(a), Math.abs(b), 1e-3) ||
    a === b
  );
}

/**
 * Whether upstream, asked again and again, gives other answers than before, and ours is one of them or lies among them.
 * It takes series that were computed from others in the order of a hash table: last digits of sums, and which of too many
 * matches an error names, change from one time to the next.
 */
export async function isUnsettled(ours: Answer, first: Answer, ask: () => Promise<Answer>): Promise<boolean> {
  const answers = [first];
  for (let i = 0; i < REPEATS; i++) {
    const again = await ask();
    if (difference(ours, again, false) === undefined) return true;
    answers.push(again);
  }
  if (ours.error !== undefined) {
    const texts = new Set(answers.map(({ error }) => error));
    return texts.size > 1 && [...texts].every((text) => withoutMatches(text) === withoutMatches(ours.error));
  }
  return liesAmong(ours, answers);
}

/** Without the series that an error names. */
function withoutMatches(error: string | undefined): string | undefined {
  return error?.replace(/group \{.*?\} on/, "group on").replace(/: \[\{.*\}\];/, "");
}

/** Every value within what the answers span, and as much again, since not all orders have been seen. */
function liesAmong(ours: Answer, answers: readonly Answer[]): boolean {
  const [first] = answers;
  if (answers.some(({ series }) => series.size !== ours.series.size)) return false;
  for (const [labels, own] of ours.series) {
    const theirs = answers.map(({ series }) => series.get(labels));
    if (theirs.some((samples) => samples?.length !== own.length)) return false;
    for (let i = 0; i < own.length; i++) {
      if (own[i][0] !== first.series.get(labels)![i][0]) return false;
      for (let place = 0; place < own[i][1].length; place++) {
        const values = theirs.map((samples) => samples![i][1][place]);
        if (!liesWithin(own[i][1][place], values)) return false;
      }
    }
  }
  return true;
}

function liesWithin(value: number, values: readonly number[]): boolean {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const spread = greatest - least;
  return (
    values.some((each) => Object.is(each, value)) || (value >= least - spread && value <= greatest + spread)
  );
}
