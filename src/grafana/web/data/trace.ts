/** A trace as a tree of spans, out of Tempo's JSON. */
import { arrayOf, objectOf, textOf } from "../dashboard/json.ts";

export interface TraceSpan {
  spanId: string;
  parentSpanId: string;
  name: string;
  service: string;
  kind: string;
  /** Milliseconds since the trace's beginning. */
  startMs: number;
  durationMs: number;
  isError: boolean;
  statusMessage: string;
  attributes: [string, string][];
  resource: [string, string][];
  events: { name: string; atMs: number; attributes: [string, string][] }[];
  links: { traceId: string; spanId: string; attributes: [string, string][] }[];
  depth: number;
  children: TraceSpan[];
}

export interface Trace {
  /** Depth first, each level by time. */
  spans: TraceSpan[];
  startUnixMs: number;
  durationMs: number;
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** @param answer of `/api/v2/traces/:id` */
export function readTrace(answer: unknown): Trace {
  const raw = arrayOf(objectOf(objectOf(answer)["trace"])["resourceSpans"]).flatMap((item) => {
    const resource = readAttributes(objectOf(objectOf(item)["resource"])["attributes"]);
    return arrayOf(objectOf(item)["scopeSpans"]).flatMap((scope) =>
      arrayOf(objectOf(scope)["spans"]).map((span) => ({ span: objectOf(span), resource })),
    );
  });
  let start = 0n;
  for (const { span } of raw) {
    const time = nanosOf(span["startTimeUnixNano"]);
    if (start === 0n || time < start) start = time;
  }
  const spans = raw.map(({ span, resource }) => readSpan(span, resource, start));
  const ordered = arrangeTree(spans);
  const durationMs = Math.max(0, ...ordered.map((span) => span.startMs + span.durationMs));
  return { spans: ordered, startUnixMs: Number(start / 1_000_000n), durationMs };
}

function nanosOf(value: unknown): bigint {
  return typeof value === "string" && /^\d+$/.test(value) ? BigInt(value) : 0n;
}

function readSpan(span: Record<string, unknown>, resource: [string, string][], start: bigint): TraceSpan {
  const begin = nanosOf(span["startTimeUnixNano"]);
  const status = objectOf(span["status"]);
  const since = (nanos: bigint) => Number(nanos - start) / 1e6;
  return {
    spanId: hexOf(span["spanId"]),
    parentSpanId: hexOf(span["parentSpanId"]),
    name: textOf(span["name"]),
    service: resource.find(([key]) => key === "service.name")?.[1] ?? "unknown",
    kind: KINDS[Number(span["kind"] ?? 0)] ?? "",
    startMs: since(begin),
    durationMs: Math.max(0, Number(nanosOf(span["endTimeUnixNano"]) - begin) / 1e6),
    isError: status["code"] === 2,
    statusMessage: textOf(status["message"]),
    attributes: readAttributes(span["attributes"]),
    resource,
    events: arrayOf(span["events"]).map((event) => ({
      name: textOf(objectOf(event)["name"]),
      atMs: since(nanosOf(objectOf(event)["timeUnixNano"])),
      attributes: readAttributes(objectOf(event)["attributes"]),
    })),
    links: arrayOf(span["links"]).map((link) => ({
      traceId: hexOf(objectOf(link)["traceId"]),
      spanId: hexOf(objectOf(link)["spanId"]),
      attributes: readAttributes(objectOf(link)["attributes"]),
    })),
    depth: 0,
    children: [],
  };
}

/** Ids come in base64, as protobuf's JSON has them, or in hexadecimal digits. */
function hexOf(value: unknown): string {
  const text = textOf(value);
  if (/^([0-9a-f]{16}|[0-9a-f]{32})$/.test(text)) return text;
  try {
    return Array.from(atob(text), (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  } catch {
    return "";
  }
}

function readAttributes(value: unknown): [string, string][] {
  return arrayOf(value).map((item) => {
    const { key, value } = objectOf(item);
    return [textOf(key), valueText(objectOf(value))];
  });
}

function valueText(value: Record<string, unknown>): string {
  const [first] = Object.values(value);
  return typeof first === "object" ? JSON.stringify(first) : String(first ?? "");
}

/** Spans whose parent never came stand at the top. A circle of parents is cut where it is met first. */
function arrangeTree(spans: TraceSpan[]): TraceSpan[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const roots: TraceSpan[] = [];
  for (const span of spans) {
    const parent = byId.get(span.parentSpanId);
    if (parent === undefined || parent === span) roots.push(span);
    else parent.children.push(span);
  }
  const ordered: TraceSpan[] = [];
  const seen = new Set<TraceSpan>();
  const visit = (level: TraceSpan[]) => {
    // An own stack, as a trace may be deeper than the engine's.
    const stack = level.sort(byStart).toReversed();
    for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
      if (seen.has(span)) continue;
      seen.add(span);
      ordered.push(span);
      span.children = span.children.filter((child) => !seen.has(child)).sort(byStart);
      for (const child of span.children.toReversed()) {
        child.depth = span.depth + 1;
        stack.push(child);
      }
    }
  };
  visit(roots);
  for (const span of spans) if (!seen.has(span)) visit([span]);
  return ordered;
}

function byStart(a: TraceSpan, b: TraceSpan): number {
  return a.startMs - b.startMs;
}
