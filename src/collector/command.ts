/** `topology run otelcol`, with upstream's flags: `--config=URI` (several), `--set=a.b=c`, and `validate`. */
import { createLogger, type Logger, type LogLevel, silentLogger } from "../base/log.ts";
import type { Command, System } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { envProvider } from "./config/expand.ts";
import {
  type CollectorConfig,
  ConfigError,
  FACTORIES,
  InvalidConfigError,
  loadConfig,
  Service,
} from "./mod.ts";

const LEVELS = ["debug", "info", "warn", "error"];

export const command: Command = async (args, system) => {
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    system.print(`Error: ${(error as Error).message}\n`);
    return 1;
  }
  try {
    if (flags.validate) await validate(flags, system);
    else await run(await load(flags, system), flags, system);
    return 0;
  } catch (error) {
    const prefix = error instanceof ConfigError ? "" : "cannot start pipelines: ";
    system.print(`Error: ${prefix}${(error as Error).message}\n`);
    return 1;
  }
};

/** Reads the configuration and builds the pipelines, without a word when all is well. */
async function validate(flags: Flags, system: System): Promise<void> {
  try {
    createService(await load(flags, system, silentLogger), system);
  } catch (error) {
    throw error instanceof InvalidConfigError ? new ConfigError(error.problem) : error;
  }
}

interface Flags {
  configs: string[];
  validate: boolean;
}

function parseFlags(args: string[]): Flags {
  const flags: Flags = { configs: [], validate: false };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name, inline] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const value = () => {
      const given = inline ?? rest.shift();
      if (given === undefined) throw new Error(`flag needs an argument: ${arg}`);
      return given;
    };
    if (arg === "validate") flags.validate = true;
    else if (name === "config") flags.configs.push(value());
    else if (name === "set") flags.configs.push(`yaml:${setting(value())}`);
    else if (name === "feature-gates") value();
    else throw new Error(`unknown ${name === undefined ? "command" : "flag"}: ${arg}`);
  }
  if (flags.configs.length === 0) throw new Error("at least one config flag must be provided");
  return flags;
}

/** `a.b=c` → `a::b: c` */
function setting(text: string): string {
  const at = text.indexOf("=");
  if (at === -1) throw new Error(`missing equal sign: ${text}`);
  const keys = text.slice(0, at).split(".");
  return `${keys.map((key, depth) => `${"  ".repeat(depth)}${key}:`).join("\n")} ${text.slice(at + 1)}`;
}

function load(flags: Flags, system: System, log = startLogger(system)): Promise<CollectorConfig> {
  return loadConfig(flags.configs, {
    disk: system.disk,
    providers: { env: envProvider(system.env, log) },
    factories: FACTORIES,
    warn: (message) => log.warn(message),
  });
}

/** Before the configuration says how to log. */
function startLogger(system: System): Logger {
  return createLogger({
    clock: system.clock,
    format: "tab",
    write: (line) => system.print(`${line}\n`),
  });
}

async function run(config: CollectorConfig, flags: Flags, system: System): Promise<void> {
  let service = createService(config, system);
  await service.start();
  let reloading = Promise.resolve();
  system.onHangup(() => {
    reloading = reloading.then(async () => {
      // A configuration that cannot be used leaves the running one alone.
      const next = await load(flags, system).catch((error: Error) =>
        system.log.error("reload failed", { error }),
      );
      if (next === undefined) return;
      await service.shutdown();
      service = createService(next, system);
      await service.start();
    });
  });
  await untilAborted(system.signal);
  await reloading;
  await service.shutdown();
}

function createService(config: CollectorConfig, system: System): Service {
  const { logs } = config.service.telemetry;
  const { level } = logs;
  const log = createLogger({
    clock: system.clock,
    format: logs.encoding === "json" ? "json" : "tab",
    level: (LEVELS.includes(level) ? level : "info") as LogLevel,
    write: (line) => system.print(`${line}\n`),
  });
  const { clock, random, network, disk, print } = system;
  const memoryUsage = () => process.memoryUsage.rss();
  return new Service(config, FACTORIES, { log, clock, random, network, disk, print, memoryUsage });
}
