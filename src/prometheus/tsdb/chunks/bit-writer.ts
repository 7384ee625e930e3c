/** Bits of histogram chunks (`tsdb/chunkenc/bstream.go`, `varbit.go`), most significant first. */

const TWO_32 = 2 ** 32;
/** Payload bits of a varbit by the number of ones before it; the last is 64 with eight ones and no zero after them. */
export const VARBIT_BITS = [0, 3, 6, 9, 12, 18, 25, 56, 64];

/** The last bits' window of a value that is written as an xor with the one before. */
export interface XorWindow {
  low: number;
  high: number;
  /** -1 before the first xor that is not 0. */
  leading: number;
  trailing: number;
}

export class BitWriter {
  #bytes = new Uint8Array(256);
  #bits = 0;

  get byteLength(): number {
    return (this.#bits + 7) >>> 3;
  }

  /** A copy of what was written, the last byte filled up with zeros. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.byteLength);
  }

  /** The low `count` bits of `value`, 1 to 32. */
  bits(value: number, count: number): void {
    if (this.byteLength + 8 > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (let left = count; left > 0; ) {
      const room = 8 - (this.#bits & 7);
      const take = Math.min(room, left);
      const part = (value >>> (left - take)) & ((1 << take) - 1);
      this.#bytes[this.#bits >>> 3] |= part << (room - take);
      this.#bits += take;
      left -= take;
    }
  }

  word64(low: number, high: number): void {
    this.bits(high, 32);
    this.bits(low, 32);
  }

  float64(value: number): void {
    scratch[0] = value;
    this.word64(halves[0], halves[1]);
  }

  varbitInt(value: number): void {
    for (let ones = 0; ones < 8; ones++) {
      const limit = 2 ** (VARBIT_BITS[ones] - 1);
      if (ones === 0 ? value === 0 : value > -limit && value <= limit) {
        this.#varbit(value, ones);
        return;
      }
    }
    this.#varbit(value, 8);
  }

  varbitUint(value: number): void {
    for (let ones = 0; ones < 8; ones++) {
      if (value < 2 ** VARBIT_BITS[ones]) {
        this.#varbit(value, ones);
        return;
      }
    }
    this.#varbit(value, 8);
  }

  #varbit(value: number, ones: number): void {
    this.bits(ones === 8 ? 0xff : 2 ** (ones + 1) - 2, ones === 8 ? 8 : ones + 1);
    const count = VARBIT_BITS[ones];
    if (count > 32) this.bits(Math.floor(value / TWO_32), count - 32);
    if (count > 0) this.bits((value % TWO_32) | 0, Math.min(count, 32));
  }

  /** `xorWrite`: a float64 as its difference from the one before in `window`, which is changed to it. */
  xor(window: XorWindow, low: number, high: number): void {
    const xorLow = low ^ window.low;
    const xorHigh = high ^ window.high;
    window.low = low;
    window.high = high;
    if ((xorLow | xorHigh) === 0) {
      this.bits(0, 1);
      return;
    }
    const leading = Math.min(31, Math.clz32(xorHigh));
    const trailing = xorLow !== 0 ? trailingZeros(xorLow) : 32 + trailingZeros(xorHigh);
    if (window.leading >= 0 && leading >= window.leading && trailing >= window.trailing) {
      this.bits(2, 2);
    } else {
      window.leading = leading;
      window.trailing = trailing;
      this.bits(0x1800 | (leading << 6) | ((64 - leading - trailing) & 0x3f), 13);
    }
    this.#window(xorLow, xorHigh, window.leading, window.trailing);
  }

  /** What lies between the leading and the trailing zeros. */
  #window(low: number, high: number, leading: number, trailing: number): void {
    if (trailing >= 32) {
      this.bits(high >>> (trailing - 32), 64 - leading - trailing);
      return;
    }
    this.bits(high, 32 - leading);
    this.bits(low >>> trailing, 32 - trailing);
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

const scratch = new Float64Array(1);
const halves = new Int32Array(scratch.buffer);
