/** The lines of the text formats that say something about a metric: HELP, TYPE, UNIT and comments. */
import { isUtf8 } from "./go-float.ts";
import { lineEnd, metricNameEnd, QUOTE, SPACE, skipBlanks, TAB } from "./text-bytes.ts";
import { unescapeHelp, unescapeLabel } from "./text-escapes.ts";

export interface MetadataLine {
  kind: "help" | "type" | "unit" | "comment";
  /** Of the metric; "" in a comment. */
  name: string;
  /** The help, the unit or the type's name; of a comment all of it. */
  text: string;
  /** Where the next line starts. */
  next: number;
}

const decoder = new TextDecoder();

/** Of OpenMetrics, by what stands in its lines. */
const OPENMETRICS_KINDS: Readonly<Record<string, "help" | "type" | "unit">> = {
  HELP: "help",
  TYPE: "type",
  UNIT: "unit",
};

const TYPES: Record<"text" | "openmetrics", ReadonlySet<string>> = {
  text: new Set(["counter", "gauge", "histogram", "summary", "untyped"]),
  openmetrics: new Set([
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
  ]),
};

/** The line of Prometheus text whose `#` stands at `hash`; undefined: it is not in the format. */
export function textMetadata(bytes: Uint8Array, hash: number): MetadataLine | undefined {
  const isBlank = bytes[hash + 1] === SPACE || bytes[hash + 1] === TAB;
  const at = skipBlanks(bytes, hash + 1);
  const keyword = isBlank ? decode(bytes, at, at + 4) : "";
  const afterKeyword = bytes[at + 4];
  if ((keyword !== "HELP" && keyword !== "TYPE") || (afterKeyword !== SPACE && afterKeyword !== TAB)) {
    const end = lineEnd(bytes, hash);
    return { kind: "comment", name: "", text: decode(bytes, hash, end), next: behind(bytes, end) };
  }
  const nameStart = skipBlanks(bytes, at + 4);
  const nameEnd = metricNameEnd(bytes, nameStart);
  if (nameEnd === nameStart) return undefined;
  const name = metadataName(bytes, nameStart, nameEnd);
  const end = lineEnd(bytes, nameEnd);
  // Upstream cuts one character off what follows the name, whatever it is, and blanks alone are nothing.
  const textStart = skipBlanks(bytes, nameEnd) >= end ? end : nameEnd + 1;
  const text = decode(bytes, textStart, end);
  const next = behind(bytes, end);
  if (keyword === "TYPE") return TYPES.text.has(text) ? { kind: "type", name, text, next } : undefined;
  if (!isUtf8(bytes, textStart, end)) return undefined;
  return { kind: "help", name, text: unescapeHelp(text, false), next };
}

/** The line of OpenMetrics text that starts at `start`, `# EOF` aside; undefined: it is not in the format. */
export function openMetricsMetadata(bytes: Uint8Array, start: number): MetadataLine | undefined {
  const kind = OPENMETRICS_KINDS[decode(bytes, start + 2, start + 6)];
  if (bytes[start + 1] !== SPACE || kind === undefined || bytes[start + 6] !== SPACE) return undefined;
  const nameStart = start + 7;
  const nameEnd = metricNameEnd(bytes, nameStart);
  if (nameEnd === nameStart) return undefined;
  const name = metadataName(bytes, nameStart, nameEnd);
  const end = lineEnd(bytes, nameEnd);
  if (bytes[nameEnd] !== SPACE || end >= bytes.length) return undefined;
  const text = decode(bytes, nameEnd + 1, end);
  const line = { kind, name, text, next: end + 1 };
  if (kind === "type") return TYPES.openmetrics.has(text) ? line : undefined;
  if (kind === "unit") return text === "" || name.endsWith(`_${text}`) ? line : undefined;
  if (!isUtf8(bytes, nameEnd + 1, end)) return undefined;
  return { ...line, text: unescapeHelp(text, true) };
}

function metadataName(bytes: Uint8Array, start: number, end: number): string {
  return bytes[start] === QUOTE
    ? unescapeLabel(decode(bytes, start + 1, end - 1))
    : decode(bytes, start, end);
}

function behind(bytes: Uint8Array, lineEnd: number): number {
  return Math.min(lineEnd + 1, bytes.length);
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}
