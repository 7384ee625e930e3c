/** Chunks from a source that pushes, for a reader that iterates. The source is paused while much is waiting. */

/** Bytes that wait before the source is paused. */
export const HIGH_WATER_BYTES = 256 * 1024;

export interface Pausable {
  pause(): void;
  resume(): void;
}

export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #source: Pausable;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #hasEnded = false;
  #isPaused = false;
  #wake: (() => void) | undefined;

  constructor(source: Pausable) {
    this.#source = source;
  }

  push(chunk: Uint8Array): void {
    if (this.#hasEnded || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > HIGH_WATER_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#source.pause();
    }
    this.#wake?.();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        if (this.#isPaused && this.#bytes <= HIGH_WATER_BYTES / 2) {
          this.#isPaused = false;
          this.#source.resume();
        }
        yield chunk;
      } else if (this.#hasEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
