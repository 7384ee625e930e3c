/** Loads rule files and runs their groups (`rules/manager.go`). */
import type { Timer } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import { compareStrings } from "../../model/labels.ts";
import { glob } from "../config/glob.ts";
import type { NameValidation } from "../config/names.ts";
import type { PrometheusConfig } from "../config/prometheus-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import type { ParserOptions } from "../promql/mod.ts";
import type { RuleContext } from "./rule-context.ts";
import { parseRuleFile, RuleFileError, type RuleGroupConfig } from "./rule-file.ts";
import { RuleGroup } from "./rule-group.ts";

/** A rule file may measure so much. */
export const MAX_RULE_FILE_BYTES = 64 * 1024 * 1024;

export interface RuleSettings extends Omit<RuleContext, "externalLabels"> {
  /** The parts of PromQL that are on. */
  parser: ParserOptions;
}

/** Rule files that were read and are in order, but don't run yet. */
export interface LoadedRules {
  files: { path: string; groups: RuleGroupConfig[] }[];
  /** Of groups that say none. */
  intervalMs: number;
  externalLabels: Record<string, string>;
}

export class RuleManager {
  readonly #settings: RuleSettings;
  readonly #disk: Disk;
  #groups = new Map<string, RuleGroup>();
  /** Groups that are gone and whose series have yet to be marked. */
  readonly #ending = new Set<Timer>();
  /** Whether rules ran before: the ages of alerts are then known, and new alerts have none. */
  #hasRun = false;

  constructor(settings: RuleSettings, disk: Disk) {
    this.#settings = settings;
    this.#disk = disk;
  }

  /** Sorted by file and name. */
  get groups(): RuleGroup[] {
    return [...this.#groups.values()].sort(
      (a, b) => compareStrings(a.file, b.file) || compareStrings(a.config.name, b.config.name),
    );
  }

  /** Reads all files of a configuration. @throws ConfigError: nothing has changed then. */
  async load(config: PrometheusConfig): Promise<LoadedRules> {
    const files: LoadedRules["files"] = [];
    for (const pattern of config.rule_files ?? []) {
      for (const path of await glob(this.#disk, pattern)) {
        const content = new TextDecoder().decode(await this.#disk.readFile(path));
        if (content.length > MAX_RULE_FILE_BYTES)
          throw new ConfigError(`${path}: larger than ${MAX_RULE_FILE_BYTES} bytes`);
        try {
          const names = config.global.metric_name_validation_scheme as NameValidation;
          files.push({ path, groups: parseRuleFile(content, { names, parser: this.#settings.parser }) });
        } catch (error) {
          if (!(error instanceof RuleFileError)) throw error;
          throw new ConfigError(error.problems.map((problem) => `${path}: ${problem}`).join("\n"));
        }
      }
    }
    return {
      files,
      intervalMs: config.global.evaluation_interval,
      externalLabels: config.global.external_labels ?? {},
    };
  }

  /** Replaces the groups; one that does the same goes on undisturbed. */
  async apply({ files, intervalMs, externalLabels }: LoadedRules): Promise<void> {
    const context = { ...this.#settings, externalLabels };
    const restores = !this.#hasRun;
    this.#hasRun = true;
    const previous = this.#groups;
    const next = new Map<string, RuleGroup>();
    for (const { path, groups } of files) {
      for (const config of groups) {
        const group = new RuleGroup({ config, file: path, intervalMs, restores, context });
        const old = previous.get(group.key);
        next.set(group.key, old?.equals(group) ? old : group);
      }
    }
    this.#groups = next;
    await Promise.all([...previous].map(([key, old]) => this.#replace(old, next.get(key))));
    for (const [key, group] of next) if (previous.get(key) !== group) group.start();
  }

  async #replace(old: RuleGroup, successor: RuleGroup | undefined): Promise<void> {
    if (successor === old) return;
    await old.stop();
    if (successor !== undefined) return successor.inherit(old);
    this.#settings.metrics.removeGroup(old.key);
    this.#ending.add(old.endLater());
  }

  /** Series of groups that are gone are not marked any more: the next process may have the groups again. */
  async stop(): Promise<void> {
    for (const timer of this.#ending) timer.cancel();
    await Promise.all([...this.#groups.values()].map((group) => group.stop()));
  }
}
