/** Reads ASN.1 values in DER (X.690): one level at a time, so that depth costs nothing. */

/** What can't be read is told as Go's `encoding/asn1` tells it. */
export class DerError extends Error {
  constructor(problem: string) {
    super(`asn1: ${problem}`);
    this.name = "DerError";
  }
}

export interface DerElement {
  tag: number;
  content: Uint8Array;
  /** Tag, length and content. */
  raw: Uint8Array;
}

/** A length takes so many bytes at most: no value that is read here is longer. */
const MAX_LENGTH_BYTES = 4;

/**
 * The one value that `bytes` are.
 *
 * @throws DerError
 */
export function readDer(bytes: Uint8Array, tag?: number): DerElement {
  const element = elementAt(bytes, 0);
  if (element.raw.length < bytes.length) throw new DerError("syntax error: trailing data");
  return tag === undefined ? element : tagged(element, tag);
}

/**
 * The values that follow each other in a sequence or a set.
 *
 * @throws DerError
 */
export function derElements(content: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < content.length; at += elements.at(-1)!.raw.length)
    elements.push(elementAt(content, at));
  return elements;
}

/** @throws DerError when the element is missing or of another kind */
export function tagged(element: DerElement | undefined, tag: number): DerElement {
  if (element === undefined) throw new DerError("syntax error: sequence truncated");
  if (element.tag !== tag) throw new DerError("structure error: tags don't match");
  return element;
}

/** The dotted form of an object identifier's content. */
export function readOid({ content }: DerElement): string {
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    part = part * 128 + (byte & 0x7f);
    if (part > 0x7fff_ffff) throw new DerError("structure error: base 128 integer too large");
    if (byte >= 0x80) continue;
    parts.push(part);
    part = 0;
  }
  if (content.length === 0 || content.at(-1)! >= 0x80)
    throw new DerError("syntax error: truncated base 128 integer");
  const [head, ...rest] = parts;
  const first = Math.min(2, Math.floor(head / 40));
  return [first, head - first * 40, ...rest].join(".");
}

/** The content of a bit string whose bits all count. */
export function readBits({ content }: DerElement): Uint8Array {
  if (content.length === 0) throw new DerError("syntax error: zero length BIT STRING");
  if (content[0] !== 0) throw new DerError("syntax error: invalid padding bits in BIT STRING");
  return content.subarray(1);
}

function elementAt(bytes: Uint8Array, start: number): DerElement {
  if (bytes.length - start < 2) throw new DerError("syntax error: data truncated");
  const tag = bytes[start];
  if ((tag & 0x1f) === 0x1f) throw new DerError("structure error: tags don't match");
  let at = start + 2;
  let length = bytes[start + 1];
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0) throw new DerError("syntax error: indefinite length found (not DER)");
    if (count > MAX_LENGTH_BYTES) throw new DerError("structure error: length too large");
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (bytes[at++] ?? Number.NaN);
    if (length < 0x80) throw new DerError("structure error: non-minimal length");
  }
  // Also where the length itself was cut off, and is no number.
  if (!(length <= bytes.length - at)) throw new DerError("syntax error: data truncated");
  return { tag, content: bytes.subarray(at, at + length), raw: bytes.subarray(start, at + length) };
}
