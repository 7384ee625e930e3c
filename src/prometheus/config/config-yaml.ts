/** A configuration as upstream shows it: durations and sizes as text, secrets hidden, defaults left out where empty. */
import { Document, isScalar, isSeq, visit } from "yaml";
import { inFieldOrder } from "./field-order.ts";
import { SECRET_FIELDS } from "./http-client-config.ts";
import { formatBytes, formatDuration } from "./units.ts";

const DURATIONS = new Set([
  "scrape_interval",
  "scrape_timeout",
  "evaluation_interval",
  "rule_query_offset",
  "refresh_interval",
  "timeout",
  "remote_timeout",
  "batch_send_deadline",
  "min_backoff",
  "max_backoff",
  "sample_age_limit",
  "send_interval",
  "out_of_order_time_window",
  "time",
]);
const SIZES = new Set(["body_size_limit", "size"]);
/** Shown even when false or empty. */
const ALWAYS = new Set([
  "honor_timestamps",
  "track_timestamps_staleness",
  "enable_compression",
  "follow_redirects",
  "enable_http2",
  "scrape_native_histograms",
  "always_scrape_classic_histograms",
  "convert_classic_histograms_to_nhcb",
  "extra_scrape_metrics",
  "insecure_skip_verify",
  "kubeconfig_file",
  "own_namespace",
  "names",
  "separator",
  "replacement",
  "send",
  "filter_external_labels",
  "read_recent",
  "outofordertimewindow",
]);

/** A configuration, or the section `key` of one, as YAML. */
export function configYaml(value: unknown, key = ""): string {
  const document = new Document(plain(value, key));
  visit(document, {
    Pair(_, { key: name, value: inner }) {
      if (isScalar(name) && name.value === "source_labels" && isSeq(inner)) inner.flow = true;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, flowCollectionPadding: false });
}

function plain(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, key));
  if (typeof value === "number") {
    if (DURATIONS.has(key)) return formatDuration(value);
    return SIZES.has(key) ? formatBytes(value) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const shown: Record<string, unknown> = {};
  for (const [name, inner] of inFieldOrder(key, Object.entries(value))) {
    if (name === "compiled" || inner === undefined) continue;
    if (SECRET_FIELDS.has(name) && inner !== "") shown[name] = hide(inner);
    else if (ALWAYS.has(name) || !isEmpty(inner)) {
      const yaml = plain(inner, name);
      if (ALWAYS.has(name) || !isEmpty(yaml)) shown[name] = yaml;
    }
  }
  return shown;
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function hide(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(() => "<secret>");
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.keys(value).map((name) => [name, "<secret>"]));
  return "<secret>";
}
