import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration } from "../human-duration.ts";
import { podColumns } from "./pod-columns.ts";
import type { Row } from "./table-column.ts";
import { autoscalerTargets } from "./workload-columns.ts";

const NOW = Date.parse("2026-01-01T01:00:00Z");

test("humanDuration() shortens as kubectl's tables do", () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  const cases: [number, string][] = [
    [-5 * second, "<invalid>"],
    [0, "0s"],
    [119 * second, "119s"],
    [2 * minute, "2m"],
    [3 * minute + 20 * second, "3m20s"],
    [10 * minute + 5 * second, "10m"],
    [179 * minute, "179m"],
    [3 * hour + 5 * minute, "3h5m"],
    [9 * hour + 5 * minute, "9h"],
    [47 * hour, "47h"],
    [2 * day + 3 * hour, "2d3h"],
    [9 * day + 3 * hour, "9d"],
    [729 * day, "729d"],
    [(2 * 365 + 30) * day, "2y30d"],
    [9 * 365 * day, "9y"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(humanDuration(milliseconds), text);
});

function podRow(status: object, more: { spec?: object; metadata?: object } = {}): unknown[] {
  const pod = {
    metadata: { name: "p", creationTimestamp: "2026-01-01T00:58:00Z", ...more.metadata },
    spec: { containers: [{ name: "a" }, { name: "b" }], ...more.spec },
    status,
  } as Row;
  return podColumns.slice(0, 5).map((column) => column.value(pod, NOW));
}

const container = (name: string, state: object, more: object = {}) => ({
  name,
  ready: false,
  restartCount: 0,
  state,
  ...more,
});
const running = { running: {} };

test("a pod's row sums its containers up as kubectl get does", () => {
  const waiting = (reason: string) => ({ waiting: { reason } });
  const ended = (exitCode: number, reason?: string) => ({
    terminated: { exitCode, ...(reason && { reason }) },
  });
  const sidecar = { initContainers: [{ name: "s", restartPolicy: "Always" }] };
  const init = { initContainers: [{ name: "x" }, { name: "y" }] };
  const cases: [name: string, status: object, row: string[], more?: object][] = [
    ["pending", { phase: "Pending" }, ["p", "0/2", "Pending", "0"]],
    [
      "running",
      {
        phase: "Running",
        containerStatuses: [
          container("a", running, { ready: true }),
          container("b", running, { ready: true }),
        ],
      },
      ["p", "2/2", "Running", "0"],
    ],
    [
      "crash loop, restarted",
      {
        phase: "Running",
        containerStatuses: [
          container("a", running, { ready: true }),
          container("b", waiting("CrashLoopBackOff"), {
            restartCount: 3,
            lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
          }),
        ],
      },
      ["p", "1/2", "CrashLoopBackOff", "3 (5m ago)"],
    ],
    [
      "ended with a code",
      { phase: "Failed", containerStatuses: [container("a", ended(3))] },
      ["p", "0/2", "ExitCode:3", "0"],
    ],
    [
      "completed",
      { phase: "Succeeded", containerStatuses: [container("a", ended(0, "Completed"))] },
      ["p", "0/2", "Completed", "0"],
    ],
    ["evicted", { phase: "Failed", reason: "Evicted" }, ["p", "0/2", "Evicted", "0"]],
    [
      "terminating",
      { phase: "Running" },
      ["p", "0/2", "Terminating", "0"],
      { metadata: { deletionTimestamp: "2026-01-01T00:59:00Z" } },
    ],
    [
      "waiting for the second init container",
      {
        phase: "Pending",
        initContainerStatuses: [container("x", ended(0, "Completed")), container("y", running)],
      },
      ["p", "0/2", "Init:1/2", "0"],
      { spec: init },
    ],
    [
      "an init container fails",
      {
        phase: "Pending",
        initContainerStatuses: [container("x", waiting("CrashLoopBackOff"), { restartCount: 2 })],
      },
      ["p", "0/2", "Init:CrashLoopBackOff", "2"],
      { spec: init },
    ],
    [
      "a sidecar counts as a container",
      {
        phase: "Running",
        initContainerStatuses: [container("s", running, { started: true, ready: true })],
        containerStatuses: [
          container("a", running, { ready: true }),
          container("b", running, { ready: true }),
        ],
      },
      ["p", "3/3", "Running", "0"],
      { spec: sidecar },
    ],
  ];
  for (const [name, status, row, more = {}] of cases) {
    const [own, ready, word, restarts, age] = podRow(status, more);
    assert.deepEqual([own, ready, word, restarts], row, name);
    assert.equal(age, "2m", name);
  }
});

test("autoscalerTargets() shows each kind of metric", () => {
  const external = {
    type: "External",
    external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
  };
  const cpu = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
  };
  const cases: [spec: object, status: object, text: string][] = [
    [{ metrics: [] }, {}, "<none>"],
    [{ metrics: [external] }, {}, "<unknown>/2 (avg)"],
    [
      { metrics: [external] },
      { currentMetrics: [{ type: "External", external: { current: { averageValue: "1500m" } } }] },
      "1500m/2 (avg)",
    ],
    [{ metrics: [cpu, external] }, {}, "cpu: <unknown>/80%, <unknown>/2 (avg)"],
    [{ metrics: [cpu, external, external] }, {}, "cpu: <unknown>/80%, <unknown>/2 (avg) + 1 more..."],
  ];
  for (const [spec, status, text] of cases) {
    assert.equal(autoscalerTargets({ metadata: { name: "h" }, spec, status } as Row), text);
  }
});
