/** How well a value fits what was searched for, from 0 to 1 (`util/strutil`, `web/api/v1/search_filters.go`). */

/** A score, or undefined: the value does not fit. */
export type Scorer = (value: string) => number | undefined;

/** A match that is not the whole text scores less than one that is. */
const INEXACT_SCALE = 0.999;

/** Where `term` lies in the value: 1 at its beginning, down to 0.1 at its end. */
export function substringScorer(term: string): Scorer {
  const wanted = [...term].length;
  return (value) => {
    const index = value.indexOf(term);
    if (index <= 0) return index < 0 ? undefined : 1;
    const maxPosition = [...value].length - wanted;
    if (maxPosition <= 0) return 1;
    return 1 - (0.9 * [...value.slice(0, index)].length) / maxPosition;
  };
}

/** All characters of `term` in their order, runs of them liked best. Nothing below `threshold` fits. */
export function subsequenceScorer(term: string, threshold: number): Scorer {
  const pattern = [...term];
  return (value) => {
    if (value.startsWith(term)) return 1;
    const score = subsequenceScore(pattern, [...value]);
    return score > 0 && score >= threshold ? score : undefined;
  };
}

function subsequenceScore(pattern: string[], text: string[]): number {
  if (pattern.length > text.length) return 0;
  let best = -1;
  for (let start = text.indexOf(pattern[0]); start >= 0; start = text.indexOf(pattern[0], start + 1)) {
    if (start > text.length - pattern.length) break;
    const score = scoreFrom(pattern, text, start);
    // What cannot be completed from here can't be from further on.
    if (score === undefined) break;
    if (score > best) best = score;
  }
  return best < 0 ? 0 : (best / (pattern.length * pattern.length)) * INEXACT_SCALE;
}

/** The squares of the runs' lengths, less what lies before, between and (half) after them. */
function scoreFrom(pattern: string[], text: string[], start: number): number | undefined {
  const share = 1 / text.length;
  let score = 0;
  let matched = 0;
  let end = 0;
  for (let from = start; matched < pattern.length; ) {
    from = text.indexOf(pattern[matched], from);
    if (from < 0) return undefined;
    let to = from;
    while (matched < pattern.length && text[to] === pattern[matched]) {
      to++;
      matched++;
    }
    const gap = from - end;
    if (gap > 0) score -= gap * share;
    score += (to - from) ** 2;
    end = to;
    from = to;
  }
  const trailing = text.length - end;
  return trailing > 0 ? score - trailing * share * 0.5 : score;
}

/** A substring, or else a text as similar as `threshold` asks by Jaro and Winkler's measure; 0: substrings only. */
export function jaroWinklerScorer(term: string, threshold: number): Scorer {
  const substring = substringScorer(term);
  const pattern = [...term];
  return (value) => {
    const score = substring(value);
    if (score !== undefined || threshold === 0) return score;
    const similarity = jaroWinkler(pattern, [...value]);
    return similarity >= threshold ? similarity : undefined;
  };
}

/** Characters of a common beginning that count, and how much each does. */
const MAX_PREFIX = 4;
const PREFIX_WEIGHT = 0.1;

function jaroWinkler(one: string[], other: string[]): number {
  const [short, long] = one.length > other.length ? [other, one] : [one, other];
  if (short.length === 0) return 0;
  const reach = Math.max(Math.floor(long.length / 2) - 1, 0);
  const inShort = new Array<boolean>(short.length).fill(false);
  const inLong = new Array<boolean>(long.length).fill(false);
  let matches = 0;
  for (let i = 0; i < short.length; i++) {
    const end = Math.min(i + reach + 1, long.length);
    for (let j = Math.max(i - reach, 0); j < end; j++) {
      if (inLong[j] || short[i] !== long[j]) continue;
      inShort[i] = true;
      inLong[j] = true;
      matches++;
      break;
    }
  }
  if (matches === 0) return 0;
  const fromShort = short.filter((_, i) => inShort[i]);
  const fromLong = long.filter((_, i) => inLong[i]);
  const transposed = fromShort.filter((character, i) => character !== fromLong[i]).length;
  const jaro =
    (matches * (1 / short.length) + matches * (1 / long.length) + (matches - transposed * 0.5) / matches) / 3;
  let prefix = 0;
  while (prefix < Math.min(MAX_PREFIX, short.length) && short[prefix] === long[prefix]) prefix++;
  return jaro + prefix * PREFIX_WEIGHT * (1 - jaro);
}
