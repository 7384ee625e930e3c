/** `topology down`: ends what `up` started. */
import type { CliCommand } from "../base/machine.ts";
import { flag, helpText, parseOptions, text } from "./options.ts";
import { findRunning } from "./run-state.ts";

const OPTIONS = {
  "data-dir": text("DIR", "the topology's data directory", ".topology"),
  purge: flag("remove the data too: objects, tenants, metrics, logs"),
};

/** Pods have up to 60 s each to hand over and end, a little in parallel. */
const STOP_TIMEOUT_MS = 120_000;
const POLL_MS = 50;

export const command: CliCommand = async (args, machine) => {
  const { print, clock, disk } = machine;
  if (args.includes("--help")) {
    print(helpText("down [options]", "Stops the topology and keeps its data.", OPTIONS));
    return 0;
  }
  const { values } = parseOptions(args, OPTIONS);
  const dataDirectory = values["data-dir"];
  const running = await findRunning(machine, dataDirectory);
  if (running === undefined) print(`nothing runs on ${dataDirectory}\n`);
  else {
    machine.signalProcess(running.pid, "SIGTERM");
    const deadlineMs = clock.monotonic() + STOP_TIMEOUT_MS;
    while (machine.signalProcess(running.pid, 0)) {
      if (clock.monotonic() > deadlineMs) {
        print(
          `process ${running.pid} has not ended after ${STOP_TIMEOUT_MS / 1_000} s: kill -9 ${running.pid}\n`,
        );
        return 1;
      }
      await clock.sleep(POLL_MS);
    }
    print("stopped\n");
  }
  if (values.purge) {
    await disk.remove(dataDirectory);
    print(`removed ${dataDirectory}\n`);
  }
  return 0;
};
