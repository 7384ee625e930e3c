/** What is looked at before anything starts, in upstream's order and words (`main` in `cmd/prometheus/main.go`). */
import { posix } from "node:path";
import type { Disk } from "../base/disk.ts";
import { quoteGo } from "../model/go-quote.ts";
import { glob } from "./config/glob.ts";
import type { NameValidation } from "./config/names.ts";
import type { PrometheusConfig } from "./config/prometheus-config.ts";
import { ConfigError } from "./config/strict-yaml.ts";
import { checkUrl } from "./config/url.ts";
import { type Flags, isForAgents, isForServers, languageOf } from "./flags.ts";
import { Regex } from "./regex/regex.ts";
import { parseRuleFile, RuleFileError } from "./rules/rule-file.ts";
import { StartupError } from "./startup-error.ts";

/** @throws StartupError */
export function checkFlags(flags: Flags): void {
  const limit = flags.number("web.search.max-limit");
  if (limit < 0) {
    throw new StartupError(
      1,
      `--web.search.max-limit must be non-negative; got ${limit} (use 0 to disable the cap)`,
    );
  }
  checkMode(flags);
  const ratio = flags.number("auto-gomemlimit.ratio");
  if (!(ratio > 0 && ratio <= 1))
    throw new StartupError(1, "--auto-gomemlimit.ratio must be greater than 0 and less than or equal to 1.");
  checkExternalUrl(flags);
  const origins = flags.text("web.cors.origin");
  try {
    new Regex(`^(?s:${origins})$`);
  } catch (error) {
    const problem = (error as Error).message;
    throw new StartupError(2, `could not compile CORS regex string ${quoteGo(origins)}: ${problem}`);
  }
}

function checkMode(flags: Flags): void {
  const isAgent = flags.boolean("agent");
  const wrong = flags.given.filter(isAgent ? isForServers : isForAgents);
  if (wrong.length > 0) {
    const where = isAgent ? "can not be used in agent mode" : "can only be used in agent mode";
    throw new StartupError(
      3,
      `The following flag(s) ${where}: [${wrong.map((name) => `"--${name}"`).join(" ")}]`,
    );
  }
  if (isAgent) throw new StartupError(2, "Agent mode is not supported");
}

function checkExternalUrl(flags: Flags): void {
  const given = flags.text("web.external-url");
  const [address] = flags.list("web.listen-address");
  const problem = given === "" ? addressProblem(address) : urlProblem(given);
  if (problem !== undefined) throw new StartupError(2, `parse external URL ${quoteGo(given)}: ${problem}`);
}

/** The host name stands in for a URL that is not given, with the port of the first address. */
function addressProblem(address: string): string | undefined {
  return address.includes(":") ? undefined : `address ${address}: missing port in address`;
}

function urlProblem(url: string): string | undefined {
  if (/^["']|["']$/.test(url)) return "URL must not begin or end with quotes";
  try {
    checkUrl(url);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Upstream's words for a configuration file that is not to be used. */
export function configError(path: string, error: unknown): StartupError {
  const fields = { file: posix.resolve(path), err: error };
  return new StartupError(2, `Error loading config (--config.file=${path})`, fields);
}

/** Rule files have to be in order for a start. @throws StartupError */
export async function checkRuleFiles(config: PrometheusConfig, flags: Flags, disk: Disk): Promise<void> {
  try {
    for (const pattern of config.rule_files ?? []) await checkRules(pattern, config, flags, disk);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const path = flags.text("config.file");
    const { fields } = configError(path, error);
    throw new StartupError(
      2,
      `Error loading rule file patterns from config (--config.file=${quoteGo(path)})`,
      fields,
    );
  }
}

async function checkRules(
  pattern: string,
  { global }: PrometheusConfig,
  flags: Flags,
  disk: Disk,
): Promise<void> {
  let paths: string[];
  try {
    paths = await glob(disk, pattern);
  } catch (error) {
    throw new ConfigError(
      `failed retrieving rule files for ${quoteGo(pattern)}: ${(error as Error).message}`,
    );
  }
  const names = global.metric_name_validation_scheme as NameValidation;
  for (const path of paths) {
    const real = posix.resolve(path);
    try {
      parseRuleFile(new TextDecoder().decode(await disk.readFile(path)), {
        names,
        parser: languageOf(flags),
      });
    } catch (error) {
      if (!(error instanceof RuleFileError)) throw error;
      const problems = error.problems.map((problem) => `${real}: ${problem}`).join("\n");
      throw new ConfigError(
        `parse rules from file ${quoteGo(real)} (pattern: ${quoteGo(pattern)}): ${problems}`,
      );
    }
  }
}
