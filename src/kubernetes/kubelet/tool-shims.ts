/**
 * Programs that come first on the PATH of every container: those that a shell in a pod is used for, made to know the
 * pod's localhost, its names and its folders (see `base/pod/tool.ts`), and `node`, which is the one that runs the
 * cluster.
 */
import type { Disk } from "../../base/disk.ts";
import { programFile } from "../../base/program-files.ts";

/** The tools that `tool.ts` has. */
export const TOOLS = ["curl", "wget", "nc", "nslookup", "hostname", "getent"];

/** Writes the folder anew. @param executable of Node */
export async function writeToolShims(disk: Disk, directory: string, executable: string): Promise<void> {
  await disk.makeDirectory(directory, { mode: 0o755 });
  const write = (name: string, command: string) =>
    disk.writeFile(`${directory}/${name}`, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  await write("node", quote(executable));
  for (const tool of TOOLS) {
    await write(tool, `${quote(executable)} ${quote(programFile("tool"))} ${tool}`);
  }
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
