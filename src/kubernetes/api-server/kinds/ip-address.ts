/** IP addresses and ranges as numbers, as Go prints them, and as it reads them in fields from before it was strict. */
import { addressFamily } from "./address-family.ts";

/** An address as a number of 32 or 128 bits. */
export interface AddressBits {
  bits: bigint;
  size: 32 | 128;
}

/** @param address one for which `addressFamily` is not 0 */
export function addressBits(address: string): AddressBits {
  if (addressFamily(address) === 4)
    return { bits: address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), size: 32 };
  return { bits: version6Bits(address), size: 128 };
}

function version6Bits(address: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  let plain = address;
  if (dotted !== null) {
    const { bits } = addressBits(dotted[2]);
    plain = `${dotted[1]}${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  }
  const [head, tail] = plain.split("::");
  const groups = (part: string | undefined) => (part ? part.split(":") : []);
  const [first, last] = [groups(head), groups(tail)];
  const zeros = tail === undefined ? [] : new Array(8 - first.length - last.length).fill("0");
  return [...first, ...zeros, ...last].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** As Go writes it: version 6 in lower case with its longest run of zeros left out. */
export function addressText({ bits, size }: AddressBits): string {
  if (size === 32) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bits >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const run = longestZeros(groups);
  if (run === undefined) return groups.join(":");
  return `${groups.slice(0, run.from).join(":")}::${groups.slice(run.from + run.length).join(":")}`;
}

function longestZeros(groups: string[]): { from: number; length: number } | undefined {
  let best: { from: number; length: number } | undefined;
  for (let from = 0; from < groups.length; from++) {
    let length = 0;
    while (groups[from + length] === "0") length++;
    if (length >= 2 && length > (best?.length ?? 0)) best = { from, length };
  }
  return best;
}

/** Version 4 within version 6, `::ffff:10.1.2.3`, is version 4 to Go. */
const MAPPED = 0xffffn;

interface LegacyAddress extends AddressBits {
  /** Today's readers take it as well. */
  isStandard: boolean;
}

/** An address that may have leading zeros, which are no sign of octal numbers; undefined for anything else. */
export function legacyAddress(text: string): LegacyAddress | undefined {
  const plain = text.replace(/(^|[.:])0+(?=\d+(\.|$))/g, "$1");
  const isDotted = /^[\d.]+$/.test(plain) || plain.includes(".");
  const read = isDotted ? plain : text;
  if (addressFamily(read) === 0) return undefined;
  const { bits, size } = addressBits(read);
  if (size === 128 && bits >> 32n === MAPPED)
    return { bits: bits & 0xffffffffn, size: 32, isStandard: false };
  return { bits, size, isStandard: addressFamily(text) !== 0 };
}

export interface LegacyRange {
  address: LegacyAddress;
  prefix: number;
  /** The range as Go prints it, without the bits past the prefix. */
  text: string;
  /** No bits are set past the prefix. */
  isExact: boolean;
  isStandard: boolean;
}

/** `10.9.8.0/24`: an address and how many of its bits count; undefined for anything else. */
export function legacyRange(text: string): LegacyRange | undefined {
  const [, given = "", digits = ""] = /^([^/]+)\/(\d{1,4})$/.exec(text) ?? [];
  const address = legacyAddress(given);
  const prefix = Number(digits);
  if (address === undefined || digits === "" || prefix > address.size) return undefined;
  const shift = BigInt(address.size - prefix);
  const bits = (address.bits >> shift) << shift;
  return {
    address,
    prefix,
    text: `${addressText({ bits, size: address.size })}/${prefix}`,
    isExact: bits === address.bits,
    isStandard: address.isStandard && !/^0\d/.test(digits),
  };
}

/** What a client is told of an address that will not be taken for ever. */
export function addressWarnings(field: string, text: string): string[] {
  const address = legacyAddress(text);
  if (address === undefined) return [];
  const canonical = addressText(address);
  const quoted = [text, canonical].map((each) => JSON.stringify(each));
  if (!address.isStandard)
    return [
      `${field}: non-standard IP address ${quoted[0]} will be considered invalid in a future Kubernetes release: use ` +
        quoted[1],
    ];
  if (address.size === 32 || canonical === text) return [];
  return [`${field}: IPv6 address ${quoted[0]} should be in RFC 5952 canonical format (${quoted[1]})`];
}

export function rangeWarnings(field: string, text: string): string[] {
  const range = legacyRange(text);
  if (range === undefined) return [];
  const { address, prefix, isExact, isStandard } = range;
  const quoted = [text, range.text].map((each) => JSON.stringify(each));
  const warnings: string[] = [];
  if (!isExact) {
    const single = JSON.stringify(`${addressText(address)}/${address.size}`);
    warnings.push(
      `${field}: CIDR value ${quoted[0]} is ambiguous in this context (should be ${quoted[1]} or ${single}?)`,
    );
  }
  if (!isStandard)
    warnings.push(
      `${field}: non-standard CIDR value ${quoted[0]} will be considered invalid in a future Kubernetes release: use ` +
        quoted[1],
    );
  const canonical = `${addressText(address)}/${prefix}`;
  if (warnings.length === 0 && address.size === 128 && canonical !== text)
    warnings.push(
      `${field}: IPv6 CIDR value ${quoted[0]} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
    );
  return warnings;
}
