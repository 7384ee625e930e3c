import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Disk, systemDisk } from "../base/disk.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { createJournalEngine } from "./journal-engine.ts";
import { createSqliteEngine } from "./sqlite-engine.ts";
import { ConflictError, type Resource, type TenantEngine } from "./tenant-database.ts";

const resource = (id: string, content: string, name = ""): Resource => ({
  id,
  name,
  content,
  metadata: { from: { nested: [1, "two"] } },
  createdAt: "2026-01-01T00:00:00.000Z",
});

/** The same promises of both engines. */
function eachEngine(
  title: string,
  body: (engine: TenantEngine, path: string, disk: Disk) => Promise<void>,
): void {
  test(`journal: ${title}`, () => {
    const disk = new MemoryDisk();
    return body(createJournalEngine(disk), "/data/t.1.db", disk);
  });
  test(`SQLite: ${title}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "engine-"));
    try {
      await body(createSqliteEngine(systemDisk), join(directory, "t.1.db"), systemDisk);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

eachEngine("what was inserted is there after closing and opening", async (engine, path) => {
  const first = await engine.open(path);
  const written = resource("a", 'with "quotes", emoji 🦉 and \u0000', "name");
  assert.deepEqual(await first.insert(written, undefined), written);
  await first.close();
  const second = await engine.open(path);
  assert.deepEqual(await second.get("a"), written);
  assert.equal(await second.get("b"), undefined);
  await second.close();
});

eachEngine("a write that is tried again is done once", async (engine, path) => {
  const database = await engine.open(path);
  await database.insert(resource("a", "one"), "request-1");
  assert.equal((await database.insert(resource("b", "two"), "request-1")).id, "a");
  assert.equal(await database.get("b"), undefined);
  assert.equal((await database.insert(resource("c", "three"), "request-2")).id, "c");
  await assert.rejects(database.insert(resource("a", "other"), "request-3"), ConflictError);
  await assert.rejects(database.insert(resource("a", "other"), undefined), ConflictError);
  await database.close();
});

eachEngine(
  "search finds all words as beginnings, in any order, and takes no syntax",
  async (engine, path) => {
    const database = await engine.open(path);
    await database.insert(resource("1", "The quick brown fox"), undefined);
    await database.insert(resource("2", "quick silver", "fox hunt"), undefined);
    await database.insert(resource("3", "slow brown bear"), undefined);
    const cases: [query: string, ids: string[]][] = [
      ["", ["1", "2", "3"]],
      ["quick", ["1", "2"]],
      ["QUI", ["1", "2"]],
      ["fox quick", ["1", "2"]],
      ["brown be", ["3"]],
      ["ick", []],
      ['"quick" OR bear', []],
      ['"', ["1", "2", "3"]],
      ["name:fox", []],
      ["quick*", ["1", "2"]],
      ["NEAR(quick fox)", []],
      ["^-+()", ["1", "2", "3"]],
    ];
    for (const [query, ids] of cases) {
      const found = await database.search({ query, limit: 10, offset: 0 });
      assert.deepEqual(found.map(({ id }) => id).sort(), ids, query);
    }
    const newest = await database.search({ query: "", limit: 2, offset: 0 });
    assert.deepEqual(
      newest.map(({ id }) => id),
      ["3", "2"],
    );
    const rest = await database.search({ query: "", limit: 2, offset: 2 });
    assert.deepEqual(
      rest.map(({ id }) => id),
      ["1"],
    );
    await database.close();
  },
);

eachEngine(
  "an empty file made beforehand is a database like one made by opening",
  async (engine, path, disk) => {
    await disk.writeFile(path, engine.empty());
    const database = await engine.open(path);
    await database.insert(resource("1", "quick fox"), "r");
    const found = await database.search({ query: "qui", limit: 10, offset: 0 });
    assert.deepEqual(
      found.map(({ id }) => id),
      ["1"],
    );
    await database.close();
  },
);

test("journal: a line that a crash cut off is dropped, what was acknowledged stays", async () => {
  const disk = new MemoryDisk();
  const engine = createJournalEngine(disk);
  const database = await engine.open("/t.1.db");
  await database.insert(resource("a", "one"), undefined);
  const file = await disk.open("/t.1.db", "append");
  file.appendNow(new TextEncoder().encode('{"resource":{"id":"b"'));
  disk.losePower();
  const again = await engine.open("/t.1.db");
  assert.equal((await again.get("a"))?.content, "one");
  await again.insert(resource("c", "three"), undefined);
  await again.close();
  assert.equal((await (await engine.open("/t.1.db")).get("c"))?.content, "three");
});
