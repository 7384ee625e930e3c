import assert from "node:assert/strict";
import test from "node:test";
import { builtInImages, createImageCatalogue, fullImageName, parseImages } from "./image-catalogue.ts";

const catalogue = createImageCatalogue(
  builtInImages((component) => ["run", component]),
  {
    "acme/web": { command: ["web"] },
    "acme/web:2": { command: ["web-two"] },
    "registry.local:5000/tool": { command: ["tool"] },
  },
);

const FOUND: [image: string, command: string[] | undefined][] = [
  ["prom/prometheus:v3.1.0", ["run", "prometheus"]],
  ["docker.io/prom/prometheus", ["run", "prometheus"]],
  ["quay.io/prometheus/prometheus:v3", ["run", "prometheus"]],
  ["otel/opentelemetry-collector-contrib:0.1@sha256:abc", ["run", "collector"]],
  ["registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0", ["run", "kube-state-metrics"]],
  ["acme/web", ["web"]],
  ["acme/web:1", ["web"]],
  ["acme/web:2", ["web-two"]],
  ["registry.local:5000/tool", ["tool"]],
  ["registry.local:5000/tool:9", ["tool"]],
  ["acme/other", undefined],
  ["prometheus", undefined],
];
for (const [image, command] of FOUND) {
  test(`find(${image})`, () => assert.deepEqual(catalogue.find(image)?.command, command));
}

test("parseImages() reads a file, with paths from its folder", () => {
  const text = `
images:
  acme/web:
    command: [node, ./web/main.js]
    args: [--port, "80"]
    workingDirectory: web
    env: { LEVEL: debug }
`;
  assert.deepEqual(parseImages(text, "/etc/topology/images.yaml"), {
    "acme/web": {
      command: ["node", "/etc/topology/web/main.js"],
      args: ["--port", "80"],
      workingDirectory: "/etc/topology/web",
      env: { LEVEL: "debug" },
    },
  });
  assert.deepEqual(parseImages("", "images.yaml"), {});
});

const WRONG: [text: string, message: string][] = [
  ["[1]", "images.yaml: (top): expected a mapping with the key images"],
  ["image: {}", "images.yaml: image: unknown field, expected images"],
  ["images: {a: 1}", "images.yaml: images.a: expected a mapping with the key command"],
  ["images: {a: {}}", "images.yaml: images.a.command: expected a list of strings"],
  ["images: {a: {command: []}}", "images.yaml: images.a.command: expected a list of strings"],
  ["images: {a: {command: [x], args: x}}", "images.yaml: images.a.args: expected a list of strings"],
  ["images: {a: {command: [x], env: {A: 1}}}", "images.yaml: images.a.env: expected a mapping of strings"],
  [
    "images: {a: {command: [x], cmd: 1}}",
    "images.yaml: images.a.cmd: unknown field, expected one of command, args, workingDirectory, env",
  ],
];
for (const [text, message] of WRONG) {
  test(`parseImages() rejects ${text}`, () =>
    assert.throws(() => parseImages(text, "images.yaml"), { message }));
}

test("an image's full name has registry, folder and tag", () => {
  const names = {
    busybox: "docker.io/library/busybox:latest",
    "busybox:1": "docker.io/library/busybox:1",
    "acme/orders": "docker.io/acme/orders:latest",
    "quay.io/acme/orders:2": "quay.io/acme/orders:2",
    "localhost/orders": "localhost/orders:latest",
    "registry:5000/orders": "registry:5000/orders:latest",
    "acme/orders@sha256:0a": "docker.io/acme/orders@sha256:0a",
  };
  for (const [name, full] of Object.entries(names)) assert.equal(fullImageName(name), full);
});
