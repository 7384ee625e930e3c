/**
 * `memory_limiter`: refuses data while the process uses too much memory (upstream `processor/memorylimiterprocessor`).
 * Above the soft limit (limit less spike) clients hear "try again"; JavaScript's collector cannot be asked to run, so
 * upstream's forced collection has no counterpart.
 */
import type { Timer } from "../../base/clock.ts";
import { ALL_SIGNALS, type ProcessorFactory } from "../component.ts";
import { duration, type Infer, object, uint32 } from "../config/schema.ts";

const MIB = 2 ** 20;

const CONFIG = object(
  {
    /** Milliseconds. */
    check_interval: duration(0),
    limit_mib: uint32(0),
    spike_limit_mib: uint32(0),
    limit_percentage: uint32(0),
    spike_limit_percentage: uint32(0),
    min_gc_interval_when_soft_limited: duration(10_000),
    min_gc_interval_when_hard_limited: duration(0),
    max_gc_interval_when_soft_limited: duration(30_000),
    max_gc_interval_when_hard_limited: duration(30_000),
  },
  "memorylimiter.Config",
);

type Config = Infer<typeof CONFIG>;

/** What percentages are of, where nobody says how much memory there is: 2 GiB. */
const TOTAL_MIB = 2048;

export const memoryLimiterProcessor: ProcessorFactory<Config> = {
  type: "memory_limiter",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate(config) {
    if (config.check_interval <= 0) return "'check_interval' must be greater than zero";
    const intervals = validateCollectionIntervals(config);
    if (intervals !== undefined) return intervals;
    if (config.limit_mib === 0 && config.limit_percentage === 0) {
      return "'limit_mib' or 'limit_percentage' must be greater than zero";
    }
    if (config.limit_percentage > 100 || config.spike_limit_percentage > 100) {
      return "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred";
    }
    if (config.limit_mib > 0 && config.limit_mib <= config.spike_limit_mib) {
      return "'spike_limit_mib' must be smaller than 'limit_mib'";
    }
    if (config.limit_percentage > 0 && config.limit_percentage <= config.spike_limit_percentage) {
      return "'spike_limit_percentage' must be smaller than 'limit_percentage'";
    }
    return undefined;
  },
  create(config, { clock, log, memoryUsage }, next) {
    const softLimit = softLimitBytes(config);
    let isOver = false;
    let timer: Timer;
    const check = () => {
      const used = memoryUsage();
      const wasOver = isOver;
      isOver = used >= softLimit;
      if (isOver === wasOver) return;
      const fields = { cur_mem_mib: Math.round(used / MIB) };
      if (isOver) log.warn("Memory usage is above soft limit. Refusing data.", fields);
      else log.info("Memory usage back within limits. Resuming normal operation.", fields);
    };
    return {
      async start() {
        timer = clock.every(config.check_interval, check);
      },
      async shutdown() {
        timer?.cancel();
      },
      async consume(payload) {
        if (isOver) throw new Error("data refused due to high memory usage");
        await next(payload);
      },
    };
  },
};

/** Of forced collections, which do not happen here: what upstream refuses is refused. */
function validateCollectionIntervals(config: Config): string | undefined {
  const { min_gc_interval_when_soft_limited: minSoft, min_gc_interval_when_hard_limited: minHard } = config;
  const { max_gc_interval_when_soft_limited: maxSoft, max_gc_interval_when_hard_limited: maxHard } = config;
  if (minSoft < minHard) {
    return "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'";
  }
  if (maxSoft < 0) return "'max_gc_interval_when_soft_limited' must be non-negative";
  if (maxHard < 0) return "'max_gc_interval_when_hard_limited' must be non-negative";
  if (maxSoft > 0 && maxSoft < minSoft) {
    return "'max_gc_interval_when_soft_limited' must be greater than or equal to 'min_gc_interval_when_soft_limited' (or 0 to disable)";
  }
  if (maxHard > 0 && maxHard < minHard) {
    return "'max_gc_interval_when_hard_limited' must be greater than or equal to 'min_gc_interval_when_hard_limited' (or 0 to disable)";
  }
  if (maxSoft > 0 && maxHard > 0 && maxSoft < maxHard) {
    return "'max_gc_interval_when_soft_limited' should be larger than or equal to 'max_gc_interval_when_hard_limited' (when both are set)";
  }
  return undefined;
}

function softLimitBytes(config: Config): number {
  const limit = config.limit_mib > 0 ? config.limit_mib : (config.limit_percentage / 100) * TOTAL_MIB;
  const spike =
    config.limit_mib > 0 ? config.spike_limit_mib : (config.spike_limit_percentage / 100) * TOTAL_MIB;
  return (limit - (spike > 0 ? spike : limit * 0.2)) * MIB;
}
