/** Reads what `BitWriter` writes. */

import { CorruptionError } from "../bytes/byte-reader.ts";
import { VARBIT_BITS, type XorWindow } from "./bit-writer.ts";

const TWO_32 = 2 ** 32;

export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #bit: number;

  constructor(bytes: Uint8Array, startByte: number) {
    this.#bytes = bytes;
    this.#bit = startByte * 8;
    this.#end = bytes.length * 8;
  }

  get remainingBits(): number {
    return this.#end - this.#bit;
  }

  /** The next `count` bits, up to 32, unsigned. @throws CorruptionError when they are not there */
  bits(count: number): number {
    if (this.#bit + count > this.#end) throw new CorruptionError("chunk ends within a sample");
    let value = 0;
    for (let left = count; left > 0; ) {
      const room = 8 - (this.#bit & 7);
      const take = Math.min(room, left);
      const part = (this.#bytes[this.#bit >>> 3] >>> (room - take)) & ((1 << take) - 1);
      value = value * 2 ** take + part;
      this.#bit += take;
      left -= take;
    }
    return value;
  }

  float64(): number {
    halves[1] = this.bits(32);
    halves[0] = this.bits(32);
    return scratch[0];
  }

  varbitInt(): number {
    const ones = this.#ones();
    const count = VARBIT_BITS[ones];
    if (count === 64) return (this.bits(32) | 0) * TWO_32 + this.bits(32);
    if (count > 32) {
      // In halves, since a negative number of 56 bits is not exact before its sign is taken off.
      const high = this.bits(count - 32);
      const low = this.bits(32);
      const limit = 2 ** (count - 33);
      const isNegative = high > limit || (high === limit && low > 0);
      return (isNegative ? high - 2 * limit : high) * TWO_32 + low;
    }
    const raw = this.bits(count);
    return count > 0 && raw > 2 ** (count - 1) ? raw - 2 ** count : raw;
  }

  varbitUint(): number {
    return this.#wide(VARBIT_BITS[this.#ones()]);
  }

  /** Go's `binary.ReadUvarint`, eight bits at a time wherever they begin. */
  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.bits(8);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new CorruptionError("varint overflows a 64-bit integer");
  }

  varint(): number {
    const zigzag = this.uvarint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** A whole number in two's complement of 1 to 64 bits. */
  signed(count: number): number {
    if (count > 32) {
      const high = this.bits(count - 32);
      const limit = 2 ** (count - 33);
      return (high >= limit ? high - 2 * limit : high) * TWO_32 + this.bits(32);
    }
    const raw = this.bits(count);
    return raw >= 2 ** (count - 1) ? raw - 2 ** count : raw;
  }

  /** The bits within `window` on top of its value. */
  xorInWindow(window: XorWindow): void {
    this.#applyWindow(window);
  }

  /** A new window, then the bits in it. */
  xorInNewWindow(window: XorWindow): void {
    window.leading = this.bits(5);
    window.trailing = 64 - window.leading - (this.bits(6) || 64);
    if (window.trailing < 0) throw new CorruptionError("invalid number of significant bits");
    this.#applyWindow(window);
  }

  /** `xorRead`: the value after the one in `window`, which is changed to it. */
  xor(window: XorWindow): number {
    if (this.bits(1) === 1) {
      if (this.bits(1) === 1) this.xorInNewWindow(window);
      else this.#applyWindow(window);
    }
    halves[0] = window.low;
    halves[1] = window.high;
    return scratch[0];
  }

  #applyWindow(window: XorWindow): void {
    const leading = Math.max(0, window.leading);
    const { trailing } = window;
    if (trailing >= 32) {
      window.high ^= shifted(this.bits(64 - leading - trailing), trailing - 32);
      return;
    }
    window.high ^= this.bits(32 - leading);
    window.low ^= shifted(this.bits(32 - trailing), trailing);
  }

  #ones(): number {
    let ones = 0;
    while (ones < 8 && this.bits(1) === 1) ones++;
    return ones;
  }

  #wide(count: number): number {
    return count > 32 ? this.bits(count - 32) * TWO_32 + this.bits(32) : this.bits(count);
  }
}

function shifted(value: number, by: number): number {
  return by === 0 ? value | 0 : value << by;
}

const scratch = new Float64Array(1);
const halves = new Int32Array(scratch.buffer);
