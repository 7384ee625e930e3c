import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import type { FetchOptions, Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { parseConfig } from "../config/load-config.ts";
import type { PrometheusConfig } from "../config/prometheus-config.ts";
import { alertsBody, type Notification } from "./alert.ts";
import { alertmanagersOf, alertsPath } from "./alertmanager-target.ts";
import { Notifier } from "./notifier.ts";
import { NotifierMetrics } from "./notifier-metrics.ts";

function alert(name: string, labels: Record<string, string> = {}): Notification {
  return {
    labels: Labels.of({ alertname: name, ...labels }),
    annotations: {},
    startsAtMs: 0,
    endsAtMs: 1000,
    generatorUrl: "",
  };
}

/** A notifier whose Alertmanagers answer as `answer` says: a status, or a promise of one. */
function notifierWith(answer: (url: string) => number | Promise<number>, settings = {}) {
  const clock = new VirtualClock();
  const received: { url: string; names: string[]; labels: Record<string, string>[] }[] = [];
  const network = {
    async fetch(url: string, { body }: FetchOptions) {
      const alerts = JSON.parse(String(body)) as { labels: Record<string, string> }[];
      const status = await answer(url);
      received.push({
        url,
        names: alerts.map(({ labels }) => labels.alertname),
        labels: alerts.map(({ labels }) => labels),
      });
      return { status, headers: {}, bytes: async () => new Uint8Array() };
    },
  } as unknown as Network;
  const metrics = new NotifierMetrics(clock, 4);
  const options = { clock, network, disk: new MemoryDisk(), log: silentLogger, metrics };
  return {
    clock,
    received,
    metrics,
    notifier: new Notifier({ ...options, capacity: 4, batchSize: 2, drains: true, ...settings }),
  };
}

const section = (extra = "") => `- {static_configs: [{targets: [x]}]${extra}}`;
const configOf = (alerting: string, external = "{}"): PrometheusConfig =>
  parseConfig(`global: {external_labels: ${external}}\nalerting:\n${alerting.replace(/^/gm, "  ")}\n`, {
    env: {},
    log: silentLogger,
  });
const groupOf = (...addresses: string[]) => [
  { source: "s", labels: {}, targets: addresses.map((address) => ({ __address__: address })) },
];

test("alertsBody() writes keys in upstream's order, times in milliseconds, and no empty annotations", () => {
  const full = {
    labels: Labels.of({ b: "<&>", a: "1" }),
    annotations: { z: "1", y: "2" },
    startsAtMs: 1_000,
    endsAtMs: 2_500,
    generatorUrl: "http://p/graph?a=1&b=2",
  };
  assert.equal(
    alertsBody([full, alert("A")]),
    '[{"annotations":{"y":"2","z":"1"},"endsAt":"1970-01-01T00:00:02.500Z","startsAt":"1970-01-01T00:00:01.000Z",' +
      '"generatorURL":"http://p/graph?a=1\\u0026b=2","labels":{"a":"1","b":"\\u003c\\u0026\\u003e"}},' +
      '{"endsAt":"1970-01-01T00:00:01.000Z","startsAt":"1970-01-01T00:00:00.000Z","labels":{"alertname":"A"}}]',
  );
});

test("alertsPath() is below the prefix, however that is written", () => {
  const cases = [
    ["", "/api/v2/alerts"],
    ["/", "/api/v2/alerts"],
    ["am", "/am/api/v2/alerts"],
    ["/a/b//", "/a/b/api/v2/alerts"],
  ];
  for (const [prefix, path] of cases) assert.equal(alertsPath(prefix), path, prefix);
});

test("alertmanagersOf() shows a dropped one as it was before relabelling", () => {
  const rules = [
    { source_labels: ["__address__"], regex: "keep:.*", action: "keep" },
    { target_label: "__scheme__", replacement: "https" },
  ];
  const config = configOf(`alertmanagers:\n${section(`, relabel_configs: ${JSON.stringify(rules)}`)}`);
  const [group] = groupOf("keep:1", "other:2");
  assert.deepEqual(alertmanagersOf(group, config.alerting.alertmanagers![0]!), [
    { url: "https://keep:1/api/v2/alerts", isKept: true },
    { url: "http://other:2/api/v2/alerts", isKept: false },
  ]);
});

test("Notifier adds external labels that are missing, relabels for all, and for each section apart", async () => {
  const { notifier, clock, received } = notifierWith(() => 200);
  const own = `, alert_relabel_configs: [{target_label: to, replacement: second}]`;
  const config = configOf(
    `alert_relabel_configs: [{action: drop, source_labels: [alertname], regex: Gone}, {action: labeldrop, regex: tmp}]\nalertmanagers:\n${section()}\n${section(own)}`,
    "{site: s, team: ext}",
  );
  assert.deepEqual([...notifier.reload(config).keys()], ["config-0", "config-1"]);
  notifier.update("config-0", groupOf("a:1"));
  notifier.update("config-1", groupOf("b:1"));
  notifier.send([alert("A", { team: "own", tmp: "x" }), alert("Gone")]);
  await clock.advance(0);
  const labels = { alertname: "A", site: "s", team: "own" };
  assert.deepEqual(
    received.map(({ url, labels }) => [url, labels]),
    [
      ["http://a:1/api/v2/alerts", [labels]],
      ["http://b:1/api/v2/alerts", [{ ...labels, to: "second" }]],
    ],
  );
});

test("Notifier sends in batches; a queue that is full loses the oldest", async () => {
  let release = (_: number) => {};
  const first = new Promise<number>((resolve) => (release = resolve));
  const { notifier, clock, received, metrics } = notifierWith((url) => (url.includes("slow") ? first : 200));
  notifier.reload(configOf(`alertmanagers:\n${section()}`));
  notifier.update("config-0", groupOf("slow:1", "quick:1"));
  notifier.send(["1", "2"].map((name) => alert(name)));
  await clock.advance(0);
  // Two are on their way; four have room, and the fifth pushes one out.
  notifier.send(["3", "4", "5", "6"].map((name) => alert(name)));
  await clock.advance(0);
  const [slow, quick] = ["http://slow:1/api/v2/alerts", "http://quick:1/api/v2/alerts"];
  assert.equal(metrics.dropped.value(slow), 0);
  notifier.send([alert("7")]);
  await clock.advance(0);
  assert.equal(metrics.dropped.value(slow), 1);
  assert.equal(metrics.queueLength.value(slow), 4);
  const namesOf = (url: string) => received.filter((each) => each.url === url).map((each) => each.names);
  assert.deepEqual(namesOf(quick), [["1", "2"], ["3", "4"], ["5", "6"], ["7"]]);
  release(200);
  await clock.advance(0);
  assert.deepEqual(namesOf(slow), [
    ["1", "2"],
    ["4", "5"],
    ["6", "7"],
  ]);
  assert.deepEqual([metrics.sent.value(slow), metrics.sent.value(quick)], [6, 7]);
});

test("Notifier counts what an Alertmanager refuses as errors and as dropped", async () => {
  const { notifier, clock, metrics } = notifierWith(() => 500);
  notifier.reload(configOf(`alertmanagers:\n${section()}`));
  notifier.update("config-0", groupOf("a:1"));
  notifier.send([alert("A"), alert("B")]);
  await clock.advance(0);
  const url = "http://a:1/api/v2/alerts";
  assert.deepEqual(
    [metrics.errors, metrics.dropped, metrics.sent].map((each) => each.value(url)),
    [2, 2, 0],
  );
});

for (const drains of [true, false]) {
  test(`Notifier ${drains ? "sends" : "drops"} what waits when it stops and is ${drains ? "" : "not "}to drain`, async () => {
    let release = (_: number) => {};
    const first = new Promise<number>((resolve) => (release = resolve));
    const { notifier, clock, received } = notifierWith(() => first, { drains });
    notifier.reload(configOf(`alertmanagers:\n${section()}`));
    notifier.update("config-0", groupOf("a:1"));
    notifier.send(["1", "2", "3"].map((name) => alert(name)));
    await clock.advance(0);
    const stopped = notifier.stop();
    notifier.send([alert("late")]);
    release(200);
    await stopped;
    assert.deepEqual(
      received.map((each) => each.names),
      drains ? [["1", "2"], ["3"]] : [["1", "2"]],
    );
  });
}

test("Notifier.reload() keeps a section's Alertmanagers where it stands elsewhere, and ends those that are gone", async () => {
  const { notifier, clock, received } = notifierWith(() => 200);
  const [one, two] = [section(", path_prefix: /one"), section(", path_prefix: /two")];
  notifier.reload(configOf(`alertmanagers:\n${one}\n${two}`));
  notifier.update("config-0", groupOf("a:1"));
  notifier.update("config-1", groupOf("a:1"));
  notifier.reload(configOf(`alertmanagers:\n${two}`));
  assert.deepEqual(notifier.alertmanagers.active, ["http://a:1/two/api/v2/alerts"]);
  notifier.send([alert("A")]);
  await clock.advance(0);
  assert.deepEqual(
    received.map(({ url }) => url),
    ["http://a:1/two/api/v2/alerts"],
  );
  notifier.update("config-0", []);
  assert.deepEqual(notifier.alertmanagers, { active: [], dropped: [] });
});
