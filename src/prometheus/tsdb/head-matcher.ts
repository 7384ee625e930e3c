/** Which series of the head match: the inverted index put to use, and answers kept for the next time. */
import { compareLabels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { Head } from "./head.ts";
import { intersect, lowerBound, type Postings, union, without } from "./postings.ts";

/** Selections that are kept, and how many series in all. */
const MAX_SELECTIONS = 256;
const MAX_SELECTED_SLOTS = 4_000_000;
const NONE = new Int32Array(0);
/** A regular expression like this is a list of plain strings. Of punctuation, only what means nothing in one. */
const ALTERNATIVES = /^[\w:/\-@ |]+$/;

interface Selection {
  /** Sorted by labels. */
  slots: Int32Array;
  /** How many series of the head were looked at. */
  upTo: number;
}

export class HeadMatcher {
  readonly #head: Head;
  /** In order of use. */
  readonly #selections = new Map<string, Selection>();
  #generation = 0;
  #keptSlots = 0;

  constructor(head: Head) {
    this.#head = head;
  }

  /** The slots of the series that match all matchers, sorted by labels. Not to be changed. */
  sortedSlots(matchers: Matcher[]): Int32Array {
    if (this.#generation !== this.#head.generation) this.#forgetAll();
    const key = JSON.stringify(matchers.map((m) => [m.name, m.operator, m.value]));
    const known = this.#selections.get(key);
    const upTo = this.#head.seriesCount;
    if (known?.upTo === upTo) {
      this.#selections.delete(key);
      this.#selections.set(key, known);
      return known.slots;
    }
    const from = known?.upTo ?? 0;
    const added = this.#sort(matchingSlots(this.#head.postings, matchers, from, upTo));
    const slots = known === undefined || known.slots.length === 0 ? added : this.#merge(known.slots, added);
    this.#keep(key, { slots, upTo });
    return slots;
  }

  #sort(slots: Int32Array): Int32Array {
    const labels = (slot: number) => this.#head.labelsOf(slot);
    return Int32Array.from(Array.from(slots).sort((a, b) => compareLabels(labels(a), labels(b))));
  }

  #merge(a: Int32Array, b: Int32Array): Int32Array {
    if (b.length === 0) return a;
    const out = new Int32Array(a.length + b.length);
    let i = 0;
    for (let j = 0, k = 0; k < out.length; k++) {
      const takeFirst =
        j === b.length ||
        (i < a.length && compareLabels(this.#head.labelsOf(a[i]), this.#head.labelsOf(b[j])) < 0);
      out[k] = takeFirst ? a[i++] : b[j++];
    }
    return out;
  }

  #keep(key: string, selection: Selection): void {
    this.#keptSlots += selection.slots.length - (this.#selections.get(key)?.slots.length ?? 0);
    this.#selections.delete(key);
    this.#selections.set(key, selection);
    for (const [oldKey, old] of this.#selections) {
      if (this.#selections.size <= MAX_SELECTIONS && this.#keptSlots <= MAX_SELECTED_SLOTS) break;
      this.#selections.delete(oldKey);
      this.#keptSlots -= old.slots.length;
    }
  }

  #forgetAll(): void {
    this.#generation = this.#head.generation;
    this.#selections.clear();
    this.#keptSlots = 0;
  }
}

/** The slots from `from` up to `to` (excluded) of the series that match all matchers, ascending. */
export function matchingSlots(postings: Postings, matchers: Matcher[], from: number, to: number): Int32Array {
  const tail = (slots: Int32Array) => (from === 0 ? slots : slots.subarray(lowerBound(slots, from)));
  const included: Int32Array[] = [];
  const excluded: Int32Array[] = [];
  for (const matcher of matchers) {
    // A matcher that takes "" also takes series without the label, so only what it refuses can be looked up.
    if (matcher.matches("")) {
      const refused = selectValues(postings, matcher, (value) => !matcher.matches(value));
      if (refused !== undefined) excluded.push(tail(refused));
    } else {
      const taken = selectValues(postings, matcher, (value) => matcher.matches(value));
      included.push(tail(taken ?? postings.withName(matcher.name)));
    }
  }
  included.sort((a, b) => a.length - b.length);
  let slots = included.length > 0 ? included[0] : allSlots(from, to);
  for (const list of included.slice(1)) slots = intersect(slots, list);
  for (const list of excluded) slots = without(slots, list);
  return slots;
}

/**
 * Series whose value of the matcher's label is `wanted`.
 *
 * @returns undefined where the matcher says "any" (or, when refused values are asked for, "none")
 */
function selectValues(
  postings: Postings,
  matcher: Matcher,
  wanted: (value: string) => boolean,
): Int32Array | undefined {
  const { name, operator, value } = matcher;
  if (operator === "=") return value === "" ? postings.withName(name) : postings.get(name, value);
  if (operator === "!=") return value === "" ? postings.withName(name) : postings.get(name, value);
  if (value === ".*") return operator === "=~" ? undefined : NONE;
  if (value === ".+") return operator === "=~" ? undefined : postings.withName(name);
  if (ALTERNATIVES.test(value) && (operator === "=~") !== matcher.matches("")) {
    return union(
      [...new Set(value.split("|"))].filter(wanted).map((alternative) => postings.get(name, alternative)),
    );
  }
  const lists: Int32Array[] = [];
  for (const candidate of postings.values(name)) {
    if (wanted(candidate)) lists.push(postings.get(name, candidate));
  }
  return union(lists);
}

function allSlots(from: number, to: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
