/**
 * The part of the DNS wire format (RFC 1035, SRV by RFC 2782) that a cluster's name server needs: one question in,
 * answers out. Names are lower case and without their last dot.
 *
 *     header: id 16 | flags 16 | questions 16 | answers 16 | authorities 16 | additionals 16
 */

/** Longest message over UDP without EDNS (RFC 1035, 4.2.1); more answers are left off and TC is set. */
export const MAX_UDP_BYTES = 512;
/** With EDNS, whatever larger size the client offers: fits any loopback packet. */
export const MAX_EDNS_BYTES = 4_096;
/** RFC 1035, 2.3.4. */
const MAX_NAME_BYTES = 255;

export const RECORD_TYPES = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;
export const RESPONSE_CODES = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
} as const;
export type ResponseCode = keyof typeof RESPONSE_CODES;

export interface DnsQuestion {
  id: number;
  name: string;
  type: number;
  recursionDesired: boolean;
  /** What the answer may measure. */
  limitBytes: number;
}

export type DnsRecord = { name: string; ttlSeconds: number } & (
  | { type: "A"; address: string }
  | { type: "CNAME" | "PTR"; target: string }
  | { type: "SRV"; priority: number; weight: number; port: number; target: string }
);

export interface DnsAnswer {
  code: ResponseCode;
  authoritative: boolean;
  answers: DnsRecord[];
}

/** @throws an error saying what is wrong with the message. */
export function decodeQuestion(message: Uint8Array): DnsQuestion {
  if (message.length < 12) throw new Error("DNS message is shorter than its header");
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if (flags & 0x8000) throw new Error("DNS message is a response");
  if (view.getUint16(4) !== 1) throw new Error("DNS message has not exactly one question");
  const { name, end } = decodeName(message, 12);
  if (end + 4 > message.length) throw new Error("DNS question is cut off");
  return {
    id: view.getUint16(0),
    name,
    type: view.getUint16(end),
    recursionDesired: (flags & 0x0100) !== 0,
    limitBytes: limitOf(view, end + 4),
  };
}

/** The size in an OPT record, which follows the question directly in what resolvers send. */
function limitOf(view: DataView, offset: number): number {
  const hasOpt =
    view.getUint16(10) > 0 &&
    offset + 5 <= view.byteLength &&
    view.getUint8(offset) === 0 &&
    view.getUint16(offset + 1) === RECORD_TYPES.OPT;
  return hasOpt
    ? Math.min(Math.max(view.getUint16(offset + 3), MAX_UDP_BYTES), MAX_EDNS_BYTES)
    : MAX_UDP_BYTES;
}

/** Questions carry no compression pointers: there is nothing before them to point to. */
function decodeName(message: Uint8Array, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > 63) throw new Error("DNS name is malformed");
    offset++;
    if (length === 0) return { name: labels.join("."), end: offset };
    if (offset + length > message.length || offset + length - start > MAX_NAME_BYTES) {
      throw new Error("DNS name is too long");
    }
    labels.push(String.fromCharCode(...message.subarray(offset, offset + length)).toLowerCase());
    offset += length;
  }
}

/** The response to a question; answers past the limit are left off and the response says so (TC). */
export function encodeAnswer(question: DnsQuestion, answer: DnsAnswer): Uint8Array {
  const head = [...encodeName(question.name), question.type >> 8, question.type & 0xff, 0, 1];
  const records: number[] = [];
  let count = 0;
  for (const record of answer.answers) {
    const bytes = encodeRecord(record);
    if (12 + head.length + records.length + bytes.length > question.limitBytes) break;
    records.push(...bytes);
    count++;
  }
  const truncated = count < answer.answers.length;
  const flags =
    0x8000 |
    (answer.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (question.recursionDesired ? 0x0100 : 0) |
    0x0080 |
    RESPONSE_CODES[answer.code];
  const header = [question.id, flags, 1, count, 0, 0].flatMap((value) => [value >> 8, value & 0xff]);
  return Uint8Array.from([...header, ...head, ...records]);
}

function encodeRecord(record: DnsRecord): number[] {
  const data = dataOf(record);
  const ttl = record.ttlSeconds;
  const type = RECORD_TYPES[record.type];
  return [
    ...encodeName(record.name),
    ...[type >> 8, type & 0xff, 0, 1],
    ...[ttl >>> 24, (ttl >> 16) & 0xff, (ttl >> 8) & 0xff, ttl & 0xff],
    ...[data.length >> 8, data.length & 0xff],
    ...data,
  ];
}

function dataOf(record: DnsRecord): number[] {
  switch (record.type) {
    case "A":
      return record.address.split(".").map(Number);
    case "SRV":
      return [
        ...[record.priority, record.weight, record.port].flatMap((value) => [value >> 8, value & 0xff]),
        ...encodeName(record.target),
      ];
    default:
      return encodeName(record.target);
  }
}

function encodeName(name: string): number[] {
  const labels = name === "" ? [] : name.split(".");
  return [...labels.flatMap((label) => [label.length, ...Array.from(label, (c) => c.charCodeAt(0))]), 0];
}
