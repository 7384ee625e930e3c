import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "./cluster-store.ts";
import { COMPACT_BYTES, ObjectLog, SYNC_INTERVAL_MS } from "./object-log.ts";

interface Run {
  store: ClusterStore;
  log: ObjectLog;
}

async function start(disk: MemoryDisk, clock: VirtualClock): Promise<Run> {
  const { log, objects, firstRevision } = await ObjectLog.open(disk, clock, "/data");
  const store = new ClusterStore({
    clock,
    random: seededRandom(1),
    changeLog: log,
    restore: objects,
    firstRevision,
  });
  log.attach(store.context.store);
  return { store, log };
}

const namespace = (name: string, note?: string) => ({
  metadata: { name, ...(note && { annotations: { note } }) },
});

async function names({ store }: Run): Promise<string[]> {
  return (await store.list<KubernetesObject>(RESOURCES.namespaces)).items.map(
    ({ metadata }) => metadata.name,
  );
}

test("ObjectLog keeps what was answered when the process ends at any moment", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const first = await start(disk, clock);
  await first.store.create(RESOURCES.namespaces, namespace("a"));
  const b = await first.store.create<KubernetesObject>(RESOURCES.namespaces, namespace("b"));
  await first.store.create(RESOURCES.namespaces, namespace("c"));
  await first.store.patch(
    RESOURCES.namespaces,
    { name: "c" },
    { type: "merge", body: { spec: { finalizers: null } } },
  );
  // No close: the process is killed.
  const second = await start(disk, clock);
  assert.deepEqual(await names(second), ["a", "b", "c"]);
  assert.deepEqual(await second.store.get(RESOURCES.namespaces, { name: "b" }), b);
  const next = await second.store.create<KubernetesObject>(RESOURCES.namespaces, namespace("d"));
  assert.ok(Number(next.metadata.resourceVersion) > first.store.context.store.revision);
});

test("ObjectLog drops a half-written last line and goes on", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const first = await start(disk, clock);
  await first.store.create(RESOURCES.namespaces, namespace("a"));
  const path = disk.paths().find((each) => each.endsWith(".log"))!;
  const file = await disk.open(path, "append");
  file.appendNow(Buffer.from('{"c":"/namespaces","k":"b","r":99,"o":{"meta'));
  const second = await start(disk, clock);
  assert.deepEqual(await names(second), ["a"]);
  await second.store.create(RESOURCES.namespaces, namespace("c"));
  assert.deepEqual(await names(await start(disk, clock)), ["a", "c"]);
});

test("ObjectLog says where a damaged log is damaged", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  await start(disk, clock);
  const path = disk.paths().find((each) => each.endsWith(".log"))!;
  await disk.writeFile(path, 'nonsense\n{"c":"/namespaces","k":"b","r":99}\n');
  await assert.rejects(start(disk, clock), new RegExp(`${path.replaceAll(".", "\\.")}:1: `));
});

test("ObjectLog goes on after a write that failed half-way", async () => {
  const [memory, clock] = [new MemoryDisk(), new VirtualClock()];
  let isFull = false;
  const disk = Object.create(memory) as MemoryDisk;
  disk.open = async (path, mode) => {
    const file = await memory.open(path, mode);
    const append = file.appendNow.bind(file);
    file.appendNow = (data) => {
      append(isFull ? data.subarray(0, 10) : data);
      if (isFull) throw new Error("ENOSPC");
    };
    return file;
  };
  for (const method of [
    "readFile",
    "writeFile",
    "list",
    "makeDirectory",
    "remove",
    "syncDirectory",
  ] as const) {
    disk[method] = memory[method].bind(memory) as never;
  }
  const { log } = await ObjectLog.open(disk, clock, "/data");
  const object = (name: string) => ({ metadata: { name, resourceVersion: "1" } });
  isFull = true;
  assert.throws(() => log.append("/namespaces", "a", 1, object("a")), /ENOSPC/);
  isFull = false;
  log.append("/namespaces", "b", 2, object("b"));
  const again = await ObjectLog.open(memory, clock, "/data");
  assert.deepEqual(
    again.objects.map(({ key }) => key),
    ["b"],
  );
});

test("ObjectLog loses at most the last second to a power cut, and never goes back in versions", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const first = await start(disk, clock);
  await first.store.create(RESOURCES.namespaces, namespace("a"));
  await clock.advance(SYNC_INTERVAL_MS);
  const b = await first.store.create<KubernetesObject>(RESOURCES.namespaces, namespace("b"));
  disk.losePower();
  const second = await start(disk, clock);
  assert.deepEqual(await names(second), ["a"]);
  const c = await second.store.create<KubernetesObject>(RESOURCES.namespaces, namespace("c"));
  assert.ok(Number(c.metadata.resourceVersion) > Number(b.metadata.resourceVersion));
});

test("ObjectLog folds a long log into a snapshot, whatever happens meanwhile", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const random = seededRandom(3);
  let run = await start(disk, clock);
  const expected = new Map<string, string>();
  const note = "x".repeat(100_000);
  for (let round = 0; round < (2 * COMPACT_BYTES) / note.length + 50; round++) {
    const name = `n${randomInteger(random, 20)}`;
    const text = `${note}${round}`;
    if (!expected.has(name)) await run.store.create(RESOURCES.namespaces, namespace(name, text));
    else {
      const body = { metadata: { annotations: { note: text } } };
      await run.store.patch(RESOURCES.namespaces, { name }, { type: "merge", body });
    }
    expected.set(name, text);
    if (round % 20 === 0) await clock.advance(SYNC_INTERVAL_MS);
    if (round % 101 === 100) run = await start(disk, clock);
  }
  assert.ok(disk.paths().includes("/data/objects.snapshot"));
  run = await start(disk, clock);
  for (const [name, text] of expected) {
    const found = await run.store.get<KubernetesObject>(RESOURCES.namespaces, { name });
    assert.equal(found.metadata.annotations?.note, text);
  }
  await run.log.close();
});
