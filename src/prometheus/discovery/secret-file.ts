/** Secrets that a configuration names the files of; what is wrong with one is told in upstream's words. */
import type { Disk } from "../../base/disk.ts";

/** @param what is told when it can't be read */
export async function readSecret(disk: Disk, path: string, what: string): Promise<string> {
  try {
    return await read(disk, path);
  } catch (error) {
    throw new Error(`unable to read ${what}: unable to read file ${path}: ${reasonOf(error, path)}`);
  }
}

export async function readHeaderFile(disk: Disk, path: string): Promise<string> {
  try {
    return await read(disk, path);
  } catch (error) {
    throw new Error(`unable to read headers file ${path}: ${reasonOf(error, path)}`);
  }
}

async function read(disk: Disk, path: string): Promise<string> {
  return new TextDecoder().decode(await disk.readFile(path)).trim();
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
};

function reasonOf(error: unknown, path: string): string {
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ""];
  return reason === undefined ? (error as Error).message : `open ${path}: ${reason}`;
}
