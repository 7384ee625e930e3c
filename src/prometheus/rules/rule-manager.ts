/** Loads rule files and runs their groups (`rules/manager.go`). */
import { isDeepStrictEqual } from "node:util";
import type { Disk } from "../../base/disk.ts";
import { glob } from "../config/load-config.ts";
import type { NameValidation } from "../config/names.ts";
import type { PrometheusConfig } from "../config/prometheus-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import type { ParserOptions } from "../promql/mod.ts";
import { parseRuleFile, RuleFileError } from "./rule-file.ts";
import { type RuleContext, RuleGroup } from "./rule-group.ts";

/** A rule file may measure so much. */
export const MAX_RULE_FILE_BYTES = 64 * 1024 * 1024;

export interface RuleSettings extends Omit<RuleContext, "externalLabels"> {
  /** The parts of PromQL that are on. */
  parser: ParserOptions;
}

export class RuleManager {
  readonly #settings: RuleSettings;
  readonly #disk: Disk;
  #groups = new Map<string, RuleGroup>();

  constructor(settings: RuleSettings, disk: Disk) {
    this.#settings = settings;
    this.#disk = disk;
  }

  /** Sorted by file and name. */
  get groups(): RuleGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Reads all files of a configuration. @throws ConfigError: nothing has changed then. */
  async load(config: PrometheusConfig): Promise<RuleGroup[]> {
    const context = { ...this.#settings, externalLabels: config.global.external_labels ?? {} };
    const { evaluation_interval: intervalMs, rule_query_offset: offsetMs } = config.global;
    const groups: RuleGroup[] = [];
    for (const pattern of config.rule_files ?? []) {
      for (const path of await glob(this.#disk, pattern)) {
        const content = new TextDecoder().decode(await this.#disk.readFile(path));
        if (content.length > MAX_RULE_FILE_BYTES)
          throw new ConfigError(`${path}: larger than ${MAX_RULE_FILE_BYTES} bytes`);
        try {
          const names = config.global.metric_name_validation_scheme as NameValidation;
          for (const each of parseRuleFile(content, { names, parser: this.#settings.parser }))
            groups.push(new RuleGroup(each, path, intervalMs, offsetMs, context));
        } catch (error) {
          if (!(error instanceof RuleFileError)) throw error;
          throw new ConfigError(error.problems.map((problem) => `${path}: ${problem}`).join("\n"));
        }
      }
    }
    return groups;
  }

  /** Replaces the groups; one that is the same goes on undisturbed. */
  async apply(groups: RuleGroup[]): Promise<void> {
    const next = new Map<string, RuleGroup>();
    for (const group of groups) {
      const old = this.#groups.get(group.key);
      const isSame =
        old !== undefined &&
        isDeepStrictEqual(old.config, group.config) &&
        old.intervalMs === group.intervalMs &&
        old.queryOffsetMs === group.queryOffsetMs;
      next.set(group.key, isSame ? old : group);
    }
    const previous = this.#groups;
    this.#groups = next;
    for (const [key, old] of previous) {
      const successor = next.get(key);
      if (successor === old) continue;
      await old.stop();
      successor?.inherit(old);
      await old.end();
    }
    for (const [key, group] of next) if (previous.get(key) !== group) group.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.stop()));
  }
}
