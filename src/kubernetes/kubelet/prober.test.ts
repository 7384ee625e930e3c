import assert from "node:assert/strict";
import test from "node:test";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { Container, Probe } from "../types.ts";
import { BACK_OFF_MAX_MS, BACK_OFF_RESET_MS, BackOff } from "./back-off.ts";
import { EAGER_PERIOD_MS, Prober } from "./prober.ts";

function probing(probes: Partial<Container>, answer: (probe: Probe, atMs: number) => boolean) {
  const clock = new VirtualClock();
  const tries: number[] = [];
  const failures: string[] = [];
  const unhealthy: string[] = [];
  const prober = new Prober({
    clock,
    container: { name: "app", image: "x", ...probes },
    startedMs: clock.now(),
    run: async (probe) => {
      tries.push(clock.monotonic());
      return { ok: answer(probe, clock.monotonic()), message: "no" };
    },
    onChange: () => {},
    onFailure: (kind) => failures.push(kind),
    onUnhealthy: (kind) => unhealthy.push(kind),
  });
  prober.start();
  return { clock, prober, tries, failures, unhealthy };
}

const http = (rest: Probe = {}): Probe => ({ httpGet: { port: 80 }, ...rest });

test("a container without probes is started and ready", () => {
  const { prober } = probing({}, () => false);
  assert.deepEqual([prober.started, prober.ready], [true, true]);
});

test("readiness is looked at eagerly until it comes, then once in a period", async () => {
  const { clock, prober, tries, failures } = probing(
    { readinessProbe: http({ periodSeconds: 10 }) },
    (_, atMs) => atMs >= 500,
  );
  await clock.advance(499);
  assert.equal(prober.ready, false);
  await clock.advance(EAGER_PERIOD_MS);
  assert.equal(prober.ready, true);
  const eager = tries.length;
  await clock.advance(30_000);
  assert.equal(tries.length, eager + 3);
  assert.deepEqual(failures, []);
});

test("eager tries count as failures once in a period only", async () => {
  const { clock, failures } = probing({ readinessProbe: http({ periodSeconds: 1 }) }, () => false);
  await clock.advance(5_100);
  assert.equal(failures.length, 5);
});

test("a ready container is unready after failureThreshold, and ready again after successThreshold", async () => {
  let healthy = true;
  const readinessProbe = http({ periodSeconds: 1, failureThreshold: 3, successThreshold: 2 });
  const { clock, prober } = probing({ readinessProbe }, () => healthy);
  await clock.advance(3_000);
  assert.equal(prober.ready, true);
  healthy = false;
  await clock.advance(2_000);
  assert.equal(prober.ready, true);
  await clock.advance(1_500);
  assert.equal(prober.ready, false);
  healthy = true;
  await clock.advance(1_000);
  assert.equal(prober.ready, false);
  await clock.advance(1_000);
  assert.equal(prober.ready, true);
});

test("liveness and readiness wait for the startup probe", async () => {
  const probes = { startupProbe: http(), readinessProbe: http(), livenessProbe: http() };
  const { clock, prober, unhealthy } = probing(
    probes,
    (probe, atMs) => probe !== probes.livenessProbe && atMs > 60_000,
  );
  await clock.advance(29_000);
  assert.deepEqual([prober.started, prober.ready, unhealthy], [false, false, []]);
  await clock.advance(2_000);
  // Three failures in three periods: the container is to be restarted, and nothing else is looked at.
  assert.deepEqual([prober.started, unhealthy], [false, ["startup"]]);
});

test("a liveness probe that fails failureThreshold times restarts", async () => {
  const { clock, unhealthy } = probing(
    { livenessProbe: http({ periodSeconds: 2, initialDelaySeconds: 5 }) },
    () => false,
  );
  await clock.advance(8_900);
  assert.deepEqual(unhealthy, []);
  await clock.advance(200);
  assert.deepEqual(unhealthy, ["liveness"]);
});

test("initialDelaySeconds is waited for", async () => {
  const { clock, tries } = probing({ readinessProbe: http({ initialDelaySeconds: 7 }) }, () => true);
  await clock.advance(8_000);
  assert.deepEqual(tries, [7_000]);
});

test("back-off: at once, 10 s, 20 s, …, at most five minutes, forgotten after a long run", () => {
  const backOff = new BackOff();
  const waits: number[] = [];
  let nowMs = 0;
  for (let failure = 0; failure < 8; failure++) {
    backOff.fail(nowMs, 100);
    waits.push(backOff.remainingMs(nowMs) / 1000);
    nowMs += backOff.remainingMs(nowMs);
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, BACK_OFF_MAX_MS / 1000]);
  backOff.fail(nowMs, BACK_OFF_RESET_MS - 1);
  assert.equal(backOff.remainingMs(nowMs), BACK_OFF_MAX_MS);
  backOff.fail(nowMs, BACK_OFF_RESET_MS);
  assert.equal(backOff.remainingMs(nowMs), 0);
});
