/** The same measurements arrive twice, scraped and pushed: do the two pipelines agree, and do they keep up? */
import { dashboard, graph, STACKED, stat } from "./builder.ts";

const pair = (title: string, scraped: string, pushed: string, more = {}) =>
  graph(
    title,
    12,
    [
      { expr: scraped, legend: "scraped from /metrics" },
      { expr: pushed, legend: "pushed by OTLP" },
    ],
    more,
  );

export const pipelines = dashboard({
  uid: "percolate-pipelines",
  title: "Two pipelines",
  description: "Scraped and OTLP metrics side by side, and the Collector between them",
  tags: ["pipelines", "opentelemetry"],
  rows: [
    [
      "",
      [
        stat(
          "Drift of active tenants",
          6,
          { expr: "sum(percolate_active_tenants) - sum(otlp_percolate_active_tenants)" },
          {
            description: "Scraped less pushed. Not 0 for long means that one pipeline is behind or broken.",
            thresholds: [
              ["red", null],
              ["green", -0.5],
              ["red", 0.5],
            ],
          },
        ),
        stat(
          "Drift of requests",
          6,
          {
            expr: "sum(rate(percolate_tenant_requests_total[5m])) - sum(rate(otlp_percolate_tenant_requests_total[5m]))",
          },
          {
            unit: "reqps",
            decimals: 2,
            thresholds: [
              ["orange", null],
              ["green", -0.5],
              ["orange", 0.5],
            ],
          },
        ),
        stat(
          "Collector takes",
          6,
          { expr: "sum(rate(otelcol_receiver_accepted_metric_points[$__rate_interval]))" },
          { unit: "cps", color: { mode: "fixed", fixedColor: "green" } },
        ),
        stat(
          "Collector refuses",
          6,
          { expr: 'sum(rate({__name__=~"otelcol_receiver_refused_.*"}[$__rate_interval])) or vector(0)' },
          {
            unit: "cps",
            thresholds: [
              ["green", null],
              ["red", 0.001],
            ],
          },
        ),
      ],
    ],
    [
      "Agreement",
      [
        pair("Active tenants", "sum(percolate_active_tenants)", "sum(otlp_percolate_active_tenants)", {
          min: 0,
          decimals: 0,
          custom: { lineInterpolation: "stepAfter" },
        }),
        pair(
          "Requests",
          "sum(rate(percolate_tenant_requests_total[$__rate_interval]))",
          "sum(rate(otlp_percolate_tenant_requests_total[$__rate_interval]))",
          { unit: "reqps", min: 0 },
        ),
      ],
    ],
    [
      "Collector",
      [
        graph(
          "Items in and out",
          12,
          [
            {
              expr: "sum(rate(otelcol_receiver_accepted_metric_points[$__rate_interval]))",
              legend: "metric points in",
            },
            {
              expr: "sum(rate(otelcol_exporter_sent_metric_points[$__rate_interval]))",
              legend: "metric points out",
            },
            { expr: "sum(rate(otelcol_receiver_accepted_spans[$__rate_interval]))", legend: "spans in" },
            { expr: "sum(rate(otelcol_exporter_sent_spans[$__rate_interval]))", legend: "spans out" },
            {
              expr: "sum(rate(otelcol_receiver_accepted_log_records[$__rate_interval]))",
              legend: "log records in",
            },
            {
              expr: "sum(rate(otelcol_exporter_sent_log_records[$__rate_interval]))",
              legend: "log records out",
            },
          ],
          { unit: "cps", min: 0 },
        ),
        graph(
          "Exporter queues",
          12,
          [{ expr: "sum by (exporter) (otelcol_exporter_queue_size)", legend: "{{exporter}}" }],
          { min: 0, custom: STACKED },
        ),
      ],
    ],
    [
      "Prometheus",
      [
        graph(
          "Scrape duration",
          12,
          [{ expr: "max by (job) (scrape_duration_seconds)", legend: "{{job}}" }],
          { unit: "s", min: 0 },
        ),
        graph("Samples scraped", 12, [{ expr: "sum by (job) (scrape_samples_scraped)", legend: "{{job}}" }], {
          min: 0,
          custom: STACKED,
        }),
        {
          title: "Targets",
          type: "state-timeline",
          width: 24,
          height: 7,
          queries: [{ expr: "max by (job, pod, instance) (up)", legend: "{{job}} {{pod}} {{instance}}" }],
          thresholds: [
            ["red", null],
            ["green", 1],
          ],
          mappings: [
            {
              type: "value",
              options: {
                0: { text: "down", color: "red", index: 0 },
                1: { text: "up", color: "green", index: 1 },
              },
            },
          ],
          options: { mergeValues: true, showValue: "auto", rowHeight: 0.9, legend: { showLegend: false } },
        },
      ],
    ],
  ],
});
