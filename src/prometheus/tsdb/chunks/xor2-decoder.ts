/**
 * Reads float chunks of the newer encoding (`tsdb/chunkenc/xor2.go`, encoding 4), which Prometheus writes behind a
 * feature flag:
 *
 * ```
 * samples <u16> | start times <1b> | t0 <varint> v0 <64 bits> | t1-t0 <uvarint> value | …
 *
 * control  0      same delta, same value               value  0    same
 *          10     same delta, then value'                     10   bits within the last window
 *          110    13 bits of second difference, value         110  new window and bits
 *          1110   20 bits, value                              111  stale marker
 *          11110  64 bits, value                       value' 0    bits within the last window
 *          11111  same delta, stale marker                    1    new window and bits
 * ```
 */

import { STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import { BitReader } from "./bit-reader.ts";
import type { XorWindow } from "./bit-writer.ts";
import type { SampleColumns } from "./sample-columns.ts";
import { StartTimes } from "./start-times.ts";

const HEADER_BYTES = 3;
/** Bits of the second difference by the number of ones in the control. */
const DIFFERENCE_BITS = [0, 0, 13, 20, 64];

/** Appends the samples from `minMs` to `maxMs`. @throws CorruptionError */
export function decodeXor2(chunk: Uint8Array, minMs: number, maxMs: number, out: SampleColumns): void {
  if (chunk.length < HEADER_BYTES) throw new CorruptionError("chunk too short");
  const samples = (chunk[0] << 8) | chunk[1];
  const reader = new BitReader(chunk, HEADER_BYTES);
  const startTimes = new StartTimes(chunk[2]);
  // The last value that was no stale marker, which later ones are relative to.
  const value: XorWindow = { low: 0, high: 0, leading: 0, trailing: 0 };
  let time = 0;
  let delta = 0;
  for (let i = 0; i < samples; i++) {
    let isStale = false;
    if (i === 0) {
      time = reader.varint();
      const high = reader.bits(32) | 0;
      const low = reader.bits(32) | 0;
      isStale = low === STALE_LOW && high === STALE_HIGH;
      if (!isStale) Object.assign(value, { low, high });
    } else if (i === 1) {
      delta = reader.uvarint();
      time += delta;
      isStale = readValue(reader, value);
    } else {
      const control = ones(reader, 5);
      if (control >= 2 && control <= 4) delta += reader.signed(DIFFERENCE_BITS[control]);
      time += delta;
      if (control === 1) readChangedValue(reader, value);
      else if (control >= 2 && control <= 4) isStale = readValue(reader, value);
      else isStale = control === 5;
    }
    startTimes.skip(reader, i);
    if (time > maxMs) return;
    if (time >= minMs) out.push(time, isStale ? STALE_LOW : value.low, isStale ? STALE_HIGH : value.high);
  }
}

/** @returns whether it is the stale marker, which leaves `value` as it is */
function readValue(reader: BitReader, value: XorWindow): boolean {
  const control = ones(reader, 3);
  if (control === 1) reader.xorInWindow(value);
  else if (control === 2) reader.xorInNewWindow(value);
  return control === 3;
}

function readChangedValue(reader: BitReader, value: XorWindow): void {
  if (reader.bits(1) === 0) reader.xorInWindow(value);
  else reader.xorInNewWindow(value);
}

/** The number of ones before a zero, which is read too unless there are `limit` of them. */
function ones(reader: BitReader, limit: number): number {
  let count = 0;
  while (count < limit && reader.bits(1) === 1) count++;
  return count;
}
