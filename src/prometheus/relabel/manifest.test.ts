/** What the topology's own scrape configuration makes of pods: the corrections of the design's relabelling. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { silentLogger } from "../../base/log.ts";
import { Labels } from "../../model/labels.ts";
import { parseConfig } from "../config/load-config.ts";
import { relabel } from "./relabel.ts";

const file = new URL("../../../k8s/test-topology/manifests/prometheus.yaml", import.meta.url);
const documents = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS());
const text = documents.find(({ kind }) => kind === "ConfigMap").data["prometheus.yml"];
const config = parseConfig(text, { env: {}, log: silentLogger });
const rules = config
  .scrape_configs!.find((job) => job?.job_name === "kubernetes-pods")!
  .relabel_configs!.map((one) => one!);

const POD = {
  __address__: "10.0.0.1:6000",
  __metrics_path__: "/metrics",
  __meta_kubernetes_namespace: "percolate-test",
  __meta_kubernetes_pod_name: "test-db-small-0",
  __meta_kubernetes_pod_ip: "10.0.0.1",
  __meta_kubernetes_pod_phase: "Running",
  __meta_kubernetes_pod_node_name: "node-a",
  __meta_kubernetes_pod_label_app: "test-db",
  __meta_kubernetes_pod_label_tier: "small",
  __meta_kubernetes_pod_container_init: "false",
  __meta_kubernetes_pod_annotation_prometheus_io_scrape: "true",
  __meta_kubernetes_pod_annotation_prometheus_io_port: "8000",
  __meta_kubernetes_pod_annotation_prometheus_io_path: "/own/metrics",
};

test("a pod is scraped at the port and path of its annotations, whichever of its ports was found", () => {
  for (const address of ["10.0.0.1:6000", "10.0.0.1:8000", "10.0.0.1"]) {
    const labels = relabel(Labels.of({ ...POD, __address__: address }), rules);
    assert.equal(labels?.get("__address__"), "10.0.0.1:8000", address);
    assert.equal(labels?.get("__metrics_path__"), "/own/metrics");
  }
});

test("a target has the labels that queries and dashboards select on", () => {
  const labels = relabel(Labels.of(POD), rules)!;
  const names = ["app", "tier", "pod", "namespace", "node"];
  assert.deepEqual(
    names.map((name) => labels.get(name)),
    ["test-db", "small", "test-db-small-0", "percolate-test", "node-a"],
  );
});

test("a pod that does not ask, has ended or only initialises is no target", () => {
  for (const change of [
    { __meta_kubernetes_pod_annotation_prometheus_io_scrape: "false" },
    { __meta_kubernetes_pod_phase: "Succeeded" },
    { __meta_kubernetes_pod_container_init: "true" },
  ]) {
    assert.equal(relabel(Labels.of({ ...POD, ...change }), rules), undefined, JSON.stringify(change));
  }
});
