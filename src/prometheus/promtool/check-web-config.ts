/** `promtool check web-config` (`cmd/promtool/main.go` of Prometheus 3.14). */
import type { CliCommand } from "../../base/machine.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { checkWebConfig } from "../config/web-config.ts";
import { parseToolArguments, requireFiles } from "./arguments.ts";

export const checkWebConfigs: CliCommand = async (args, machine) => {
  const { rest } = parseToolArguments(args, {
    values: ["query.lookback-delta"],
    required: ["web-config-files"],
    optional: Number.POSITIVE_INFINITY,
  });
  await requireFiles(rest, machine);
  let failed = false;
  for (const path of rest) {
    try {
      await checkWebConfig(path, machine.disk);
      machine.printError(`${path} SUCCESS\n`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      machine.printError(`${path} FAILED: ${error.message}\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
};
