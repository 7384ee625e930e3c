import assert from "node:assert/strict";
import test from "node:test";
import type { Container, Node, Pod, Service } from "../types.ts";
import { containerEnvironment, type EnvironmentSources, expand } from "./container-environment.ts";

const CASES: [text: string, expected: string][] = [
  ["$(A)", "1"],
  ["x$(A)y$(B)z", "x1y2z"],
  ["$(MISSING)", "$(MISSING)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$A ${A}", "$A ${A}"],
  ["$(A", "$(A"],
  ["$(constructor)", "$(constructor)"],
];
for (const [text, expected] of CASES) {
  test(`expand() of ${text}`, () => assert.equal(expand(text, { A: "1", B: "2" }), expected));
}

const pod: Pod = {
  metadata: {
    name: "db-0",
    namespace: "shop",
    uid: "u1",
    labels: { app: "db", b: 'say "hi"' },
    annotations: { note: "x" },
  },
  spec: { containers: [], nodeName: "node-1", serviceAccountName: "db" },
  status: { podIP: "127.1.64.1", hostIP: "127.1.255.1" },
};
const node: Node = {
  metadata: { name: "node-1" },
  spec: {},
  status: { allocatable: { cpu: "4", memory: "8Gi" } },
};
const service = (namespace: string, name: string, clusterIP: string): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP, ports: [{ name: "http", port: 80 }, { port: 443 }] },
});
const sources: EnvironmentSources = {
  pod,
  node,
  services: [
    service("default", "kubernetes", "127.1.0.1"),
    service("shop", "my-web", "127.1.1.2"),
    service("shop", "headless", "None"),
    service("other", "far", "127.1.1.3"),
  ],
  configMap: (name) =>
    name === "settings" ? { metadata: { name }, data: { COLOR: "blue", SIZE: "1" } } : undefined,
  secret: (name) =>
    name === "keys"
      ? { metadata: { name }, data: { TOKEN: Buffer.from("s3cret").toString("base64") } }
      : undefined,
};
const container = (rest: Partial<Container>): Container => ({ name: "app", image: "x", ...rest });
const envOf = (rest: Partial<Container>) => containerEnvironment(container(rest), sources);

test("Services of the namespace and the API's are in the environment", () => {
  const env = envOf({});
  assert.equal(env.KUBERNETES_SERVICE_HOST, "127.1.0.1");
  assert.equal(env.MY_WEB_SERVICE_HOST, "127.1.1.2");
  assert.equal(env.MY_WEB_SERVICE_PORT_HTTP, "80");
  assert.equal(env.MY_WEB_PORT, "tcp://127.1.1.2:80");
  assert.equal(env.MY_WEB_PORT_443_TCP_ADDR, "127.1.1.2");
  assert.equal(env.HEADLESS_SERVICE_HOST, undefined);
  assert.equal(env.FAR_SERVICE_HOST, undefined);
  const quiet = { ...sources, pod: { ...pod, spec: { ...pod.spec, enableServiceLinks: false } } };
  const without = containerEnvironment(container({}), quiet);
  assert.deepEqual([without.KUBERNETES_SERVICE_PORT, without.MY_WEB_SERVICE_HOST], ["80", undefined]);
});

const FIELDS: [path: string, expected: string][] = [
  ["metadata.name", "db-0"],
  ["metadata.labels['app']", "db"],
  ["metadata.annotations['note']", "x"],
  ["metadata.labels", 'app="db"\nb="say \\"hi\\""'],
  ["status.podIP", "127.1.64.1"],
  ["spec.nodeName", "node-1"],
  ["spec.serviceAccountName", "db"],
];
for (const [fieldPath, expected] of FIELDS) {
  test(`fieldRef ${fieldPath}`, () => {
    assert.equal(envOf({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath } } }] }).X, expected);
  });
}

const RESOURCES: [resource: string, divisor: string | undefined, expected: string][] = [
  ["limits.cpu", undefined, "2"],
  ["limits.cpu", "1m", "1500"],
  ["requests.memory", "1Mi", "64"],
  ["limits.memory", "1Gi", "8"],
];
for (const [resource, divisor, expected] of RESOURCES) {
  test(`resourceFieldRef ${resource} in ${divisor ?? "whole units"}`, () => {
    const resources = { requests: { memory: "64Mi" }, limits: { cpu: "1500m" } };
    const env = [{ name: "X", valueFrom: { resourceFieldRef: { resource, divisor } } }];
    assert.equal(envOf({ env, resources }).X, expected);
  });
}

test("envFrom goes before env, later entries see earlier ones, prefixes apply", () => {
  const env = envOf({
    envFrom: [{ configMapRef: { name: "settings" } }, { prefix: "K_", secretRef: { name: "keys" } }],
    env: [
      { name: "COLOR", value: "red" },
      { name: "TEXT", value: "$(COLOR) $(K_TOKEN) $(LATER)" },
      { name: "LATER", value: "1" },
      { name: "SIZE2", valueFrom: { configMapKeyRef: { name: "settings", key: "SIZE" } } },
      { name: "NONE", valueFrom: { secretKeyRef: { name: "absent", key: "x", optional: true } } },
    ],
  });
  assert.deepEqual(
    [env.COLOR, env.SIZE, env.K_TOKEN, env.TEXT, env.SIZE2, env.NONE],
    ["red", "1", "s3cret", "red s3cret $(LATER)", "1", undefined],
  );
});

const PROBLEMS: [rest: Partial<Container>, message: string][] = [
  [{ envFrom: [{ configMapRef: { name: "absent" } }] }, 'configmap "absent" not found'],
  [{ envFrom: [{ secretRef: { name: "absent" } }] }, 'secret "absent" not found'],
  [
    { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "settings", key: "no" } } }] },
    "couldn't find key no in ConfigMap shop/settings",
  ],
  [
    { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "keys", key: "no" } } }] },
    "couldn't find key no in Secret shop/keys",
  ],
];
for (const [rest, message] of PROBLEMS) {
  test(`containerEnvironment() throws: ${message}`, () => {
    assert.throws(() => envOf(rest), { name: "ContainerConfigError", message });
  });
}
