/** `topology run prometheus FLAGS`: takes the flags of upstream's `prometheus`. */
import { createLogger, type LogFormat, type LogLevel } from "../base/log.ts";
import type { Command, System } from "../base/system.ts";
import { BUILD_INFO } from "./api/status-api.ts";
import { ConfigError } from "./config/strict-yaml.ts";
import { FlagSyntaxError, type Flags, parseFlags } from "./flags.ts";
import { startServer } from "./server.ts";
import { checkFlags } from "./startup-checks.ts";
import { StartupError } from "./startup-error.ts";

export const command: Command = async (args, given) => {
  let system = given;
  let { log } = system;
  if (args.includes("--version")) {
    system.print(`prometheus, version ${BUILD_INFO.version} (${BUILD_INFO.revision})\n`);
    return 0;
  }
  let flags: ReturnType<typeof parseFlags>;
  try {
    flags = parseFlags(args);
  } catch (error) {
    log.error("Error parsing command line arguments", { err: error });
    return error instanceof FlagSyntaxError ? 1 : 2;
  }
  ({ log } = system = withLogger(flags, system));
  const ended = Promise.withResolvers<void>();
  try {
    checkFlags(flags);
    log.info("Starting Prometheus Server", { mode: "server", version: BUILD_INFO.version });
    const server = await startServer(flags, system, () => ended.resolve());
    system.onHangup(() => void server.reload().catch(() => {}));
    const stop = () => {
      log.warn("Received an OS signal, exiting gracefully...");
      ended.resolve();
    };
    if (system.signal.aborted) stop();
    else system.signal.addEventListener("abort", stop, { once: true });
    await ended.promise;
    await server.stop();
    log.info("See you next time!");
    return 0;
  } catch (error) {
    if (error instanceof StartupError) {
      log.error(error.message, error.fields);
      return error.exitCode;
    }
    log.error(error instanceof ConfigError ? error.message : "fatal error", { err: error });
    return 1;
  }
};

/** With the log as its flags ask for; on standard output, where they ask for another than there is. */
function withLogger(flags: Flags, system: System): System {
  const level = flags.text("log.level");
  const format = flags.text("log.format");
  if (level === "info" && format === "logfmt") return system;
  const log = createLogger({
    clock: system.clock,
    level: level as LogLevel,
    format: format as LogFormat,
    write: (line) => system.print(`${line}\n`),
  });
  return { ...system, log };
}
