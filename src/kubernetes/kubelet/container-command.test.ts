import assert from "node:assert/strict";
import test from "node:test";
import { mapArguments } from "./container-command.ts";
import type { RunSpec } from "./container-runtime.ts";

const spec: RunSpec = {
  argv: [],
  env: {},
  cwd: "/pods/u/root",
  stdin: false,
  pod: {
    ip: "127.1.64.1",
    hostname: "db-0",
    dns: { host: "127.1.0.10", port: 53 },
    search: [],
    ndots: 5,
    hosts: {},
    mounts: [
      ["/data", "/volumes/data"],
      ["/etc/app", "/volumes/app"],
    ],
    rootDirectory: "/pods/u/root",
    hostDirectories: ["/pods/u"],
    heartbeatPath: "/beat",
    heartbeatLimitMs: 1,
  },
};

const CASES: [command: string[], expected: string[]][] = [
  [
    ["cat", "/data/x"],
    ["cat", "/volumes/data/x"],
  ],
  [
    ["ls", "-l", "/nowhere-at-all"],
    ["ls", "-l", "/pods/u/root/nowhere-at-all"],
  ],
  [
    ["dd", "of=/data/x", "count=1"],
    ["dd", "of=/volumes/data/x", "count=1"],
  ],
  [
    ["tool", "--file=/etc/app/a", "http://web/data/x"],
    ["tool", "--file=/volumes/app/a", "http://web/data/x"],
  ],
  [
    ["/bin/sh", "-c", "cat /data/x >/etc/app/y; curl localhost/data; ls /database"],
    ["/bin/sh", "-c", "cat /volumes/data/x >/volumes/app/y; curl localhost/data; ls /database"],
  ],
  [
    ["tar", "cf", "-", "/data/x"],
    ["tar", "cf", "-", "--transform=s,^/*volumes/data/x,data/x,", "/volumes/data/x"],
  ],
  [
    ["tar", "cf", "-", "/data/a.b,c"],
    ["tar", "cf", "-", "--transform=s,^/*volumes/data/a\\.b\\,c,data/a.b\\,c,", "/volumes/data/a.b,c"],
  ],
  [
    ["tar", "-xmf", "-", "-C", "/data"],
    ["tar", "-xmf", "-", "-C", "/volumes/data"],
  ],
];
for (const [command, expected] of CASES) {
  test(`mapArguments() of ${command.join(" ")}`, () =>
    assert.deepEqual(mapArguments(spec, command), expected));
}
