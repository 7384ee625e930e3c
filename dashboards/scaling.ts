/** What the autoscaler wanted, and what the cluster did about it. */
import { dashboard, graph, STEPS, stat } from "./builder.ts";

const HPA = 'namespace="percolate-test"';
const fixed = (name: string, color: string, more: { id: string; value: unknown }[] = []) => ({
  matcher: { id: "byName", options: name },
  properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }, ...more],
});

export const scaling = dashboard({
  uid: "percolate-scaling",
  title: "Pod scaling",
  description: "The pod scaling timeline: metric, KEDA, HPA, StatefulSet, pods",
  tags: ["scaling", "keda"],
  rows: [
    [
      "",
      [
        stat(
          "Desired",
          4,
          { expr: `max(kube_horizontalpodautoscaler_status_desired_replicas{${HPA}})` },
          { color: { mode: "fixed", fixedColor: "orange" } },
        ),
        stat("Current", 4, { expr: `max(kube_horizontalpodautoscaler_status_current_replicas{${HPA}})` }),
        // kube-state-metrics has a 0/1 series for each phase of a pod: counting them would count every pod.
        stat(
          "Running pods",
          4,
          { expr: 'sum(kube_pod_status_phase{namespace="percolate-test",phase="Running"})' },
          { color: { mode: "fixed", fixedColor: "green" }, description: "All pods of the namespace" },
        ),
        stat(
          "Metric",
          4,
          { expr: 'sum(percolate_active_tenants{tier="small"})' },
          { description: "The query of the ScaledObject", color: { mode: "fixed", fixedColor: "purple" } },
        ),
        stat(
          "Tenants per pod",
          4,
          {
            expr: 'sum(percolate_active_tenants{tier="small"}) / max(kube_statefulset_status_replicas_ready{namespace="percolate-test",statefulset="test-db-small"})',
          },
          {
            decimals: 2,
            thresholds: [
              ["green", null],
              ["orange", 2.01],
              ["red", 3],
            ],
          },
        ),
        stat(
          "Range",
          4,
          { expr: `max(kube_horizontalpodautoscaler_spec_max_replicas{${HPA}})`, instant: true },
          {
            description: "The most pods that the HPA may ask for",
            options: {
              reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
              colorMode: "none",
              graphMode: "none",
              textMode: "value",
            },
          },
        ),
      ],
    ],
    [
      "",
      [
        graph(
          "Pod scaling timeline",
          24,
          [
            {
              expr: `max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_desired_replicas{${HPA}})`,
              legend: "desired",
            },
            {
              expr: `max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas{${HPA}})`,
              legend: "current",
            },
            {
              expr: 'max by (statefulset) (kube_statefulset_status_replicas_ready{namespace="percolate-test",statefulset="test-db-small"})',
              legend: "ready",
            },
            { expr: 'sum(percolate_active_tenants{tier="small"})', legend: "active tenants" },
            { expr: `max(kube_horizontalpodautoscaler_spec_max_replicas{${HPA}})`, legend: "maximum" },
          ],
          {
            height: 11,
            min: 0,
            decimals: 0,
            custom: STEPS,
            overrides: [
              fixed("desired", "orange", [
                { id: "custom.lineStyle", value: { fill: "dash", dash: [10, 6] } },
                { id: "custom.fillOpacity", value: 0 },
              ]),
              fixed("current", "blue"),
              fixed("ready", "green", [{ id: "custom.fillOpacity", value: 20 }]),
              fixed("active tenants", "purple", [
                { id: "custom.fillOpacity", value: 0 },
                { id: "custom.lineWidth", value: 1 },
              ]),
              fixed("maximum", "red", [
                { id: "custom.lineStyle", value: { fill: "dot" } },
                { id: "custom.fillOpacity", value: 0 },
                { id: "custom.lineWidth", value: 1 },
              ]),
            ],
          },
        ),
      ],
    ],
    [
      "Pods",
      [
        {
          title: "Pods of the tier",
          description: "From a pod's first second to its last",
          type: "state-timeline",
          width: 16,
          height: 9,
          queries: [
            {
              expr: 'max by (pod) (kube_pod_status_ready{namespace="percolate-test",condition="true",pod=~"test-db-.*"})',
              legend: "{{pod}}",
            },
          ],
          thresholds: [
            ["orange", null],
            ["green", 1],
          ],
          mappings: [
            {
              type: "value",
              options: {
                0: { text: "not ready", color: "orange", index: 0 },
                1: { text: "ready", color: "green", index: 1 },
              },
            },
          ],
          options: { mergeValues: true, showValue: "auto", rowHeight: 0.9, legend: { showLegend: false } },
        },
        {
          title: "Pods by node",
          type: "table",
          width: 8,
          height: 9,
          queries: [
            {
              expr: 'sum by (node, pod) (kube_pod_info{namespace="percolate-test"})',
              instant: true,
              format: "table",
            },
          ],
          custom: { align: "auto" },
          transformations: [
            {
              id: "organize",
              options: {
                excludeByName: { Time: true, Value: true },
                indexByName: { node: 0, pod: 1 },
                renameByName: { node: "Node", pod: "Pod" },
              },
            },
            { id: "sortBy", options: { sort: [{ field: "Node" }] } },
          ],
        },
      ],
    ],
    [
      "KEDA",
      [
        graph(
          "Scaler value",
          12,
          [
            {
              expr: "max by (scaler, metric) (keda_scaler_metrics_value)",
              legend: "{{scaler}}",
            },
          ],
          { custom: STEPS, min: 0 },
        ),
        graph(
          "Scaler errors",
          12,
          [
            {
              expr: "sum by (scaler) (rate(keda_scaler_detail_errors_total[$__rate_interval]))",
              legend: "{{scaler}}",
            },
          ],
          { unit: "ops", min: 0 },
        ),
      ],
    ],
  ],
});
