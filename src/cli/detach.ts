/** `up --detach`: a second process does the work, this one returns when that is ready. */
import type { Machine } from "../base/machine.ts";
import { findRunning, makeDataDirectory } from "./run-state.ts";

const POLL_MS = 100;
/** What the child takes beyond its own time-out to say so. */
const GRACE_MS = 30_000;

export async function startDetached(
  machine: Machine,
  dataDirectory: string,
  args: string[],
  timeoutMs: number,
): Promise<number> {
  const { disk, clock, processes } = machine;
  const stateDirectory = `${dataDirectory}/up`;
  const logPath = `${dataDirectory}/up.log`;
  await makeDataDirectory(disk, dataDirectory);
  await disk.makeDirectory(stateDirectory);
  await disk.remove(logPath);
  const child = await processes.start({
    id: `up ${dataDirectory}`,
    argv: [...machine.self, "up", ...args.filter((arg) => arg !== "--detach")],
    env: Object.fromEntries(
      Object.entries(machine.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
    cwd: ".",
    logPath,
    stateDirectory,
  });
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  const deadlineMs = clock.monotonic() + timeoutMs + GRACE_MS;
  let running = await findRunning(machine, dataDirectory);
  while (running === undefined && !ended && clock.monotonic() < deadlineMs && !machine.signal.aborted) {
    await clock.sleep(POLL_MS);
    running = await findRunning(machine, dataDirectory);
  }
  machine.print(new TextDecoder().decode(await disk.readFile(logPath)));
  if (running !== undefined) {
    machine.print(`running in the background as process ${running.pid}; its output goes to ${logPath}\n`);
    return 0;
  }
  if (!ended) child.signal("SIGTERM");
  return 1;
}
