/**
 * gRPC messages in an HTTP/2 body:
 *
 * ```
 * ┌────────────────┬────────────────────────┬─────────┐
 * │ compressed (1) │ length, big endian (4) │ message │  …
 * └────────────────┴────────────────────────┴─────────┘
 * ```
 */
import { gunzipSync } from "node:zlib";
import type { HttpBody } from "../../base/network.ts";
import { GrpcCode, GrpcError } from "./status.ts";

const PREFIX_BYTES = 5;
/** What a message may measure where nobody set another limit, as in gRPC's own libraries: 4 MiB. */
export const DEFAULT_MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024;

/** One message with its prefix. */
export function frameMessage(message: Uint8Array, compressed = false): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + message.length);
  frame[0] = compressed ? 1 : 0;
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/**
 * The messages of a body, decompressed, as they arrive.
 *
 * @param encoding what `grpc-encoding` says, "identity" when it is absent
 * @throws GrpcError for a message above the limit, an unknown encoding, or a body that ends within a message
 */
export async function* readMessages(
  body: HttpBody,
  encoding = "identity",
  limitBytes = DEFAULT_MESSAGE_LIMIT_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = new ChunkQueue();
  for await (const chunk of body) {
    chunks.push(chunk);
    for (;;) {
      const prefix = chunks.peek(PREFIX_BYTES);
      if (prefix === undefined) break;
      const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(1);
      if (length > limitBytes) throw tooLarge(length, limitBytes);
      if (chunks.length < PREFIX_BYTES + length) break;
      chunks.take(PREFIX_BYTES);
      const message = chunks.take(length);
      yield prefix[0] === 0 ? message : decompress(message, encoding, limitBytes);
    }
  }
  if (chunks.length > 0) throw new GrpcError(GrpcCode.INTERNAL, "unexpected EOF");
}

function decompress(message: Uint8Array, encoding: string, limitBytes: number): Uint8Array {
  if (encoding !== "gzip") {
    throw new GrpcError(
      GrpcCode.UNIMPLEMENTED,
      `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`,
    );
  }
  try {
    return gunzipSync(message, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new GrpcError(
        GrpcCode.RESOURCE_EXHAUSTED,
        `grpc: received message after decompression larger than max ${limitBytes}`,
      );
    }
    throw new GrpcError(GrpcCode.INTERNAL, `grpc: failed to decompress the received message: ${error}`);
  }
}

function tooLarge(length: number, limitBytes: number): GrpcError {
  return new GrpcError(
    GrpcCode.RESOURCE_EXHAUSTED,
    `grpc: received message larger than max (${length} vs. ${limitBytes})`,
  );
}

/** Bytes in the pieces that they came in; joined only where a reader asks for more than one piece holds. */
class ChunkQueue {
  #chunks: Uint8Array[] = [];
  length = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  /** The next `count` bytes without taking them, or undefined when there are fewer. */
  peek(count: number): Uint8Array | undefined {
    if (this.length < count) return undefined;
    this.#gather(count);
    return this.#chunks.length === 0 ? new Uint8Array() : this.#chunks[0].subarray(0, count);
  }

  take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array();
    this.#gather(count);
    const [first] = this.#chunks;
    this.length -= count;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    return first.subarray(0, count);
  }

  /** Makes the first piece hold `count` bytes. */
  #gather(count: number): void {
    if (count === 0 || this.#chunks[0].length >= count) return;
    let pieces = 0;
    let length = 0;
    while (length < count) length += this.#chunks[pieces++].length;
    this.#chunks.splice(0, pieces, Buffer.concat(this.#chunks.slice(0, pieces)));
  }
}
