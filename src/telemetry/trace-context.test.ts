import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { childSpan, formatTraceParent, parseTraceParent, samplerOf } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("parseTraceParent() takes what W3C Trace Context allows", () => {
  const cases: [header: string, sampled: boolean | undefined][] = [
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-will-be`, true],
    [`00-${TRACE}-${SPAN}-01-more`, undefined],
    [`ff-${TRACE}-${SPAN}-01`, undefined],
    [`00-${"0".repeat(32)}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${"0".repeat(16)}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${SPAN}`, undefined],
    ["", undefined],
  ];
  for (const [traceparent, sampled] of cases) {
    assert.equal(parseTraceParent({ traceparent })?.sampled, sampled, traceparent);
  }
  assert.equal(parseTraceParent({}), undefined);
});

test("parseTraceParent() and formatTraceParent() are each other's inverse", () => {
  const random = seededRandom(3);
  for (let i = 0; i < 1_000; i++) {
    const span = childSpan(random, (id) => id < "8");
    assert.deepEqual(parseTraceParent({ traceparent: formatTraceParent(span) }), span);
  }
});

test("parseTraceParent() never throws on noise", () => {
  const random = seededRandom(4);
  for (let i = 0; i < 10_000; i++) {
    const traceparent = Buffer.from(random.bytes(60)).toString("latin1");
    assert.doesNotThrow(() => parseTraceParent({ traceparent }));
  }
});

test("childSpan() stays in the parent's trace, and passes a short tracestate on", () => {
  const parent = parseTraceParent({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a=1" })!;
  const child = childSpan(seededRandom(1), samplerOf(), parent);
  assert.equal(child.traceId, TRACE);
  assert.notEqual(child.spanId, SPAN);
  assert.equal(child.traceState, "a=1");
  const long = parseTraceParent({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a".repeat(513) })!;
  assert.equal(long.traceState, undefined);
});

test("samplerOf() knows the samplers of the specification", () => {
  const parent = (sampled: boolean) => ({ traceId: TRACE, spanId: SPAN, sampled });
  const cases: [name: string | undefined, argument: string | undefined, root: boolean, below: boolean][] = [
    [undefined, undefined, true, false],
    ["always_on", undefined, true, true],
    ["always_off", undefined, false, false],
    ["parentbased_always_off", undefined, false, false],
    ["parentbased_always_on", undefined, true, false],
    ["traceidratio", "0", false, false],
    ["traceidratio", "1", true, true],
    ["parentbased_traceidratio", "0", false, false],
    ["traceidratio", "2", true, true],
    ["made_up", undefined, true, false],
    ["constructor", undefined, true, false],
  ];
  for (const [name, argument, root, below] of cases) {
    const sampler = samplerOf(name, argument);
    assert.equal(sampler(TRACE, undefined), root, `${name} root`);
    assert.equal(sampler(TRACE, parent(false)), below, `${name} below an unsampled parent`);
  }
  assert.equal(samplerOf("parentbased_always_off")(TRACE, parent(true)), true);
  const random = seededRandom(2);
  const half = samplerOf("traceidratio", "0.5");
  const taken = Array.from({ length: 2_000 }, () => half(childSpan(random, half).traceId, undefined));
  assert.ok(Math.abs(taken.filter(Boolean).length - 1_000) < 100);
});
