/** What the tools read. */
import type { Machine } from "../../base/machine.ts";
import { ConfigError } from "../config/strict-yaml.ts";

/** A file or standard input may measure so much. */
export const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Of commands that have remarks only, where those are to count. */
export const LINT_EXIT_CODE = 3;

/** Without a path, standard input. @throws ConfigError when it is too large */
export async function readInput({ disk }: Pick<Machine, "disk">, path?: string): Promise<Uint8Array> {
  const bytes = await disk.readFile(path ?? "/dev/stdin");
  if (bytes.length > MAX_INPUT_BYTES) throw new ConfigError(`larger than ${MAX_INPUT_BYTES} bytes`);
  return bytes;
}
