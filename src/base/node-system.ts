/** The real `System`: this process on this machine. */
import { systemClock } from "./clock.ts";
import { systemDisk } from "./disk.ts";
import { createLogger } from "./log.ts";
import { createNodeNetwork } from "./node-network.ts";
import { createPathMap, podEnvironment } from "./pod/pod-environment.ts";
import { systemRandom } from "./random.ts";
import type { System } from "./system.ts";
import { nodeThreads } from "./threads.ts";

export function createNodeSystem(): System {
  const log = createLogger({ clock: systemClock, write: (line) => process.stderr.write(`${line}\n`) });
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => stop.abort(new Error(`received ${signal}`)));
  }
  // Whoever read the output has gone (`topology up | head`): nobody is told any more, and everything else goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const pod = podEnvironment(process.env);
  const pathMap = pod === undefined ? undefined : createPathMap(pod);
  return {
    clock: systemClock,
    random: systemRandom,
    // Inside a pod `preload.ts` maps what goes through `node:fs`; only those who leave it must ask.
    disk: pathMap === undefined ? systemDisk : { ...systemDisk, realPath: (path) => pathMap(path, "write") },
    network: createNodeNetwork((error) => log.error("request failed", { error })),
    log,
    threads: nodeThreads,
    env: process.env,
    signal: stop.signal,
    onHangup: (callback) => void process.on("SIGHUP", callback),
    print: (text) => void process.stdout.write(text),
  };
}
