/**
 * Files of a volume that change all at once (Kubernetes 1.35 `pkg/volume/util/atomic_writer.go`):
 *
 *     key      -> ..data/key
 *     ..data   -> ..2026_01_31_23_59_59.123456789
 *     ..2026_01_31_23_59_59.123456789/key
 *
 * A new version is a new folder; `..data` is exchanged for a link to it by one rename. Programs that wait for a change
 * watch `..data`.
 */
import { dirname } from "node:path";
import type { Disk } from "../../base/disk.ts";

/** By path in the volume. */
export type Files = Map<string, { content: Uint8Array | string; mode: number }>;

const DATA = "..data";

/** Reads the present version's files; undefined for one that is not there. */
export function currentFile(disk: Disk, folder: string): (path: string) => Promise<Uint8Array | undefined> {
  return (path) => disk.readFile(`${folder}/${DATA}/${path}`).catch(() => undefined);
}

/**
 * Makes the volume have these files and no others.
 *
 * @param nowMs the version's name tells of it
 */
export async function writeAtomically(
  disk: Disk,
  folder: string,
  files: Files,
  nowMs: number,
): Promise<void> {
  if (disk.symbolicLink === undefined) throw new Error("volumes with files need a disk with symbolic links");
  const present = await disk.list(folder);
  const names = new Set([...files.keys()].map((path) => path.split("/")[0]));
  const isWhole = present.includes(DATA) && names.isSubsetOf(new Set(present));
  if (isWhole && (await isCurrent(disk, folder, files))) return;
  const version = await newVersion(disk, folder, nowMs);
  for (const [path, { content, mode }] of files) {
    const target = `${folder}/${version}/${path}`;
    await disk.makeDirectory(dirname(target));
    await disk.writeFile(target, content, { mode });
  }
  const next = `${folder}/${DATA}_tmp`;
  await disk.remove(next);
  await disk.symbolicLink(version, next);
  await disk.rename(next, `${folder}/${DATA}`);
  for (const name of names) {
    // What an earlier version left there as a file.
    if (present.includes(name) && !present.includes(DATA)) await disk.remove(`${folder}/${name}`);
    if (!present.includes(name) || !present.includes(DATA))
      await disk.symbolicLink(`${DATA}/${name}`, `${folder}/${name}`);
  }
  for (const name of present) if (name !== DATA && !names.has(name)) await disk.remove(`${folder}/${name}`);
}

async function isCurrent(disk: Disk, folder: string, files: Files): Promise<boolean> {
  const read = currentFile(disk, folder);
  for (const [path, { content }] of files) {
    const present = await read(path);
    if (present === undefined || Buffer.compare(present, Buffer.from(content)) !== 0) return false;
  }
  const present = await pathsBelow(disk, `${folder}/${DATA}`);
  return present.every((path) => files.has(path));
}

async function pathsBelow(disk: Disk, folder: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for (const name of await disk.list(folder)) {
    const isFolder = (await disk.stat(`${folder}/${name}`))?.isDirectory;
    if (isFolder) paths.push(...(await pathsBelow(disk, `${folder}/${name}`, `${prefix}${name}/`)));
    else paths.push(prefix + name);
  }
  return paths;
}

async function newVersion(disk: Disk, folder: string, nowMs: number): Promise<string> {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "_");
  for (let number = (Math.floor(nowMs) % 1_000) * 1_000_000; ; number++) {
    const version = `..${time}.${number}`;
    if ((await disk.stat(`${folder}/${version}`)) !== undefined) continue;
    await disk.makeDirectory(`${folder}/${version}`);
    return version;
  }
}
