import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { KubernetesRole } from "../config/discovery-config.ts";
import { buildGroup, type Lookup } from "./kubernetes-targets.ts";

const pod: KubernetesObject = {
  metadata: {
    name: "db-0",
    namespace: "ns",
    uid: "u",
    labels: { app: "test-db", "app.kubernetes.io/name": "x" },
    annotations: { "prometheus.io/scrape": "true" },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "o", controller: true }],
  },
  spec: {
    nodeName: "node-1",
    containers: [
      { name: "main", image: "db:1", ports: [{ name: "http", containerPort: 8000, protocol: "TCP" }] },
      { name: "side" },
    ],
    initContainers: [{ name: "init", image: "i", ports: [{ containerPort: 1 }] }],
  },
  status: {
    phase: "Running",
    podIP: "10.0.0.7",
    hostIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "main", containerID: "c://1" }],
  },
};

const noObjects: Lookup = { pod: () => undefined, service: () => undefined, jobNames: false };
const build = (role: KubernetesRole, object: KubernetesObject, lookup: Partial<Lookup> = {}) =>
  buildGroup(role, object, { ...noObjects, ...lookup });

test("a pod has a target for each port of each container, with upstream's labels", () => {
  const { source, labels, targets } = build("pod", pod);
  assert.equal(source, "pod/ns/db-0");
  assert.deepEqual(labels, {
    __meta_kubernetes_namespace: "ns",
    __meta_kubernetes_pod_annotation_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_controller_kind: "StatefulSet",
    __meta_kubernetes_pod_controller_name: "db",
    __meta_kubernetes_pod_host_ip: "10.0.0.1",
    __meta_kubernetes_pod_ip: "10.0.0.7",
    __meta_kubernetes_pod_label_app: "test-db",
    __meta_kubernetes_pod_label_app_kubernetes_io_name: "x",
    __meta_kubernetes_pod_labelpresent_app: "true",
    __meta_kubernetes_pod_labelpresent_app_kubernetes_io_name: "true",
    __meta_kubernetes_pod_name: "db-0",
    __meta_kubernetes_pod_node_name: "node-1",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_ready: "true",
    __meta_kubernetes_pod_uid: "u",
  });
  assert.deepEqual(targets, [
    {
      __address__: "10.0.0.7:8000",
      __meta_kubernetes_pod_container_id: "c://1",
      __meta_kubernetes_pod_container_image: "db:1",
      __meta_kubernetes_pod_container_init: "false",
      __meta_kubernetes_pod_container_name: "main",
      __meta_kubernetes_pod_container_port_name: "http",
      __meta_kubernetes_pod_container_port_number: "8000",
      __meta_kubernetes_pod_container_port_protocol: "TCP",
    },
    {
      __address__: "10.0.0.7",
      __meta_kubernetes_pod_container_id: "",
      __meta_kubernetes_pod_container_image: "",
      __meta_kubernetes_pod_container_init: "false",
      __meta_kubernetes_pod_container_name: "side",
    },
    {
      __address__: "10.0.0.7:1",
      __meta_kubernetes_pod_container_id: "",
      __meta_kubernetes_pod_container_image: "i",
      __meta_kubernetes_pod_container_init: "true",
      __meta_kubernetes_pod_container_name: "init",
      __meta_kubernetes_pod_container_port_name: "",
      __meta_kubernetes_pod_container_port_number: "1",
      __meta_kubernetes_pod_container_port_protocol: "TCP",
    },
  ]);
});

test("a pod without an address, or on a node that was not selected, has no target", () => {
  const pending = { ...pod, status: { phase: "Pending" } };
  assert.deepEqual(build("pod", pending).targets, []);
  assert.deepEqual(build("pod", pod, { node: () => undefined }).targets, []);
  const node = { metadata: { name: "node-1", labels: { zone: "a" } } };
  const { labels } = build("pod", pod, {
    node: () => node,
    namespace: () => ({ metadata: { name: "ns", labels: { team: "t" } } }),
  });
  assert.equal(labels.__meta_kubernetes_node_label_zone, "a");
  assert.equal(labels.__meta_kubernetes_namespace_label_team, "t");
});

test("a service has a target for each port, under its name", () => {
  const service = {
    metadata: { name: "db", namespace: "ns" },
    spec: { type: "ClusterIP", clusterIP: "10.1.0.1", ports: [{ name: "http", port: 80, protocol: "TCP" }] },
  };
  assert.deepEqual(build("service", service).targets, [
    {
      __address__: "db.ns.svc:80",
      __meta_kubernetes_service_cluster_ip: "10.1.0.1",
      __meta_kubernetes_service_port_name: "http",
      __meta_kubernetes_service_port_number: "80",
      __meta_kubernetes_service_port_protocol: "TCP",
      __meta_kubernetes_service_type: "ClusterIP",
    },
  ]);
});

test("a node has its kubelet as target, by the address that counts most", () => {
  const node = {
    metadata: { name: "node-1", labels: { zone: "a" } },
    spec: { providerID: "p" },
    status: {
      addresses: [
        { type: "Hostname", address: "h" },
        { type: "InternalIP", address: "fd00::1" },
      ],
      conditions: [{ type: "Ready", status: "True" }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  };
  const { targets, labels } = build("node", node);
  assert.deepEqual(targets, [
    {
      __address__: "[fd00::1]:10250",
      __meta_kubernetes_node_address_Hostname: "h",
      __meta_kubernetes_node_address_InternalIP: "fd00::1",
      instance: "node-1",
    },
  ]);
  assert.equal(labels.__meta_kubernetes_node_condition_ready, "true");
});

test("an endpoint slice has its endpoints, with their pods' labels and the pods' other ports", () => {
  const slice = {
    metadata: { name: "db-x", namespace: "ns", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    ports: [{ name: "metrics", port: 9, protocol: "TCP" }],
    endpoints: [
      {
        addresses: ["10.0.0.7"],
        conditions: { ready: true },
        targetRef: { kind: "Pod", namespace: "ns", name: "db-0" },
        nodeName: "node-1",
        zone: "a",
      },
    ],
  } as KubernetesObject;
  const service = { metadata: { name: "db", namespace: "ns", labels: { tier: "small" } } };
  const { targets, labels } = build("endpointslice", slice, { pod: () => pod, service: () => service });
  assert.equal(labels.__meta_kubernetes_service_label_tier, "small");
  assert.deepEqual(
    targets.map((target) => target.__address__),
    ["10.0.0.7:9", "10.0.0.7:8000", "10.0.0.7:1"],
  );
  assert.equal(targets[0].__meta_kubernetes_endpointslice_endpoint_conditions_ready, "true");
  assert.equal(targets[0].__meta_kubernetes_pod_name, "db-0");
  assert.equal(targets[1].__meta_kubernetes_pod_container_port_name, "http");
});

test("endpoints say which of their addresses are ready", () => {
  const endpoints = {
    metadata: { name: "db", namespace: "ns" },
    subsets: [
      {
        addresses: [{ ip: "1.1.1.1" }],
        notReadyAddresses: [{ ip: "2.2.2.2", hostname: "h" }],
        ports: [{ name: "p", port: 5 }],
      },
    ],
  } as KubernetesObject;
  const { targets } = build("endpoints", endpoints);
  assert.deepEqual(
    targets.map((target) => [target.__address__, target.__meta_kubernetes_endpoint_ready]),
    [
      ["1.1.1.1:5", "true"],
      ["2.2.2.2:5", "false"],
    ],
  );
});
