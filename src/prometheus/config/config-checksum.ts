/** Whether a configuration has changed on disk (`config/reload.go`). */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { parse } from "yaml";
import type { Disk } from "../../base/disk.ts";
import { glob } from "./glob.ts";

/**
 * A checksum of the file and of the rule and scrape configuration files that it names, their paths included.
 *
 * @throws Error when one of them can't be read, or the file is no YAML
 */
export async function configChecksum(path: string, disk: Disk): Promise<string> {
  const hash = createHash("sha256");
  const content = await disk.readFile(path);
  hash.update(content);
  const sections = (parse(new TextDecoder().decode(content)) ?? {}) as Record<string, unknown>;
  for (const section of ["rule_files", "scrape_config_files"]) {
    const patterns = Array.isArray(sections[section]) ? sections[section].map(String) : [];
    for (const pattern of patterns) {
      for (const file of await glob(disk, posix.resolve(posix.dirname(path), pattern))) {
        hash.update(`${section}\0${file}\0`);
        hash.update(await disk.readFile(file));
        hash.update("\0");
      }
    }
  }
  return hash.digest("hex");
}
