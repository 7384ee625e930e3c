/**
 * The stream of messages in which chunks are read remotely (`storage/remote/chunked.go`):
 *
 * ```
 * | length, uvarint | CRC-32C of the data, big-endian | data |  …
 * ```
 */
import { crc32c } from "../tsdb/bytes/crc32c.ts";

/** A message may measure so much (upstream's `DefaultChunkedReadLimit`). */
export const MAX_FRAME_BYTES = 50_000_000;

export class ChunkedStreamError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ChunkedStreamError";
  }
}

export function encodeFrame(data: Uint8Array): Uint8Array {
  const head: number[] = [];
  let length = data.length;
  for (; length >= 0x80; length = Math.floor(length / 128)) head.push((length % 128) | 0x80);
  head.push(length);
  const frame = new Uint8Array(head.length + 4 + data.length);
  frame.set(head);
  new DataView(frame.buffer).setUint32(head.length, crc32c(data));
  frame.set(data, head.length + 4);
  return frame;
}

/** The data of each frame, as views of `bytes`. @throws ChunkedStreamError */
export function* decodeFrames(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new ChunkedStreamError("unexpected EOF");
      const byte = bytes[at++];
      length += (byte & 0x7f) * scale;
      if (length > MAX_FRAME_BYTES)
        throw new ChunkedStreamError(
          `chunkedReader: message size exceeded the limit ${MAX_FRAME_BYTES} bytes; got: ${length} bytes`,
        );
      if (byte < 0x80) break;
      if (scale > 2 ** 50) throw new ChunkedStreamError("chunkedReader: invalid message length");
    }
    if (at + 4 + length > bytes.length) throw new ChunkedStreamError("unexpected EOF");
    const data = bytes.subarray(at + 4, at + 4 + length);
    if (view.getUint32(at) !== crc32c(data))
      throw new ChunkedStreamError("chunkedReader: corrupted frame; checksum mismatch");
    yield data;
    at += 4 + length;
  }
}
