/** Discovery that asks again and again (`discovery/refresh`). */
import type { Logger } from "../../base/log.ts";
import type { DiscoverySystem } from "./discovery-system.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

export interface RefreshOptions {
  /** Under what refreshes are counted; missing: they are not. */
  mechanism?: string;
  /** The configuration's name. */
  config: string;
  intervalMs: number;
}

/** @param refresh answers all groups; when it fails, those of before stay */
export function createRefreshDiscovery(
  { clock, metrics }: DiscoverySystem,
  log: Logger,
  { mechanism, config, intervalMs }: RefreshOptions,
  refresh: (signal: AbortSignal) => Promise<TargetGroup[]>,
): Discoverer {
  const count = (started: number, hasFailed: boolean) => {
    if (mechanism === undefined) return;
    metrics.observeRefresh(config, mechanism, (clock.monotonic() - started) / 1000, hasFailed);
  };
  return {
    async run(update, signal) {
      let known = new Set<string>();
      while (!signal.aborted) {
        const started = clock.monotonic();
        try {
          const groups = await refresh(signal);
          count(started, false);
          const sources = new Set(groups.map((group) => group.source));
          const gone = [...known].filter((source) => !sources.has(source));
          known = sources;
          if (!signal.aborted)
            update([...groups, ...gone.map((source) => ({ source, targets: [], labels: {} }))]);
        } catch (error) {
          if (!signal.aborted) count(started, true);
          if (!signal.aborted) log.error("Unable to refresh target groups", { err: error });
        }
        await clock.sleep(intervalMs, signal).catch(() => {});
      }
    },
  };
}
