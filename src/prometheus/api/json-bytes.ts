/** JSON text in the making, as bytes: a large answer as one string would be copied several times on its way out. */

const FIRST_CAPACITY = 64 * 1024;
/** Memory of up to so many bytes is kept for the next text: new memory has to be cleared first. */
export const MAX_SPARE_BYTES = 8 * 1024 * 1024;
const ZERO = 48;
/** What `digits` takes: what fits into the numbers that processors divide quickly. */
export const MAX_DIGITS_VALUE = 2 ** 31 - 1;
const MAX_DIGITS = 10;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

let spare: Uint8Array<ArrayBuffer> | undefined;

export class JsonBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #isFinished = false;

  /** What is kept for the next text. */
  static get spareBytes(): number {
    return spare?.length ?? 0;
  }

  constructor() {
    this.#bytes = spare ?? new Uint8Array(FIRST_CAPACITY);
    spare = undefined;
  }

  /** A short text of which every character is ASCII. */
  ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  /** Few bytes: copied one by one, a call takes longer. */
  short(source: Uint8Array): void {
    const { length } = source;
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < length; i++) bytes[at++] = source[i];
    this.#length = at;
  }

  /** A whole number from 0 to `MAX_DIGITS_VALUE`. */
  digits(value: number): void {
    this.#reserve(MAX_DIGITS);
    const bytes = this.#bytes;
    let count = 1;
    for (let power = 10; power <= value; power *= 10) count++;
    let rest = value | 0;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const tens = (rest / 10) | 0;
      bytes[at] = ZERO + rest - 10 * tens;
      rest = tens;
    }
    this.#length += count;
  }

  /** The part of `source` from `start` up to but not including `end`. */
  slice(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The whole text. Nothing can be added any more. */
  finish(): Uint8Array<ArrayBuffer> {
    const written = this.#bytes.subarray(0, this.#length);
    this.#isFinished = true;
    return written;
  }

  /** Gives the memory back for the next text. To be called when nobody reads what `finish` answered any more. */
  release(): void {
    if (!this.#isFinished) return;
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    if (bytes.length <= MAX_SPARE_BYTES && bytes.length > JsonBytes.spareBytes) spare = bytes;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
