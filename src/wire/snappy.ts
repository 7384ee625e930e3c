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
/** So much is moved at once where there is room: as much as a copy has at most. */
const MOVE_BYTES = 64;
/** Longer literals are not moved in words. */
const MAX_WORD_LITERAL = 14;

/** Decompresses block after block into the same memory. */
export class SnappyDecompressor {
  readonly #keepBytes: number;
  #memory = new Uint8Array(0);

  /** @param keepBytes memory that is kept for the next block is not larger */
  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /**
   * As `snappyDecompress`.
   *
   * @returns bytes that are valid until the next call
   */
  decompress(input: Uint8Array, limitBytes: number): Uint8Array {
    const header = readHeader(input, limitBytes);
    const needed = neededBytes(header.length, input.length);
    if (needed > this.#keepBytes) return expand(input, header, new Uint8Array(needed));
    if (needed > this.#memory.length) this.#memory = new Uint8Array(Math.min(2 * needed, this.#keepBytes));
    return expand(input, header, this.#memory);
  }
}

/**
 * Decompresses a block.
 *
 * @param limitBytes the largest allowed output; the length is checked before anything is allocated
 * @throws SnappyError
 */
export function snappyDecompress(input: Uint8Array, limitBytes: number): Uint8Array {
  const header = readHeader(input, limitBytes);
  return expand(input, header, new Uint8Array(neededBytes(header.length, input.length)));
}

/** The uncompressed length that a block says it has, and where its elements start. */
interface BlockHeader {
  length: number;
  position: number;
}

function readHeader(input: Uint8Array, limitBytes: number): BlockHeader {
  let length = 0;
  for (let i = 0; i < 5 && i < input.length; i++) {
    length += (input[i] & 0x7f) * 2 ** (7 * i);
    if (input[i] < 0x80) {
      if (length > 0xffffffff) break;
      if (length > limitBytes)
        throw new SnappyError(`snappy: decoded block of ${length} bytes is larger than ${limitBytes} bytes`);
      return { length, position: i + 1 };
    }
  }
  throw new SnappyError("snappy: corrupt input");
}

/** The output, behind it the input, each with room for a whole move. */
function neededBytes(length: number, inputLength: number): number {
  return length + inputLength + 2 * MOVE_BYTES;
}

/**
 * What an element is, by its first byte: bits 0 to 6 its size, 8 to 10 the high bits of a copy's offset, 11 to 14 how
 * many bytes the element takes, 15 to 30 which bits of what follows are the offset's, 31 set in literals. 0 for what is
 * rare: long literals, and offsets of four bytes.
 */
const ELEMENTS = Int32Array.from({ length: 256 }, (_, tag) => {
  const size = (tag >>> 2) + 1;
  switch (tag & 3) {
    case 0:
      return size > MAX_WORD_LITERAL ? 0 : (1 << 31) | ((size + 1) << 11) | size;
    case 1:
      return (0xff << 15) | (2 << 11) | ((tag >>> 5) << 8) | (((tag >>> 2) & 7) + 4);
    case 2:
      return (0xffff << 15) | (3 << 11) | size;
    default:
      return 0;
  }
});

/**
 * Expands the elements of a block into the beginning of `memory`. Which kind of element comes next can't be foreseen, so
 * that branches by kind cost more than the elements themselves: literals and copies are both moved from a place in the
 * same memory, where the input is put behind the output, and arithmetic says which place.
 *
 * @param memory at least `neededBytes`
 */
function expand(input: Uint8Array, { length, position }: BlockHeader, memory: Uint8Array): Uint8Array {
  const inputStart = length + MOVE_BYTES;
  memory.set(input, inputStart);
  const rest = new ElementReader(memory, inputStart + input.length, length);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  // What is moved beyond the end of an element is overwritten by the next one: not beyond the end of the output.
  const lastFrom = inputStart + input.length - MAX_WORD_LITERAL - 2;
  const lastTo = length - MOVE_BYTES;
  let from = inputStart + position;
  let to = 0;
  while (from < lastFrom && to <= lastTo) {
    const element = ELEMENTS[memory[from]];
    const literal = element >> 31;
    const offset = (element & 0x700) + (view.getInt32(from + 1, true) & (element >> 15) & 0xffff);
    const source = ((from + 1) & literal) | ((to - offset) & ~literal);
    // Closer than a word, a copy repeats what it has just written: only a loop over bytes does that. A literal's source
    // is behind the output.
    if ((to - source) >>> 0 < 8 || source < 0) {
      to = rest.expandOne(from, to);
      from = rest.position;
      continue;
    }
    // Eight bytes at a time. Compiled code moves them as they are, without making BigInts of them.
    view.setBigInt64(to, view.getBigInt64(source, true), true);
    view.setBigInt64(to + 8, view.getBigInt64(source + 8, true), true);
    view.setBigInt64(to + 16, view.getBigInt64(source + 16, true), true);
    view.setBigInt64(to + 24, view.getBigInt64(source + 24, true), true);
    const size = element & 0x7f;
    if (size > 32) {
      view.setBigInt64(to + 32, view.getBigInt64(source + 32, true), true);
      view.setBigInt64(to + 40, view.getBigInt64(source + 40, true), true);
      view.setBigInt64(to + 48, view.getBigInt64(source + 48, true), true);
      view.setBigInt64(to + 56, view.getBigInt64(source + 56, true), true);
    }
    from += (element >> 11) & 0xf;
    to += size;
  }
  while (from < inputStart + input.length) {
    to = rest.expandOne(from, to);
    from = rest.position;
  }
  if (to !== length) throw new SnappyError("snappy: corrupt input");
  return memory.subarray(0, length);
}

/** Expands elements of any kind, one at a time, and checks all that there is to check. */
class ElementReader {
  readonly #memory: Uint8Array;
  readonly #inputEnd: number;
  readonly #length: number;
  /** Behind the last element. */
  position = 0;

  constructor(memory: Uint8Array, inputEnd: number, length: number) {
    this.#memory = memory;
    this.#inputEnd = inputEnd;
    this.#length = length;
  }

  /** @returns where the output goes on. @throws SnappyError */
  expandOne(from: number, to: number): number {
    const tag = this.#memory[from];
    const kind = tag & 3;
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    if (kind === 0) return this.#literal(from + 1, to, size);
    const low = this.#number(from + 1, kind === 3 ? 4 : kind);
    return this.#copy(to, kind === 1 ? ((tag >>> 5) << 8) | low : low, size);
  }

  #literal(from: number, to: number, shortSize: number): number {
    this.position = from;
    const size = shortSize > 60 ? this.#number(from, shortSize - 60) + 1 : shortSize;
    const start = this.position;
    if (size > this.#inputEnd - start || size > this.#length - to)
      throw new SnappyError("snappy: corrupt input");
    this.#memory.copyWithin(to, start, start + size);
    this.position = start + size;
    return to + size;
  }

  #copy(to: number, offset: number, size: number): number {
    if (offset === 0 || offset > to || size > this.#length - to)
      throw new SnappyError("snappy: corrupt input");
    const memory = this.#memory;
    for (let i = to; i < to + size; i++) memory[i] = memory[i - offset];
    return to + size;
  }

  #number(from: number, bytes: number): number {
    if (from + bytes > this.#inputEnd) throw new SnappyError("snappy: corrupt input");
    let number = 0;
    for (let i = 0; i < bytes; i++) number += this.#memory[from + i] * 2 ** (8 * i);
    this.position = from + bytes;
    return number;
  }
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
