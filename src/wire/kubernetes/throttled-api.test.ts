import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { TokenBucket, throttledApi } from "./throttled-api.ts";

test("TokenBucket lets a burst pass, then one at a time, and a burst again after a rest", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket({ clock, qps: 10, burst: 3 });
  const startMs = clock.monotonic();
  const taken: number[] = [];
  const take = (count: number) => {
    for (let i = 0; i < count; i++) void bucket.take().then(() => taken.push(clock.monotonic() - startMs));
  };
  take(5);
  await clock.advance(1_000);
  assert.deepEqual(taken, [0, 0, 0, 100, 200]);
  take(4);
  await clock.advance(1_000);
  assert.deepEqual(taken.slice(5), [1_000, 1_000, 1_000, 1_100]);
});

test("throttledApi() makes writes wait, and reads not", async () => {
  const clock = new VirtualClock();
  const startMs = clock.monotonic();
  const done: string[] = [];
  const note = (what: string) => async () => {
    done.push(`${what} ${clock.monotonic() - startMs}`);
    return {} as never;
  };
  const api = { get: note("get"), patch: note("patch"), create: note("create") } as unknown as KubernetesApi;
  const throttled = throttledApi(api, { clock, qps: 2, burst: 1 });
  const key = { name: "x" };
  void throttled.patch(RESOURCES.pods, key, { type: "merge", body: {} });
  void throttled.create(RESOURCES.pods, { apiVersion: "v1", kind: "Pod", metadata: key });
  void throttled.get(RESOURCES.pods, key);
  await clock.advance(1_000);
  assert.deepEqual(done, ["get 0", "patch 0", "create 500"]);
});
