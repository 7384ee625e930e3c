/** From matchers to postings, for any inverted index (`PostingsForMatchers` of `tsdb/querier.go`). */
import type { Matcher } from "../../matcher.ts";
import type { Pacer } from "../pacer.ts";
import { intersect, union, without } from "./postings.ts";

/** An inverted index. Lists are ascending. */
export interface PostingsIndex {
  allPostings(): Int32Array | Promise<Int32Array>;
  postings(name: string, value: string): Int32Array | Promise<Int32Array>;
  /** The series of all values of a label for which `wanted` answers true, or of all values without it. */
  postingsWhere(
    name: string,
    wanted: ((value: string) => boolean) | undefined,
    pacer: Pacer,
  ): Promise<Int32Array>;
}

const NONE = new Int32Array(0);
/** A regular expression like this is a list of plain strings. Of punctuation, only what means nothing in one. */
const ALTERNATIVES = /^[\w:/\-@ |]+$/;

/** The series that match all matchers, ascending. */
export async function selectPostings(
  index: PostingsIndex,
  matchers: Matcher[],
  pacer: Pacer,
): Promise<Int32Array> {
  const included: Int32Array[] = [];
  const excluded: Int32Array[] = [];
  for (const matcher of matchers) {
    // A matcher that takes "" also takes series without the label, so only what it refuses can be looked up.
    if (matcher.matches("")) {
      const refused = await valuesOf(index, matcher, pacer, (value) => !matcher.matches(value));
      if (refused !== undefined) excluded.push(refused);
    } else {
      const taken = await valuesOf(index, matcher, pacer, (value) => matcher.matches(value));
      included.push(taken ?? (await index.postingsWhere(matcher.name, undefined, pacer)));
    }
  }
  included.sort((a, b) => a.length - b.length);
  let series = included.length > 0 ? included[0] : await index.allPostings();
  for (const list of included.slice(1)) series = intersect(series, list);
  for (const list of excluded) series = without(series, list);
  return series;
}

/**
 * Series whose value of the matcher's label is `wanted`.
 *
 * @returns undefined where the matcher says "any" (or, when refused values are asked for, "none")
 */
async function valuesOf(
  index: PostingsIndex,
  matcher: Matcher,
  pacer: Pacer,
  wanted: (value: string) => boolean,
): Promise<Int32Array | undefined> {
  const { name, operator, value } = matcher;
  if (operator === "=" || operator === "!=") {
    return value === "" ? index.postingsWhere(name, undefined, pacer) : index.postings(name, value);
  }
  if (value === ".*") return operator === "=~" ? undefined : NONE;
  if (value === ".+") return operator === "=~" ? undefined : index.postingsWhere(name, undefined, pacer);
  if (ALTERNATIVES.test(value) && (operator === "=~") !== matcher.matches("")) {
    const lists: Int32Array[] = [];
    for (const alternative of new Set(value.split("|"))) {
      if (wanted(alternative)) lists.push(await index.postings(name, alternative));
    }
    return union(lists, pacer);
  }
  return index.postingsWhere(name, wanted, pacer);
}
