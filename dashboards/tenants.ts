/** Who is active, how much they ask for, and whether their requests go where their data are. */
import { dashboard, graph, legendTable, STACKED, STEPS, stat, TIER_VARIABLE } from "./builder.ts";

const HIT_RATE = (by: string) =>
  `sum${by} (rate(percolate_affinity_hits_total{tier=~"$tier"}[$__rate_interval])) / sum${by} (rate(percolate_tenant_requests_total{tier=~"$tier"}[$__rate_interval]))`;

export const tenants = dashboard({
  uid: "percolate-tenants",
  title: "Tenants",
  description: "Active tenants by tier, request rate by tenant, and tenant affinity",
  tags: ["tenants"],
  variables: [TIER_VARIABLE],
  rows: [
    [
      "",
      [
        stat(
          "Active tenants",
          4,
          { expr: 'sum(percolate_active_tenants{tier=~"$tier"})' },
          { description: "Tenants with a request in the last 5 minutes: what KEDA scales on" },
        ),
        stat(
          "Requests",
          4,
          { expr: 'sum(rate(percolate_tenant_requests_total{tier=~"$tier"}[$__rate_interval]))' },
          { unit: "reqps", color: { mode: "fixed", fixedColor: "green" } },
        ),
        stat(
          "Affinity",
          4,
          { expr: HIT_RATE("") },
          {
            unit: "percentunit",
            description: "Requests that met the pod which owns their tenant, of all",
            thresholds: [
              ["red", null],
              ["orange", 0.9],
              ["green", 0.99],
            ],
          },
        ),
        stat(
          "Ready pods",
          4,
          {
            expr: 'sum(kube_pod_status_ready{namespace="percolate-test",condition="true",pod=~"test-db-.*"})',
          },
          { color: { mode: "fixed", fixedColor: "purple" } },
        ),
        stat(
          "Waiting in the router",
          4,
          { expr: "sum(percolate_router_pending_requests)" },
          {
            thresholds: [
              ["green", null],
              ["orange", 1],
              ["red", 20],
            ],
          },
        ),
        stat(
          "95th percentile",
          4,
          {
            expr: "histogram_quantile(0.95, sum by (le) (rate(percolate_router_request_duration_seconds_bucket[$__rate_interval])))",
          },
          { unit: "s", color: { mode: "fixed", fixedColor: "orange" } },
        ),
      ],
    ],
    [
      "",
      [
        graph(
          "Active tenants by tier",
          12,
          [{ expr: 'sum by (tier) (percolate_active_tenants{tier=~"$tier"})', legend: "{{tier}}" }],
          { custom: STEPS, min: 0, decimals: 0 },
        ),
        graph(
          "Request rate by tenant",
          12,
          [
            {
              expr: 'sum by (tenant_id) (rate(percolate_tenant_requests_total{tier=~"$tier"}[$__rate_interval]))',
              legend: "{{tenant_id}}",
            },
          ],
          {
            unit: "reqps",
            custom: STACKED,
            options: legendTable("lastNotNull", "max"),
          },
        ),
      ],
    ],
    [
      "Affinity",
      [
        {
          title: "Tenant affinity heatmap",
          description:
            "Where each tenant's requests went. A tenant that moves ends on one row and begins on another.",
          type: "heatmap",
          width: 16,
          height: 11,
          queries: [
            {
              expr: 'sum by (tenant_id, pod) (rate(percolate_tenant_requests_total{tier=~"$tier"}[$__rate_interval])) > 0',
              legend: "{{tenant_id}} → {{pod}}",
            },
          ],
          unit: "reqps",
          options: {
            calculate: false,
            color: { mode: "scheme", scheme: "Turbo", steps: 64 },
            cellGap: 1,
            yAxis: { unit: "short" },
          },
        },
        {
          title: "Affinity hit rate by pod",
          type: "bargauge",
          width: 8,
          height: 11,
          queries: [{ expr: HIT_RATE(" by (pod)"), legend: "{{pod}}" }],
          unit: "percentunit",
          min: 0,
          max: 1,
          thresholds: [
            ["red", null],
            ["orange", 0.9],
            ["green", 0.99],
          ],
          options: {
            orientation: "horizontal",
            displayMode: "gradient",
            reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
          },
        },
      ],
    ],
    [
      "Requests",
      [
        graph(
          "Latency",
          12,
          [
            ...["0.5", "0.95", "0.99"].map((quantile) => ({
              expr: `histogram_quantile(${quantile}, sum by (le) (rate(percolate_router_request_duration_seconds_bucket[$__rate_interval])))`,
              legend: `router p${Number(quantile) * 100}`,
            })),
            {
              expr: "histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket[$__rate_interval])))",
              legend: "pods p99",
              exemplar: true,
            },
          ],
          {
            unit: "s",
            description:
              "At the router with the time that requests wait for their pod, and at the pods. Diamonds are traces: click one.",
          },
        ),
        graph(
          "Responses by code",
          12,
          [
            {
              expr: "sum by (code) (rate(percolate_router_requests_total[$__rate_interval]))",
              legend: "{{code}}",
            },
          ],
          { unit: "reqps", custom: STACKED },
        ),
      ],
    ],
  ],
});
