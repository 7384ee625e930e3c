/** `--enable-feature` (3.14): which features are on, and what there is to say of those that are not. */
import type { Logger } from "../base/log.ts";
import { ConfigError } from "./config/strict-yaml.ts";

/** Those that change something here. */
const FEATURES: ReadonlySet<string> = new Set([
  "auto-reload-config",
  "concurrent-rule-eval",
  "created-timestamp-zero-ingestion",
  "exemplar-storage",
  "extra-scrape-metrics",
  "otlp-deltatocumulative",
  "otlp-native-delta-ingestion",
  "promql-binop-fill-modifiers",
  "promql-delayed-name-removal",
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-per-step-stats",
  "promql-unquoted-utf8-names",
  "search-api",
  "type-and-unit-labels",
  "use-start-timestamps",
]);

/** Those that are always so, here as upstream or only here: metadata is in the log. */
const ALWAYS_ON: ReadonlySet<string> = new Set([
  "metadata-wal-records",
  "native-histograms",
  "ooo-native-histograms",
  "promql-duration-expr",
]);

/** Those of upstream's that are not there. They would change what is stored or shown. */
const ABSENT: ReadonlySet<string> = new Set([
  "delayed-compaction",
  "fast-startup",
  "histograms-st-encoding",
  "memory-snapshot-on-shutdown",
  "old-ui",
  "st-storage",
  "st-synthesis",
  "use-uncached-io",
  "xor2-encoding",
]);

/** Says of each feature that was asked for and is not on why. @throws ConfigError when two exclude each other */
export function checkFeatures(asked: readonly string[], log: Logger): void {
  for (const option of asked) {
    if (FEATURES.has(option)) continue;
    if (ALWAYS_ON.has(option))
      log.warn("This option for --enable-feature is permanently enabled and therefore a no-op.", { option });
    else if (ABSENT.has(option))
      log.warn("This option for --enable-feature is not supported and has no effect.", { option });
    else log.warn("Unknown option for --enable-feature", { option });
  }
  if (asked.includes("otlp-deltatocumulative") && asked.includes("otlp-native-delta-ingestion"))
    throw new ConfigError(
      "cannot enable otlp-deltatocumulative and otlp-native-delta-ingestion features at the same time",
    );
}
