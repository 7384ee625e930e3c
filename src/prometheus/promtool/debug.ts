/** `promtool debug pprof|metrics|all`: what a server says of itself, in an archive (`cmd/promtool/debug.go`). */
import { gunzipSync, gzipSync } from "node:zlib";
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseToolArguments } from "./arguments.ts";
import { networkProblem } from "./server-client.ts";
import { tarArchive } from "./tar.ts";

const ARCHIVE = "debug.tar.gz";
/** One file may measure so much. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

interface Source {
  path: string;
  file: string;
  /** A profile, which travels compressed and is kept without. */
  isProfile?: boolean;
}

const PROFILES: readonly Source[] = [
  { path: "/debug/pprof/profile?seconds=30", file: "cpu.pb", isProfile: true },
  { path: "/debug/pprof/block", file: "block.pb", isProfile: true },
  { path: "/debug/pprof/goroutine", file: "goroutine.pb", isProfile: true },
  { path: "/debug/pprof/heap", file: "heap.pb", isProfile: true },
  { path: "/debug/pprof/mutex", file: "mutex.pb", isProfile: true },
  { path: "/debug/pprof/threadcreate", file: "threadcreate.pb", isProfile: true },
  { path: "/debug/pprof/trace?seconds=30", file: "trace.pb" },
];
const METRICS: readonly Source[] = [{ path: "/metrics", file: "metrics.txt" }];

function debug(sources: readonly Source[]): CliCommand {
  return async (args, machine) => {
    const { rest } = parseToolArguments(args, { required: ["server"] });
    try {
      const files: { name: string; content: Uint8Array }[] = [];
      for (const source of sources)
        files.push({ name: source.file, content: await collect(rest[0], source, machine) });
      await machine.disk.writeFile(ARCHIVE, gzipSync(tarArchive(files)));
    } catch (error) {
      if (!(error instanceof DebugError)) throw error;
      machine.printError(`error completing debug command: ${error.message}\n`);
      return 1;
    }
    machine.print(`Compiling debug information complete, all files written in "${ARCHIVE}".\n`);
    return 0;
  };
}

class DebugError extends Error {}

/** @throws DebugError */
async function collect(
  server: string,
  { path, isProfile = false }: Source,
  machine: Machine,
): Promise<Uint8Array> {
  const url = server + path;
  machine.print(`collecting: ${url}\n`);
  let status: number;
  let body: Uint8Array;
  try {
    const response = await machine.network.fetch(url);
    status = response.status;
    body = await response.bytes(MAX_FILE_BYTES);
  } catch (error) {
    throw new DebugError(`error executing HTTP request: ${networkProblem("Get", url, error)}`);
  }
  if (!isProfile) return body;
  if (status === 404)
    throw new DebugError("the server has no profiles: those are of Go's runtime, `debug metrics` works");
  try {
    return gunzipSync(body, { maxOutputLength: MAX_FILE_BYTES });
  } catch {
    throw new DebugError(
      "error post-processing HTTP response body: parsing profile: unrecognized profile format",
    );
  }
}

export const debugPprof = debug(PROFILES);
export const debugMetrics = debug(METRICS);
export const debugAll = debug([...PROFILES, ...METRICS]);
