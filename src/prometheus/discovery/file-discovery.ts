/** Targets from files (`discovery/file`): looked at every few seconds, so that a change counts soon. */
import type { Logger } from "../../base/log.ts";
import { type FileDiscoveryConfig, type TargetGroupConfig, targetGroup } from "../config/discovery-config.ts";
import { glob } from "../config/glob.ts";
import { ConfigError, decodeYaml, list, nullable } from "../config/strict-yaml.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import { createRefreshDiscovery } from "./refresh-discovery.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";
import { decodeTargetGroups } from "./target-group-json.ts";

/** A file of groups may measure so much. */
export const MAX_TARGET_FILE_BYTES = 64 * 1024 * 1024;
/** Upstream is told of changes by the system; a look this often is close to it. */
const POLL_MS = 2_000;

export function createFileDiscovery(
  config: FileDiscoveryConfig,
  system: DiscoverySystem,
  log: Logger,
  job: string,
): Discoverer {
  const { disk, clock, metrics } = system;
  /** The groups of a file that can't be read now are those of before. */
  const lastGood = new Map<string, { stamp: string; groups: TargetGroup[] }>();
  /** A pattern that is none does not keep the others from being looked for. */
  const expanded = (pattern: string) =>
    glob(disk, pattern).catch((error) => {
      log.error("Error expanding glob", { glob: pattern, err: error });
      return [];
    });
  const refresh = async () => {
    const groups: TargetGroup[] = [];
    const started = clock.monotonic();
    const present = new Set<string>();
    for (const pattern of config.files) {
      for (const path of await expanded(pattern)) {
        present.add(path);
        try {
          const stat = await disk.stat(path);
          const stamp = `${stat?.size} ${stat?.modifiedMs}`;
          if (lastGood.get(path)?.stamp !== stamp) {
            if ((stat?.size ?? 0) > MAX_TARGET_FILE_BYTES)
              throw new Error(`larger than ${MAX_TARGET_FILE_BYTES} bytes`);
            const text = new TextDecoder().decode(await disk.readFile(path));
            metrics.fileModified.set((stat?.modifiedMs ?? 0) / 1000, path);
            lastGood.set(path, { stamp, groups: groupsOf(path, text) });
          }
        } catch (error) {
          metrics.fileReadErrors.add(1);
          log.error("Error reading file", { path, err: error });
        }
        groups.push(...(lastGood.get(path)?.groups ?? []));
      }
    }
    for (const path of lastGood.keys()) {
      if (present.has(path)) continue;
      lastGood.delete(path);
      metrics.fileModified.delete(path);
    }
    metrics.fileScans.observe((clock.monotonic() - started) / 1000);
    return groups;
  };
  return createRefreshDiscovery(
    system,
    log,
    { config: job, intervalMs: Math.min(config.refresh_interval, POLL_MS) },
    refresh,
  );
}

/** A file's groups; its name says in which format they are. @throws Error */
export function groupsOf(path: string, text: string): TargetGroup[] {
  const groups = path.toLowerCase().endsWith(".json") ? decodeTargetGroups(text) : yamlGroups(text);
  return groups.map(({ targets, labels }, index) => ({
    source: `${path}:${index}`,
    targets: targets.map((address) => ({ __address__: address })),
    labels: { ...labels, __meta_filepath: path },
  }));
}

/** @throws ConfigError */
function yamlGroups(text: string): TargetGroupConfig[] {
  const groups = decodeYaml<(TargetGroupConfig | undefined)[]>(
    text,
    list(nullable(targetGroup), "[]*targetgroup.Group"),
    () => [],
  );
  return (groups ?? []).map((group) => {
    if (group === undefined) throw new ConfigError("nil target group item found");
    return group;
  });
}
