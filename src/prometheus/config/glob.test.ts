import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk } from "../../base/disk.ts";
import { glob } from "./glob.ts";

const FILES = [
  "/etc/a.yml",
  "/etc/b.yml",
  "/etc/b.yaml",
  "/etc/x/one.yml",
  "/etc/y/one.yml",
  "/etc/y/two[1].yml",
];

/** A disk of nothing but names. */
function diskOf(files: readonly string[]): Disk {
  const within = (path: string) => files.filter((file) => file.startsWith(`${path}/`));
  return {
    stat: async (path: string) =>
      files.includes(path) || within(path).length > 0
        ? { size: 0, modifiedMs: 0, isDirectory: !files.includes(path) }
        : undefined,
    list: async (path: string) => [
      ...new Set(within(path).map((file) => file.slice(path.length + 1).split("/")[0])),
    ],
  } as unknown as Disk;
}

test("glob() finds what Go's patterns match, in folders too", async () => {
  const cases: [string, string[]][] = [
    ["/etc/*.yml", ["/etc/a.yml", "/etc/b.yml"]],
    ["/etc/?.y*ml", ["/etc/a.yml", "/etc/b.yaml", "/etc/b.yml"]],
    ["/etc/[^a].yml", ["/etc/b.yml"]],
    ["/etc/[a-b].yml", ["/etc/a.yml", "/etc/b.yml"]],
    ["/etc/[b-a].yml", []],
    ["/etc/*/one.yml", ["/etc/x/one.yml", "/etc/y/one.yml"]],
    ["/etc/y/two\\[1\\].yml", ["/etc/y/two[1].yml"]],
    ["/etc/a.yml", ["/etc/a.yml"]],
    ["/etc/c.yml", []],
    ["/etc/a.yml/*", []],
  ];
  for (const [pattern, found] of cases) assert.deepEqual(await glob(diskOf(FILES), pattern), found, pattern);
});

test("glob() refuses what is no pattern", async () => {
  for (const pattern of ["/etc/r[.yml", "/etc/[]a].yml", "/etc/[a-].yml", "/etc/a\\"]) {
    await assert.rejects(glob(diskOf(FILES), pattern), { message: "syntax error in pattern" }, pattern);
  }
});
