/**
 * Snappy's block format (google/snappy `format_description.txt`): what remote write puts around its protobuf.
 *
 * A block is the uncompressed length as a varint, then elements: a literal, or a copy of earlier output.
 */

/** The input is not a snappy block, or larger than allowed. */
export class SnappyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SnappyError";
  }
}

/** Input is compressed in pieces of this size; copies do not reach across. */
const FRAGMENT_BYTES = 1 << 16;
const HASH_BITS = 14;
/** Below this length, a loop is cheaper than a call into the runtime. */
const SHORT_COPY = 64;

/**
 * Decompresses a block.
 *
 * @param limitBytes the largest allowed output; the length is checked before anything is allocated
 * @param reuse is written to when it is large enough; the result is then a part of it
 * @throws SnappyError
 */
export function snappyDecompress(input: Uint8Array, limitBytes: number, reuse?: Uint8Array): Uint8Array {
  const { length, position } = readLength(input);
  if (length > limitBytes) {
    throw new SnappyError(`snappy: decoded block of ${length} bytes is larger than ${limitBytes} bytes`);
  }
  const output = reuse !== undefined && reuse.length >= length ? reuse : new Uint8Array(length);
  const written = expand(input, position, output, length);
  if (written !== length) throw new SnappyError("snappy: corrupt input");
  return output.subarray(0, length);
}

/** The uncompressed length that a block says it has, and where its elements start. */
function readLength(input: Uint8Array): { length: number; position: number } {
  let length = 0;
  for (let i = 0; i < 5 && i < input.length; i++) {
    length += (input[i] & 0x7f) * 2 ** (7 * i);
    if (input[i] < 0x80) {
      if (length > 0xffffffff) break;
      return { length, position: i + 1 };
    }
  }
  throw new SnappyError("snappy: corrupt input");
}

function expand(input: Uint8Array, start: number, output: Uint8Array, length: number): number {
  const inputEnd = input.length;
  // Eight bytes at a time. Compiled code moves them as they are, without making BigInts of them.
  const source8 = new DataView(input.buffer, input.byteOffset, inputEnd);
  const output8 = new DataView(output.buffer, output.byteOffset, output.length);
  // Words may be written past the end of a piece, where the next one overwrites them: not past the end of the buffers.
  const lastWordIn = inputEnd - 8;
  const lastWordOut = output.length - 8;
  const lastPairOut = output.length - 16;
  let from = start;
  let to = 0;
  while (from < inputEnd) {
    const tag = input[from++];
    let size: number;
    let offset: number;
    if ((tag & 3) === 0) {
      size = (tag >>> 2) + 1;
      if (size > 60) {
        const extra = size - 60;
        if (from + extra > inputEnd) return -1;
        size = 1;
        for (let i = 0; i < extra; i++) size += input[from + i] * 2 ** (8 * i);
        from += extra;
      }
      if (size > inputEnd - from || size > length - to) return -1;
      if (size > SHORT_COPY) output.set(input.subarray(from, from + size), to);
      else if (from + size <= lastWordIn && to + size <= lastWordOut) {
        // Most have one word at most.
        output8.setBigInt64(to, source8.getBigInt64(from, true), true);
        for (let i = 8; i < size; i += 8)
          output8.setBigInt64(to + i, source8.getBigInt64(from + i, true), true);
      } else for (let i = 0; i < size; i++) output[to + i] = input[from + i];
      from += size;
      to += size;
      continue;
    }
    if ((tag & 3) === 1) {
      if (from >= inputEnd) return -1;
      size = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | input[from++];
    } else if ((tag & 3) === 2) {
      if (from + 2 > inputEnd) return -1;
      size = (tag >>> 2) + 1;
      offset = input[from] | (input[from + 1] << 8);
      from += 2;
    } else {
      if (from + 4 > inputEnd) return -1;
      size = (tag >>> 2) + 1;
      offset = source8.getUint32(from, true);
      from += 4;
    }
    if (offset === 0 || offset > to || size > length - to) return -1;
    const source = to - offset;
    // Closer than a word, the copy repeats what it has just written: only a loop over bytes does that.
    if (offset >= 8 && to + size <= lastPairOut) {
      for (let i = 0; i < size; i += 16) {
        output8.setBigInt64(to + i, output8.getBigInt64(source + i, true), true);
        output8.setBigInt64(to + i + 8, output8.getBigInt64(source + i + 8, true), true);
      }
    } else for (let i = 0; i < size; i++) output[to + i] = output[source + i];
    to += size;
  }
  return to;
}

const table = new Uint16Array(1 << HASH_BITS);

/** Compresses `input` into one block. */
export function snappyCompress(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(8 + input.length + Math.ceil(input.length / 6));
  let to = 0;
  let rest = input.length;
  while (rest > 0x7f) {
    output[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  output[to++] = rest;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let start = 0; start < input.length; start += FRAGMENT_BYTES) {
    to = compressFragment(input, view, start, Math.min(start + FRAGMENT_BYTES, input.length), output, to);
  }
  return output.slice(0, to);
}

/** Greedy matching by a hash of four bytes; steps get longer the longer nothing matches. */
function compressFragment(
  input: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
): number {
  let to = outputStart;
  let literalStart = start;
  const lastStart = end - 15;
  if (end - start >= 16) {
    table.fill(0);
    let at = start + 1;
    let misses = 32;
    while (at < lastStart) {
      const word = view.getUint32(at, true);
      const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
      const candidate = start + table[slot];
      table[slot] = at - start;
      if (candidate >= at || view.getUint32(candidate, true) !== word) {
        at += misses++ >>> 5;
        continue;
      }
      to = emitLiteral(input, literalStart, at, output, to);
      const offset = at - candidate;
      let length = 4;
      while (at + length < end && input[candidate + length] === input[at + length]) length++;
      to = emitCopy(output, to, offset, length);
      at += length;
      literalStart = at;
      misses = 32;
      if (at < lastStart) table[Math.imul(view.getUint32(at - 1, true), 0x1e35a7bd) >>> 18] = at - 1 - start;
    }
  }
  return emitLiteral(input, literalStart, end, output, to);
}

function emitLiteral(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputAt: number,
): number {
  if (start === end) return outputAt;
  let to = outputAt;
  const last = end - start - 1;
  if (last < 60) output[to++] = last << 2;
  else if (last < 256) {
    output[to++] = 60 << 2;
    output[to++] = last;
  } else {
    output[to++] = 61 << 2;
    output[to++] = last & 0xff;
    output[to++] = last >>> 8;
  }
  output.set(input.subarray(start, end), to);
  return to + end - start;
}

function emitCopy(output: Uint8Array, outputAt: number, offset: number, length: number): number {
  let to = outputAt;
  let rest = length;
  while (rest > 0) {
    // A rest of 1 to 3 bytes could not use the short form, so it is avoided.
    const size = rest >= 68 ? 64 : rest > 64 ? 60 : rest;
    if (size >= 4 && size < 12 && offset < 2048) {
      output[to++] = 1 | ((size - 4) << 2) | ((offset >>> 8) << 5);
      output[to++] = offset & 0xff;
    } else {
      output[to++] = 2 | ((size - 1) << 2);
      output[to++] = offset & 0xff;
      output[to++] = offset >>> 8;
    }
    rest -= size;
  }
  return to;
}
