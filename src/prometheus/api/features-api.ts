/** `/api/v1/features`: what is there and what is switched on, for clients that ask before they use it. */
import { languageOf } from "../flags.ts";
import { FUNCTION_SIGNATURES } from "../promql/parser/function-signatures.ts";
import { AGGREGATORS } from "../promql/parser/lexer.ts";
import { TEMPLATE_FUNCTION_NAMES } from "../rules/template/function-table.ts";
import type { PrometheusServer } from "../server-state.ts";
import type { ApiResult } from "./api-request.ts";

const EXPERIMENTAL_AGGREGATORS: ReadonlySet<string> = new Set(["limitk", "limit_ratio"]);
const OPERATORS = "!= !~ % * + - / < <= == =~ > >= @ ^ and atan2 or unless".split(" ");
const TRIMMING_OPERATORS = ["</", ">/"];

export function features({ flags }: PrometheusServer): ApiResult {
  const {
    experimentalFunctions = false,
    extendedRangeSelectors = false,
    fillModifiers = false,
  } = languageOf(flags);
  const functions = [...FUNCTION_SIGNATURES].map(([name, { isExperimental }]): [string, boolean] => [
    name,
    !isExperimental || experimentalFunctions,
  ]);
  const aggregators = [...AGGREGATORS].map((name): [string, boolean] => [
    name,
    !EXPERIMENTAL_AGGREGATORS.has(name) || experimentalFunctions,
  ]);
  const operators = [...OPERATORS, ...TRIMMING_OPERATORS, ...AGGREGATORS].map((name): [string, boolean] => [
    name,
    aggregators.find(([other]) => other === name)?.[1] ?? true,
  ]);
  const data = {
    api: {
      admin: flags.boolean("web.enable-admin-api"),
      exclude_alerts: true,
      label_values_match: true,
      lifecycle: flags.boolean("web.enable-lifecycle"),
      "openapi_3.1": true,
      "openapi_3.2": true,
      otlp_write_receiver: flags.boolean("web.enable-otlp-receiver"),
      query_stats: true,
      query_warnings: true,
      remote_write_receiver: flags.boolean("web.enable-remote-write-receiver"),
      search: flags.hasFeature("search-api"),
      search_fuzz_alg_jarowinkler: true,
      search_fuzz_alg_subsequence: true,
      time_range_labels: true,
      time_range_series: true,
    },
    otlp_receiver: {
      delta_conversion: flags.hasFeature("otlp-deltatocumulative"),
      native_delta_ingestion: flags.hasFeature("otlp-native-delta-ingestion"),
    },
    prometheus: {
      agent_mode: false,
      auto_reload_config: flags.boolean("config.auto-reload") || flags.hasFeature("auto-reload-config"),
      server_mode: true,
      stringlabels: true,
    },
    promql: {
      anchored: extendedRangeSelectors,
      at_modifier: true,
      bool: true,
      by: true,
      delayed_name_removal: flags.hasFeature("promql-delayed-name-removal"),
      duration_expr: true,
      fill: fillModifiers,
      fill_left: fillModifiers,
      fill_right: fillModifiers,
      group_left: true,
      group_right: true,
      ignoring: true,
      negative_offset: true,
      offset: true,
      on: true,
      per_query_lookback_delta: true,
      per_step_stats: flags.hasFeature("promql-per-step-stats"),
      smoothed: extendedRangeSelectors,
      subqueries: true,
      type_and_unit_labels: flags.hasFeature("type-and-unit-labels"),
      without: true,
    },
    promql_functions: Object.fromEntries(functions),
    promql_operators: Object.fromEntries(operators.sort(([a], [b]) => (a < b ? -1 : 1))),
    rules: {
      concurrent_rule_eval: flags.hasFeature("concurrent-rule-eval"),
      keep_firing_for: true,
      query_offset: true,
    },
    scrape: {
      extra_scrape_metrics: true,
      start_timestamp_zero_ingestion: flags.hasFeature("created-timestamp-zero-ingestion"),
      type_and_unit_labels: flags.hasFeature("type-and-unit-labels"),
    },
    service_discovery_providers: { dns: true, file: true, http: true, kubernetes: true, static: true },
    templating_functions: Object.fromEntries([...TEMPLATE_FUNCTION_NAMES].sort().map((name) => [name, true])),
    tsdb: { exemplar_storage: flags.hasFeature("exemplar-storage"), native_histograms: true },
  };
  return { data };
}
