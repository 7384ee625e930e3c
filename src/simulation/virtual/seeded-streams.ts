/**
 * Chance by name: what one part of a world draws does not change what another one gets. So a world with a part more, or
 * one that is dead, is the same everywhere else.
 */
import { type Random, seededRandom } from "../../base/random.ts";

export class SeededStreams {
  readonly #seed: number;
  readonly #streams = new Map<string, Random>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(name: string): Random {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = seededRandom(this.#seed ^ hash(name));
      this.#streams.set(name, stream);
    }
    return stream;
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}
