/** What the metrics are that each scrape adds about itself (`scrape/scrape.go`, `reportSample`). */
import type { MetricMetadata } from "../storage.ts";

const REPORTS: [metric: string, unit: string, help: string][] = [
  ["up", "targets", "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."],
  ["scrape_duration_seconds", "seconds", "Duration of the last scrape in seconds."],
  ["scrape_samples_scraped", "samples", "Number of samples last scraped."],
  [
    "scrape_samples_post_metric_relabeling",
    "samples",
    "Number of samples remaining after metric relabeling was applied.",
  ],
  ["scrape_series_added", "series", "Number of series in the last scrape."],
  ["scrape_timeout_seconds", "seconds", "The configured scrape timeout for a target."],
  [
    "scrape_sample_limit",
    "samples",
    "The configured sample limit for a target. Returns zero if there is no limit configured.",
  ],
  [
    "scrape_body_size_bytes",
    "bytes",
    "The uncompressed size of the last scrape response, if successful. Scrapes failing because body_size_limit is exceeded report -1, other scrape failures report 0.",
  ],
];

export const REPORT_METADATA: readonly (MetricMetadata & { metric: string })[] = REPORTS.map(
  ([metric, unit, help]) => ({ metric, type: "gauge", unit, help }),
);
