import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { createJournalEngine } from "./journal-engine.ts";
import type { Resource, TenantEngine } from "./tenant-database.ts";
import { TenantVolume, VolumeFullError } from "./tenant-volume.ts";

const resource = (id: string): Resource => ({ id, name: "", content: id, metadata: {}, createdAt: "" });

async function volumeOn(
  disk: MemoryDisk,
  options: { maxOpen?: number; maxTenants?: number; engine?: TenantEngine } = {},
) {
  const engine = options.engine ?? createJournalEngine(disk);
  const volume = new TenantVolume({ ...options, disk, random: seededRandom(1), engine, directory: "/data" });
  await volume.load();
  return volume;
}

const write = (volume: TenantVolume, tenant: string, id: string) =>
  volume.use(tenant, (database) => database.insert(resource(id), undefined));
const read = (volume: TenantVolume, tenant: string, id: string) =>
  volume.use(tenant, async (database) => (await database.get(id))?.content);

test("TenantVolume keeps its identity, its tenants and their state over a loss of power", async () => {
  const disk = new MemoryDisk();
  const before = await volumeOn(disk);
  await before.create("acme");
  await write(before, "acme", "x");
  await before.create("zeta");
  await before.markHandover("zeta");
  disk.losePower();
  const after = await volumeOn(disk);
  assert.equal(after.id, before.id);
  assert.deepEqual(after.tenants().sort(), ["acme", "zeta"]);
  assert.equal(after.file("zeta")?.state, "handover");
  assert.equal(await read(after, "acme", "x"), "x");
  await after.reclaim("zeta");
  await after.remove("acme");
  disk.losePower();
  const last = await volumeOn(disk);
  assert.deepEqual(last.tenants(), ["zeta"]);
  assert.equal(last.file("zeta")?.state, "held");
});

test("TenantVolume moves a tenant by describe, read, receive and install", async () => {
  const source = await volumeOn(new MemoryDisk());
  await source.create("acme");
  await write(source, "acme", "x");
  await source.markHandover("acme");
  const description = await source.describe("acme");
  const disk = new MemoryDisk();
  const target = await volumeOn(disk);
  const incoming = await target.receive(source.read("acme"));
  assert.deepEqual([incoming.bytes, incoming.digest], [description.bytes, description.digest]);
  await target.install(incoming, "acme", 2);
  disk.losePower();
  const after = await volumeOn(disk);
  assert.deepEqual(after.file("acme"), { tenant: "acme", generation: 2, state: "held" });
  assert.equal(await read(after, "acme", "x"), "x");
});

test("TenantVolume.load() keeps the newer of two generations and drops what arrived half", async () => {
  const disk = new MemoryDisk();
  for (const name of ["acme.3.db", "acme.4.handover", "zeta.9.db", "zeta.2.db", "new.1.db.0a1b.tmp"]) {
    await disk.writeFile(`/data/tenants/${name}`, "");
  }
  await disk.writeFile("/data/incoming/abc", "half");
  const volume = await volumeOn(disk);
  assert.deepEqual(volume.file("acme"), { tenant: "acme", generation: 4, state: "handover" });
  assert.equal(volume.file("zeta")?.generation, 9);
  const kept = disk.paths().filter((path) => !path.endsWith("volume-id"));
  assert.deepEqual(kept, ["/data/tenants/acme.4.handover", "/data/tenants/zeta.9.db"]);
});

test("TenantVolume.receive() leaves nothing behind when the sender goes away", async () => {
  const disk = new MemoryDisk();
  const volume = await volumeOn(disk);
  async function* broken() {
    yield new Uint8Array(10);
    throw new Error("socket hang up");
  }
  await assert.rejects(volume.receive(broken()), /socket hang up/);
  const whole = await volume.receive(bodyOf("x"));
  await volume.discard(whole);
  assert.deepEqual(
    disk.paths().filter((path) => path.includes("incoming")),
    [],
  );
});

test("TenantVolume opens no more databases than it may, and closes the one used longest ago", async () => {
  const disk = new MemoryDisk();
  const journal = createJournalEngine(disk);
  const open = new Set<string>();
  const engine: TenantEngine = {
    sideFiles: [],
    empty: () => journal.empty(),
    async open(path) {
      const database = await journal.open(path);
      open.add(path);
      const close = async () => {
        open.delete(path);
        await database.close();
      };
      return { ...bound(database), close };
    },
  };
  const volume = await volumeOn(disk, { engine, maxOpen: 2 });
  for (const tenant of ["a", "b"]) {
    await volume.create(tenant);
    await write(volume, tenant, "x");
  }
  await write(volume, "a", "y");
  await volume.create("c");
  await write(volume, "c", "x");
  await volume.close;
  assert.deepEqual([...open].map((path) => path.split("/").at(-1)).sort(), ["a.1.db", "c.1.db"]);
  assert.equal(await read(volume, "b", "x"), "x");
  await volume.close();
  assert.equal(open.size, 0);
});

function bound(database: Awaited<ReturnType<TenantEngine["open"]>>) {
  return {
    insert: database.insert.bind(database),
    get: database.get.bind(database),
    search: database.search.bind(database),
  };
}

test("TenantVolume refuses a tenant above its limit", async () => {
  const volume = await volumeOn(new MemoryDisk(), { maxTenants: 2 });
  await volume.create("a");
  await volume.create("b");
  await assert.rejects(volume.create("c"), VolumeFullError);
  await volume.remove("a");
  await volume.create("c");
});
