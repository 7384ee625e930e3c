/** The real `System`: this process on this machine. */
import { systemClock } from "./clock.ts";
import { systemDisk } from "./disk.ts";
import { createLogger } from "./log.ts";
import { createNodeNetwork } from "./node-network.ts";
import { systemRandom } from "./random.ts";
import type { System } from "./system.ts";

export function createNodeSystem(): System {
  const log = createLogger({ clock: systemClock, write: (line) => process.stderr.write(`${line}\n`) });
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => stop.abort(new Error(`received ${signal}`)));
  }
  return {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network: createNodeNetwork((error) => log.error("request failed", { error })),
    log,
    env: process.env,
    signal: stop.signal,
    onHangup: (callback) => void process.on("SIGHUP", callback),
    print: (text) => void process.stdout.write(text),
  };
}
