/**
 * Matches whole texts and says where the groups lie. Goes back where it went wrong, but never twice to the same
 * instruction at the same place, so that the time is bounded by the product of program and text (RE2's "bit state").
 */
import { isInClass, type Program } from "./program.ts";
import type { Assertion } from "./syntax.ts";

/** The largest product of program and text that is worked on. */
export const WORK_LIMIT = 64 * 1024 * 1024;

/** The places where groups begin and end, in UTF-16 units: `[begin0, end0, begin1, …]`, -1 where one took no part. */
export type GroupPlaces = Int32Array;

/** A place to go back to; or, with a slot, what that held before. */
interface Job {
  instruction: number;
  at: number;
  slot: number;
}

/** Undefined when the text does not match from some place to its end. */
export function backtrack(program: Program, text: string, from = 0): GroupPlaces | undefined {
  const { instructions } = program;
  const width = text.length + 1;
  if (instructions.length * width > WORK_LIMIT) return undefined;
  const visited = new Uint8Array((instructions.length * width + 7) >>> 3);
  const places = new Int32Array(2 * (program.groupCount + 1)).fill(-1);
  const jobs: Job[] = [{ instruction: program.start, at: from, slot: -1 }];
  for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
    if (job.slot >= 0) {
      places[job.slot] = job.at;
      continue;
    }
    let { instruction: pc, at } = job;
    for (;;) {
      const bit = pc * width + at;
      if ((visited[bit >>> 3] & (1 << (bit & 7))) !== 0) break;
      visited[bit >>> 3] |= 1 << (bit & 7);
      const instruction = instructions[pc];
      if (instruction.op === "match") {
        if (at !== text.length) break;
        places[0] = from;
        places[1] = text.length;
        return places;
      }
      if (instruction.op === "character") {
        const code = text.codePointAt(at);
        if (code === undefined || !isInClass(instruction.class, code)) break;
        at += code > 0xffff ? 2 : 1;
      } else if (instruction.op === "split") {
        jobs.push({ instruction: instruction.other, at, slot: -1 });
      } else if (instruction.op === "save") {
        jobs.push({ instruction: 0, at: places[instruction.slot], slot: instruction.slot });
        places[instruction.slot] = at;
      } else if (!holds(instruction.assertion, text, at)) break;
      pc = instruction.next;
    }
  }
  return undefined;
}

function holds(assertion: Assertion, text: string, at: number): boolean {
  switch (assertion) {
    case "begin-text":
      return at === 0;
    case "end-text":
      return at === text.length;
    case "begin-line":
      return at === 0 || text[at - 1] === "\n";
    case "end-line":
      return at === text.length || text[at] === "\n";
    case "word-boundary":
      return isWord(text[at - 1]) !== isWord(text[at]);
    case "no-word-boundary":
      return isWord(text[at - 1]) === isWord(text[at]);
  }
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[0-9A-Za-z_]/.test(character);
}
