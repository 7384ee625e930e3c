/** Start times of samples within chunks (`tsdb/chunkenc/st.go`). We read over them. */
import type { BitReader } from "./bit-reader.ts";

export class StartTimes {
  readonly #isFirstKnown: boolean;
  /** The sample from which on start times are written, or 0. */
  readonly #changeOn: number;

  /** @param header the chunk's byte about them */
  constructor(header: number) {
    this.#isFirstKnown = (header & 0x80) !== 0;
    this.#changeOn = header & 0x7f;
  }

  /** Reads over what follows the sample at `index`. */
  skip(reader: BitReader, index: number): void {
    if (index === 0) {
      if (this.#isFirstKnown) reader.varint();
    } else if (this.#changeOn > 0 && index >= this.#changeOn) {
      reader.varbitInt();
    }
  }
}
