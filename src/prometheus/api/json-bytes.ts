/** JSON text in the making, as bytes: a large answer as one string would be copied several times on its way out. */

const FIRST_CAPACITY = 64 * 1024;
/** Memory of up to so many bytes is kept for the next text: new memory has to be cleared first. */
export const MAX_SPARE_BYTES = 8 * 1024 * 1024;
const encoder = new TextEncoder();

let spare: Uint8Array<ArrayBuffer> | undefined;

export class JsonBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

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

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The whole text. Nothing can be added any more. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    const written = bytes.slice(0, this.#length);
    if (bytes.length <= MAX_SPARE_BYTES && bytes.length > (spare?.length ?? 0)) spare = bytes;
    this.#bytes = written;
    return written;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
