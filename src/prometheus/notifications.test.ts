import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualPrometheus } from "../../test/virtual-prometheus.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import {
  CONFIGURATION_UNSUCCESSFUL,
  MAX_WAITING_NOTIFICATIONS,
  type Notification,
  Notifications,
} from "./notifications.ts";

test("Notifications tell each subscriber what holds and what changes", async () => {
  const notifications = new Notifications(new VirtualClock(), 1);
  notifications.add("one");
  const abort = new AbortController();
  const events = notifications.subscribe(abort.signal)!;
  assert.equal(notifications.subscribe(abort.signal), undefined);
  const seen: [string, boolean][] = [];
  const reading = (async () => {
    for await (const { text, active } of events) seen.push([text, active]);
  })();
  notifications.add("one");
  notifications.add("two");
  notifications.delete("one");
  abort.abort();
  await reading;
  assert.deepEqual(seen, [
    ["one", true],
    ["one", true],
    ["two", true],
    ["one", false],
  ]);
  assert.deepEqual(
    notifications.list.map(({ text }) => text),
    ["two"],
  );
  assert.equal(notifications.subscribers, 0);
});

test("a subscriber that does not read loses what comes beyond the limit", async () => {
  const notifications = new Notifications(new VirtualClock(), 1);
  const abort = new AbortController();
  const events = notifications.subscribe(abort.signal)!;
  for (let i = 0; i <= MAX_WAITING_NOTIFICATIONS; i++) notifications.add(`${i}`);
  assert.deepEqual(notifications.counts, { sent: MAX_WAITING_NOTIFICATIONS + 1, dropped: 1 });
  abort.abort();
  const seen: Notification[] = [];
  for await (const each of events) seen.push(each);
  assert.equal(seen.length, MAX_WAITING_NOTIFICATIONS);
});

test("a reload that failed is told until one succeeds", async () => {
  const it = await virtualPrometheus("");
  const told = async () =>
    JSON.parse((await it.get("/api/v1/notifications")).text).data.map(({ text }: Notification) => text);
  assert.deepEqual(await told(), []);
  await it.disk.writeFile("/etc/prometheus.yml", "nonsense: 1");
  assert.equal((await it.post("/-/reload", "")).status, 500);
  assert.deepEqual(await told(), [CONFIGURATION_UNSUCCESSFUL]);
  const live = await it.network.host("127.13.1.99").fetch("http://127.13.1.1:9090/api/v1/notifications/live");
  assert.equal(live.headers["content-type"], "text/event-stream");
  for await (const chunk of live.body) {
    assert.match(
      Buffer.from(chunk).toString(),
      /^data: \{"text":"Configuration reload has failed\.","date":"[^"]+","active":true\}\n\n$/,
    );
    break;
  }
  await it.disk.writeFile("/etc/prometheus.yml", "");
  assert.equal((await it.post("/-/reload", "")).status, 200);
  assert.deepEqual(await told(), []);
  await it.server.stop();
});
