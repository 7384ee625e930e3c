/**
 * Trace identity: W3C Trace Context (https://www.w3.org/TR/trace-context/) in and out, and the samplers of the
 * OpenTelemetry SDK specification (`OTEL_TRACES_SAMPLER`).
 */
import { type Random, randomHex } from "../base/random.ts";

export interface SpanContext {
  /** 32 lower-case hexadecimal digits, not all zero. */
  traceId: string;
  /** 16 lower-case hexadecimal digits, not all zero. */
  spanId: string;
  sampled: boolean;
  /** `tracestate`, passed on as it came. */
  traceState?: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** A longer `tracestate` is dropped: the recommendation asks for at least 512 to be kept. */
export const MAX_TRACE_STATE_LENGTH = 512;

/** The caller's span, or undefined when the headers hold none that is valid: then a new trace begins. */
export function parseTraceParent(headers: Readonly<Record<string, string>>): SpanContext | undefined {
  const match = TRACEPARENT.exec(headers["traceparent"]?.trim() ?? "");
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const traceState = headers["tracestate"];
  return {
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    ...(traceState !== undefined && traceState.length <= MAX_TRACE_STATE_LENGTH && { traceState }),
  };
}

/** The header that hands a span on. */
export function formatTraceParent(span: SpanContext): string {
  return `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`;
}

/** Whether a new span is recorded and exported. */
export type Sampler = (traceId: string, parent: SpanContext | undefined) => boolean;

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name.
 *
 * @returns the default, `parentbased_always_on`, for a name or argument that the specification does not know
 */
export function samplerOf(name = "parentbased_always_on", argument = "1"): Sampler {
  const ratio = Number(argument);
  const valid = argument.trim() !== "" && ratio >= 0 && ratio <= 1;
  const byRatio = (traceId: string) =>
    Number.parseInt(traceId.slice(-14), 16) >= (1 - (valid ? ratio : 1)) * 2 ** 56;
  const roots: Record<string, (traceId: string) => boolean> = {
    always_on: () => true,
    always_off: () => false,
    traceidratio: byRatio,
  };
  if (Object.hasOwn(roots, name)) return roots[name];
  const root = name.replace(/^parentbased_/, "");
  const decide = Object.hasOwn(roots, root) ? roots[root] : roots["always_on"];
  return (traceId, parent) => parent?.sampled ?? decide(traceId);
}

/** A new span below `parent`, or the first of a new trace. */
export function childSpan(random: Random, sampler: Sampler, parent?: SpanContext): SpanContext {
  const traceId = parent?.traceId ?? nonZeroHex(random, 16);
  return { ...parent, traceId, spanId: nonZeroHex(random, 8), sampled: sampler(traceId, parent) };
}

function nonZeroHex(random: Random, length: number): string {
  for (;;) {
    const hex = randomHex(random, length);
    if (!/^0+$/.test(hex)) return hex;
  }
}
