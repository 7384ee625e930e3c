/** gRPC's status codes and how they travel: `grpc-status`, `grpc-message` and `grpc-status-details-bin`. */

/** https://grpc.io/docs/guides/status-codes/ */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

const NAMES = Object.keys(GrpcCode);

/** A call that ended with another status than OK. */
export class GrpcError extends Error {
  readonly code: number;
  /** What the status says, without the code's name. */
  readonly details: string;
  /** An encoded `google.rpc.Status`, when one came along. */
  readonly statusDetails: Uint8Array | undefined;

  constructor(code: number, details: string, statusDetails?: Uint8Array) {
    super(`rpc error: code = ${grpcCodeName(code)} desc = ${details}`);
    this.name = "GrpcError";
    this.code = code;
    this.details = details;
    this.statusDetails = statusDetails;
  }
}

/** `14` → `Unavailable`, as Go prints it. */
export function grpcCodeName(code: number): string {
  const name = NAMES[code];
  if (name === undefined) return `Code(${code})`;
  if (name === "OK") return name;
  if (name === "CANCELLED") return "Canceled";
  return name
    .split("_")
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join("");
}

/** Percent-encodes what may not stand in a header. */
export function encodeGrpcMessage(message: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** The opposite; what is no valid encoding stays as it is. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === "%" ? text.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else bytes.push(...new TextEncoder().encode(text[i]));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
