import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { systemDisk } from "../../base/disk.ts";
import type { ConfigMap, Pod } from "../types.ts";
import type { PodContext } from "./pod-context.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { prepareRun, type RunSpecInput, type Surroundings } from "./run-spec.ts";
import { MountErrors } from "./volumes.ts";

const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", uid: "u" },
  spec: {
    nodeName: "n",
    containers: [
      {
        name: "c",
        image: "i",
        volumeMounts: [
          { name: "whole", mountPath: "/whole" },
          { name: "whole", mountPath: "/etc/one.conf", subPath: "a" },
          { name: "empty", mountPath: "/data", subPath: "inner" },
        ],
      },
    ],
    volumes: [
      { name: "some", configMap: { name: "map", items: [{ key: "b", path: "b" }] } },
      { name: "whole", configMap: { name: "map" } },
      { name: "empty", emptyDir: {} },
    ],
  },
} as unknown as Pod;

async function inWorld(
  work: (world: { volumes: PodVolumes; folder: string; data: Record<string, string> }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "topology-pod-volumes-"));
  const data: Record<string, string> = { a: "1", b: "2" };
  const map = { metadata: { name: "map" }, data } as unknown as ConfigMap;
  let nowMs = 0;
  const context = {
    disk: systemDisk,
    // Each look is a second later.
    clock: { now: () => (nowMs += 1_000) },
    runtime: { podDirectory: (uid: string) => `${folder}/${uid}` },
    node: () => ({ metadata: { name: "n" } }),
    configMap: () => map,
  } as unknown as PodContext;
  try {
    const volumes = new PodVolumes(context, { pod: () => POD, isEnding: () => false });
    await work({ volumes, folder, data });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const text = (path: string) => readFile(path, "utf8");

test("a volume that can't be brought up to date keeps no other one from it", () =>
  inWorld(async ({ volumes, data }) => {
    await volumes.prepare(true);
    delete data.b;
    data.a = "new";
    await assert.rejects(volumes.refresh(false), (error) => {
      assert.ok(error instanceof MountErrors);
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        ['MountVolume.SetUp failed for volume "some" : configmap references non-existent config key: b'],
      );
      return true;
    });
    assert.equal(await text(`${volumes.folders.get("whole")}/a`), "new");
    assert.equal(await text(`${volumes.folders.get("some")}/b`), "2");
  }));

test("a file that is mounted by itself stays what it was when the container began", () =>
  inWorld(async ({ volumes, folder, data }) => {
    await volumes.prepare(true);
    const surroundings = {
      dns: { host: "127.0.0.1", port: 53 },
      heartbeatPath: "",
      heartbeatLimitMs: 0,
      toolDirectory: "/tools",
      path: "/bin",
      preloadPath: "/preload",
      hostDirectories: [],
      compileCacheDirectory: "/cache",
    } as Surroundings;
    const input = {
      pod: POD,
      podIp: "127.1.0.1",
      container: POD.spec.containers[0],
      image: { command: ["sh"] },
      env: {},
      volumes: volumes.folders,
      podDirectory: `${folder}/u`,
      runDirectory: `${folder}/u/containers/c/0`,
      surroundings,
    } as RunSpecInput;
    const { pod } = await prepareRun(systemDisk, input);
    const at = new Map(pod.mounts);
    data.a = "new";
    await volumes.refresh(false);
    assert.equal(await text(`${at.get("/whole")}/a`), "new");
    assert.equal(await text(at.get("/etc/one.conf")!), "1");
    assert.equal(at.get("/data"), `${volumes.folders.get("empty")}/inner`);
  }));
