/** Repeated scalars, and the zigzag integers that they often are. */
import type { ProtobufReader } from "./reader.ts";

/** A zigzag varint as a number: exact up to 2^52. */
export function readSint64(reader: ProtobufReader): number {
  const value = reader.uint64Number();
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Calls `read` for each value of a repeated scalar, packed or not. */
export function readRepeated(reader: ProtobufReader, tag: number, end: number, read: () => void): void {
  if ((tag & 7) !== 2) {
    read();
    return;
  }
  const stop = reader.delimited(end);
  while (reader.position < stop) read();
  reader.finish(stop);
}
