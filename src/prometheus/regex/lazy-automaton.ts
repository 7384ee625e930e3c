/**
 * Matches whole texts by a deterministic automaton whose states are made as they are reached: a look-up per
 * character once they are there. It takes no `\b` and no line anchors, which ask for characters around.
 */
import { isInClass, type Program } from "./program.ts";

interface State {
  /** Instructions that wait for a character or for the end, sorted. */
  places: readonly number[];
  /** Whether the text may end here. */
  isAccepting: boolean;
  /** The next state by character: ASCII in an array, others in a map. Undefined is not yet known. */
  ascii: (State | undefined)[];
  others: Map<number, State>;
}

/** How many states are kept; when there are more, all are forgotten and made again. */
export const STATE_LIMIT = 1000;
/** How many instructions' worth of states are kept at most. */
const PLACES_LIMIT = 100_000;

export class LazyAutomaton {
  readonly #program: Program;
  readonly #states = new Map<string, State>();
  #placeCount = 0;
  #start: State | undefined;

  constructor(program: Program) {
    this.#program = program;
  }

  matches(text: string): boolean {
    let state = (this.#start ??= this.#stateOf([this.#program.start], true));
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code >= 0xd800 && code <= 0xdbff) {
        code = text.codePointAt(i)!;
        if (code > 0xffff) i++;
      }
      const known = code < 128 ? state.ascii[code] : state.others.get(code);
      state = known ?? this.#advance(state, code);
      if (state.places.length === 0) return false;
    }
    return state.isAccepting;
  }

  #advance(state: State, code: number): State {
    const { instructions } = this.#program;
    const reached: number[] = [];
    for (const place of state.places) {
      const instruction = instructions[place];
      if (instruction.op === "character" && isInClass(instruction.class, code))
        reached.push(instruction.next);
    }
    const next = this.#stateOf(reached, false);
    if (code < 128) state.ascii[code] = next;
    else state.others.set(code, next);
    return next;
  }

  #stateOf(from: readonly number[], isAtStart: boolean): State {
    const places = this.#closure(from, isAtStart);
    const key = (isAtStart ? "^" : "") + places.join(",");
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= STATE_LIMIT || this.#placeCount > PLACES_LIMIT) {
      this.#states.clear();
      this.#placeCount = 0;
      this.#start = undefined;
    }
    const state: State = {
      places,
      isAccepting: this.#accepts(places, isAtStart),
      ascii: new Array<State | undefined>(128),
      others: new Map(),
    };
    this.#states.set(key, state);
    this.#placeCount += places.length;
    return state;
  }

  /** All that is reached without a character, as far as is known before the end is. */
  #closure(from: readonly number[], isAtStart: boolean): number[] {
    return this.#follow(from, (assertion) => assertion === "begin-text" && isAtStart);
  }

  #accepts(places: readonly number[], isAtStart: boolean): boolean {
    const atEnd = this.#follow(places, (assertion) => assertion === "end-text" || isAtStart);
    return atEnd.some((place) => this.#program.instructions[place].op === "match");
  }

  #follow(from: readonly number[], holds: (assertion: string) => boolean): number[] {
    const { instructions } = this.#program;
    const seen = new Set<number>();
    const found: number[] = [];
    const pending = [...from];
    for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
      if (seen.has(place)) continue;
      seen.add(place);
      const instruction = instructions[place];
      switch (instruction.op) {
        case "split":
          pending.push(instruction.next, instruction.other);
          break;
        case "save":
          pending.push(instruction.next);
          break;
        case "assert":
          if (holds(instruction.assertion)) pending.push(instruction.next);
          else found.push(place);
          break;
        default:
          found.push(place);
      }
    }
    return found.sort((a, b) => a - b);
  }
}

/** Whether the automaton can run a program. */
export function isAutomatic({ instructions }: Program): boolean {
  return instructions.every(
    (instruction) =>
      instruction.op !== "assert" ||
      instruction.assertion === "begin-text" ||
      instruction.assertion === "end-text",
  );
}
