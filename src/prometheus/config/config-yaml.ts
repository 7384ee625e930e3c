/** A configuration as upstream shows it: durations and sizes as text, secrets hidden, defaults left out where empty. */
import { Document, isScalar, isSeq, visit } from "yaml";
import { compareStrings } from "../../model/labels.ts";
import { DEFAULT_COMPILED } from "../relabel/relabel.ts";
import { inFieldOrder } from "./field-order.ts";
import { SECRET_FIELDS } from "./http-client-config.ts";
import { redactedUrl } from "./redacted-url.ts";
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
  "files",
  "port",
  "separator",
  "replacement",
  "send",
  "filter_external_labels",
  "read_recent",
  "outofordertimewindow",
]);

/** Plain there, and not told apart from absent. */
const OMITTED_IN_GLOBAL = new Set(["always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb"]);
/** Maps of names to text: an empty one is one all the same. */
const TEXT_MAPS = new Set(
  "external_labels labels params headers proxy_connect_header required_matchers".split(" "),
);

/** Text that is something else where it is not quoted, by YAML 1.1 or by 1.2: Go quotes it in double quotes. */
const RESOLVED = new RegExp(
  "^(?:|~|null|Null|NULL|y|Y|n|N|(?:yes|no|on|off|true|false)|(?:Yes|No|On|Off|True|False)|(?:YES|NO|ON|OFF|TRUE|FALSE)|" +
    "[-+]?(?:\\d[\\d_]*(?::[0-5]?\\d)*(?:\\.[\\d_]*)?|\\.\\d[\\d_]*)(?:[eE][-+]?\\d+)?|" +
    "[-+]?0[xob][\\da-fA-F_]+|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)|\\d{4}-\\d\\d?-\\d\\d?)$",
);

/** A configuration, or the section `key` of one, as YAML. */
export function configYaml(value: unknown, key = ""): string {
  const document = new Document(plain(value, key));
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === "string" && RESOLVED.test(scalar.value)) scalar.type = "QUOTE_DOUBLE";
    },
    Pair(_, { key: name, value: inner }) {
      if (isScalar(name) && name.value === "source_labels" && isSeq(inner)) inner.flow = true;
    },
  });
  return document.toString({
    indentSeq: false,
    lineWidth: 0,
    flowCollectionPadding: false,
    singleQuote: true,
  });
}

function plain(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, key));
  if (typeof value === "number") {
    if (DURATIONS.has(key)) return formatDuration(value);
    return SIZES.has(key) ? formatBytes(value) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (key === "namespaces" && Object.values(value).every(isEmpty)) return {};
  const shown: Record<string, unknown> = {};
  const entries = Object.entries(value);
  if (TEXT_MAPS.has(key)) entries.sort(([a], [b]) => compareStrings(a, b));
  for (const [name, inner] of inFieldOrder(key, entries)) {
    if (name === "compiled" || inner === undefined) continue;
    if (name === "regex" && "compiled" in value && value.compiled === DEFAULT_COMPILED) continue;
    if (SECRET_FIELDS.has(name) && inner !== "") shown[name] = hide(inner);
    else if (isUrl(name, key) && typeof inner === "string" && inner !== "") shown[name] = redactedUrl(inner);
    else {
      const isShown = isAlwaysShown(name, key);
      if (!isShown && isEmpty(inner)) continue;
      const yaml = plain(inner, name);
      if (isShown || !isEmpty(yaml)) shown[name] = yaml;
    }
  }
  return shown;
}

/** Those that upstream keeps as URLs, not as text. */
function isUrl(name: string, section: string): boolean {
  return name === "proxy_url" || (name === "url" && /^remote_(?:write|read)$/.test(section));
}

function isAlwaysShown(name: string, section: string): boolean {
  if (TEXT_MAPS.has(section)) return true;
  if (section === "global" && OMITTED_IN_GLOBAL.has(name)) return false;
  return ALWAYS.has(name) || (section === "static_configs" && name === "targets");
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
