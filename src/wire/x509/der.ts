/** ASN.1 values in DER (X.690): as much as certificates need. */

/** `tag`, length, content. */
export function derValue(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  return Buffer.concat([Uint8Array.of(tag), derLength(content.length), content]);
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

export const derSequence = (...items: Uint8Array[]) => derValue(0x30, ...items);
export const derSet = (...items: Uint8Array[]) => derValue(0x31, ...items);
export const derOctets = (content: Uint8Array) => derValue(0x04, content);
export const derBoolean = (value: boolean) => derValue(0x01, Uint8Array.of(value ? 0xff : 0));
export const derText = (text: string) => derValue(0x0c, Buffer.from(text, "utf8"));
/** `[number]` around a value. */
export const derExplicit = (number: number, content: Uint8Array) => derValue(0xa0 | number, content);

/** A whole number that is not negative, from its bytes. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return derValue(0x02, trimmed[0] >= 0x80 ? Uint8Array.of(0, ...trimmed) : trimmed);
}

/** Bits, of which the last `unused` do not count. */
export function derBits(content: Uint8Array, unused = 0): Uint8Array {
  return derValue(0x03, Uint8Array.of(unused), content);
}

/** An object identifier from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
    bytes.push(...digits);
  }
  return derValue(0x06, Uint8Array.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, as RFC 5280 asks. */
export function derTime(timeMs: number): Uint8Array {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  const isEarly = Number(digits.slice(0, 4)) < 2050;
  return derValue(isEarly ? 0x17 : 0x18, Buffer.from(isEarly ? digits.slice(2) : digits, "latin1"));
}
