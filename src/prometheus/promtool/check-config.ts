/** `promtool check config` (`cmd/promtool/main.go` of Prometheus 3.14). */
import { posix } from "node:path";
import type { CliCommand, Machine } from "../../base/machine.ts";
import type { DiscoveryConfigs } from "../config/discovery-config.ts";
import { glob } from "../config/glob.ts";
import type { HttpClientConfig } from "../config/http-client-config.ts";
import { loadConfigFile, scrapeConfigsOf } from "../config/load-config.ts";
import type { PrometheusConfig } from "../config/prometheus-config.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { formatDuration, parseDuration } from "../config/units.ts";
import { groupsOf } from "../discovery/file-discovery.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { alertmanagersOf } from "../notifier/alertmanager-target.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { targetsOf } from "../scrape/target.ts";
import { parseToolArguments, requireFiles } from "./arguments.ts";
import { checkRuleFiles, exitCode, ruleLint } from "./check-rules.ts";

interface Checked {
  ruleFiles: string[];
  scrapeConfigs: ScrapeConfig[];
}

export const checkConfig: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: ["lint", "query.lookback-delta"],
    switches: ["agent", "syntax-only", "lint-fatal", "ignore-unknown-fields"],
    required: ["config-files"],
    optional: Number.POSITIVE_INFINITY,
  });
  await requireFiles(given.rest, machine);
  const options = given.text("lint", "duplicate-rules").split(",");
  const isNone = options.includes("none");
  const findsLongIntervals =
    !isNone && options.some((each) => each === "all" || each === "too-long-scrape-interval");
  const ruleOptions = isNone ? "" : options.filter((each) => each !== "too-long-scrape-interval").join(",");
  const lint = ruleLint(ruleOptions, given, machine);
  const lookbackMs = findsLongIntervals ? parseDuration(given.text("query.lookback-delta", "5m")) : 0;
  const isSyntaxOnly = given.has("syntax-only");
  const verdict = { failed: false, hasErrors: false };
  for (const file of given.rest) {
    const checked = await checkFile(file, { isAgent: given.has("agent"), isSyntaxOnly }, machine);
    if (checked === undefined) Object.assign(verdict, { failed: true, hasErrors: true });
    if (checked === undefined || isSyntaxOnly) continue;
    if (hasLongInterval(checked.scrapeConfigs, lookbackMs, machine)) verdict.failed = true;
    const rules = await checkRuleFiles(checked.ruleFiles, lint, machine);
    verdict.failed ||= rules.failed;
    verdict.hasErrors ||= rules.hasErrors;
  }
  return exitCode(verdict, lint.isFatal);
};

interface FileOptions {
  isAgent: boolean;
  isSyntaxOnly: boolean;
}

/** Undefined when there is something wrong, which has been said then. */
async function checkFile(file: string, options: FileOptions, machine: Machine): Promise<Checked | undefined> {
  const { print } = machine;
  print(`Checking ${file}\n`);
  try {
    const checked = await examine(file, options, machine);
    if (checked.ruleFiles.length > 0) print(`  SUCCESS: ${checked.ruleFiles.length} rule files found\n`);
    print(` SUCCESS: ${file} is valid prometheus config file syntax\n\n`);
    return checked;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    machine.printError(`  FAILED: ${error.message}\n`);
    print("\n");
    return undefined;
  }
}

/** @throws ConfigError */
async function examine(
  file: string,
  { isAgent, isSyntaxOnly }: FileOptions,
  machine: Machine,
): Promise<Checked> {
  const { disk, env, log } = machine;
  const config = await loadConfigFile(file, { disk, env, log, agent: isAgent });
  const ruleFiles = isSyntaxOnly ? [] : await ruleFilesOf(config, machine);
  const scrapeConfigs = isSyntaxOnly
    ? ((config.scrape_configs ?? []) as ScrapeConfig[])
    : await allScrapeConfigs(config, machine);
  for (const scrape of scrapeConfigs) {
    const path = scrape.authorization?.credentials_file;
    if (!isSyntaxOnly) {
      await checkExists(path, "authorization credentials or bearer token file", machine);
    }
    await checkTls(scrape.tls_config, isSyntaxOnly, machine);
    for (const each of scrape.kubernetes_sd_configs ?? [])
      await checkTls(each?.tls_config, isSyntaxOnly, machine);
    const groups = isSyntaxOnly
      ? []
      : await fileGroups(scrape, `in scrape job ${quoteString(scrape.job_name)}`, machine);
    const [failure] = targetsOf(scrape, [...staticGroups(scrape), ...groups]).failures;
    if (failure !== undefined) throw new ConfigError(failure);
  }
  for (const manager of config.alerting.alertmanagers ?? []) {
    if (manager === undefined) continue;
    const groups = isSyntaxOnly ? [] : await fileGroups(manager, "in alertmanager config", machine);
    for (const group of [...staticGroups(manager), ...groups]) alertmanagersOf(group, manager);
  }
  return { ruleFiles, scrapeConfigs };
}

/** @throws ConfigError for one that is named and not there */
async function ruleFilesOf(config: PrometheusConfig, { disk }: Machine): Promise<string[]> {
  const files: string[] = [];
  for (const pattern of config.rule_files ?? []) {
    const found = await glob(disk, pattern);
    if (found.length === 0 && !pattern.includes("*"))
      throw new ConfigError(`${quoteString(pattern)} does not point to an existing file`);
    files.push(...found);
  }
  return files;
}

async function allScrapeConfigs(config: PrometheusConfig, { disk }: Machine): Promise<ScrapeConfig[]> {
  try {
    return await scrapeConfigsOf(config, disk);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`error loading scrape configs: ${error.message}`);
  }
}

/** @throws ConfigError */
async function checkExists(path: string | undefined, what: string, { disk }: Machine): Promise<void> {
  if (!path || (await disk.stat(path)) !== undefined) return;
  throw new ConfigError(
    `error checking ${what} ${quoteString(path)}: stat ${path}: no such file or directory`,
  );
}

/** @throws ConfigError */
async function checkTls(
  tls: HttpClientConfig["tls_config"],
  isSyntaxOnly: boolean,
  machine: Machine,
): Promise<void> {
  const { cert_file: certificate = "", key_file: key = "" } = tls ?? {};
  if (certificate !== "" && key === "")
    throw new ConfigError(`client cert file ${quoteString(certificate)} specified without client key file`);
  if (key !== "" && certificate === "")
    throw new ConfigError(`client key file ${quoteString(key)} specified without client cert file`);
  if (isSyntaxOnly) return;
  await checkExists(certificate, "client cert file", machine);
  await checkExists(key, "client key file", machine);
}

function staticGroups(configs: DiscoveryConfigs): TargetGroup[] {
  return (configs.static_configs ?? []).map((group, index) => ({
    source: String(index),
    targets: (group?.targets ?? []).map((address) => ({ __address__: address })),
    labels: group?.labels ?? {},
  }));
}

/** What is in the files of `file_sd_configs`. @throws ConfigError */
async function fileGroups(
  configs: DiscoveryConfigs,
  where: string,
  machine: Machine,
): Promise<TargetGroup[]> {
  const { disk, print } = machine;
  const groups: TargetGroup[] = [];
  for (const each of configs.file_sd_configs ?? []) {
    for (const pattern of each?.files ?? []) {
      const files = await glob(disk, pattern);
      if (files.length === 0)
        print(`  WARNING: file ${quoteString(pattern)} for file_sd ${where} does not exist\n`);
      for (const file of files) groups.push(...(await groupsOfFile(file, pattern, machine)));
    }
  }
  return groups.map((group) => ({ ...group, source: "" }));
}

async function groupsOfFile(file: string, pattern: string, { disk }: Machine): Promise<TargetGroup[]> {
  try {
    const extension = posix.extname(file);
    if (!/^\.(json|ya?ml)$/i.test(extension))
      throw new ConfigError(`invalid file extension: ${quoteString(extension)}`);
    return groupsOf(file, new TextDecoder().decode(await disk.readFile(file)));
  } catch (error) {
    throw new ConfigError(`checking SD file ${quoteString(pattern)}: ${(error as Error).message}`);
  }
}

/** Samples that come less often than the lookback period are stale in between. */
function hasLongInterval(
  configs: readonly ScrapeConfig[],
  lookbackMs: number,
  { printError }: Machine,
): boolean {
  const long = configs.find((each) => lookbackMs > 0 && each.scrape_interval >= lookbackMs);
  if (long === undefined) return false;
  printError(
    `  FAILED: too long scrape interval found, data point will be marked as stale - job: ${long.job_name}, interval: ${formatDuration(long.scrape_interval)}\n`,
  );
  return true;
}
