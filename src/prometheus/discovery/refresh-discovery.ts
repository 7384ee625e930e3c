/** Discovery that asks again and again (`discovery/refresh`). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

/** @param refresh answers all groups; when it fails, those of before stay */
export function createRefreshDiscovery(
  clock: Clock,
  log: Logger,
  intervalMs: number,
  refresh: (signal: AbortSignal) => Promise<TargetGroup[]>,
): Discoverer {
  return {
    async run(update, signal) {
      let known = new Set<string>();
      while (!signal.aborted) {
        try {
          const groups = await refresh(signal);
          const sources = new Set(groups.map((group) => group.source));
          const gone = [...known].filter((source) => !sources.has(source));
          known = sources;
          if (!signal.aborted)
            update([...groups, ...gone.map((source) => ({ source, targets: [], labels: {} }))]);
        } catch (error) {
          if (!signal.aborted) log.error("Unable to refresh target groups", { err: error });
        }
        await clock.sleep(intervalMs, signal).catch(() => {});
      }
    },
  };
}
