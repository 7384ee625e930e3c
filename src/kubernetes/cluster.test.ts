import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import type { Network } from "../base/network.ts";
import type { Processes } from "../base/process.ts";
import { seededRandom } from "../base/random.ts";
import type { SocketServer, Sockets } from "../base/sockets.ts";
import type { System } from "../base/system.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { createCluster } from "./cluster.ts";

test("a cluster whose API can't listen lets go of what it had begun", async () => {
  const open = new Set<string>();
  const opened = (name: string): SocketServer => {
    open.add(name);
    return { host: "127.60.0.10", port: 53, close: async () => void open.delete(name) } as SocketServer;
  };
  const sockets = {
    listenUdp: async () => opened("udp"),
    listenTcp: async () => opened("tcp"),
  } as unknown as Sockets;
  const taken = Object.assign(new Error("listen EADDRINUSE: address already in use"), { code: "EADDRINUSE" });
  const network = {
    serve: async () => {
      throw taken;
    },
  } as unknown as Network;
  const disk = new MemoryDisk();
  const system = {
    clock: systemClock,
    random: seededRandom(1),
    disk,
    network,
    log: silentLogger,
  } as unknown as System;
  const cluster = createCluster({
    system,
    processes: { executable: "node" } as unknown as Processes,
    sockets,
    dataDirectory: "/data",
    images: { resolve: () => undefined } as never,
  });
  await assert.rejects(cluster.start(), taken);
  assert.deepEqual([...open], []);
  // A second try finds its range of addresses free.
  await assert.rejects(cluster.start(), taken);
  assert.deepEqual([...open], []);
});
