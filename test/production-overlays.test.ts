/** The overlays of `k8s/production`: that they build, that a cluster takes what they make, and what they change. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { systemDisk } from "../src/base/disk.ts";
import { FACTORIES, loadConfig } from "../src/collector/mod.ts";
import { createKubectlWorld, type KubectlWorld } from "./kubectl-world.ts";

const KUBECTL = process.env.TOPOLOGY_KUBECTL ?? "kubectl";
const ROOT = join(import.meta.dirname, "..");

type Manifest = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } } & Record<
  string,
  // biome-ignore lint/suspicious/noExplicitAny: a YAML document
  any
>;

function build(folder: string): { text: string; error: string } {
  const { stdout, stderr, error } = spawnSync(KUBECTL, ["kustomize", join(ROOT, "k8s", folder)], {
    encoding: "utf8",
  });
  return { text: stdout ?? "", error: error === undefined ? stderr : error.message };
}

const parse = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Manifest);

// kubectl's kustomize of before 1.27 does not know `patches` with options.
const tried = build("production/base");
const skip = tried.text === "" ? `${KUBECTL} kustomize cannot build the overlays: ${tried.error}` : false;

const find = (objects: Manifest[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);

describe("production overlays", { skip }, () => {
  let world: KubectlWorld;
  before(async () => {
    world = await createKubectlWorld();
    const embedded = join(ROOT, "k8s/test-topology/embedded/keda.yaml");
    const applied = await world.run(KUBECTL, ["apply", "-f", embedded]);
    assert.equal(applied.code, 0, applied.stderr);
    const created = await world.run(KUBECTL, ["create", "namespace", "percolate-test"]);
    assert.equal(created.code, 0, created.stderr);
  });
  after(() => world.close());

  for (const name of ["base", "aws", "gcp"]) {
    test(`${name} builds, and a cluster takes every object that it knows`, async () => {
      const { text, error } = build(`production/${name}`);
      assert.notEqual(text, "", error);
      // The Operator's kinds come with the Operator.
      const known = parse(text).filter(({ apiVersion }) => !apiVersion.startsWith("monitoring.coreos.com/"));
      const input = known.map((object) => `${JSON.stringify(object)}\n`).join("---\n");
      const { code, stderr, stdout } = await world.run(
        KUBECTL,
        ["apply", "--dry-run=server", "-f", "-"],
        input,
      );
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trim().split("\n").length, known.length);
    });
  }

  test("base changes what production needs and leaves the scaling alone", () => {
    const base = parse(tried.text);
    const local = parse(build("test-topology").text);
    assert.deepEqual(
      find(base, "ScaledObject", "test-db-small"),
      find(local, "ScaledObject", "test-db-small"),
    );
    assert.ok(find(base, "DaemonSet", "otel-collector"));
    for (const [kind, name] of [
      ["Deployment", "otel-collector"],
      ["StatefulSet", "prometheus"],
      ["Deployment", "grafana"],
      ["Service", "tempo"],
      ["Service", "loki"],
    ]) {
      assert.equal(find(base, kind, name), undefined, `${kind} ${name}`);
      if (kind !== "StatefulSet") assert.ok(find(local, kind, name));
    }
    const [spread] = find(base, "StatefulSet", "test-db-small")!.spec.template.spec.topologySpreadConstraints;
    assert.equal(spread.whenUnsatisfiable, "DoNotSchedule");
    assert.equal(find(base, "Service", "prometheus")!.spec.ports[0].targetPort, "web");
  });

  test("each ServiceMonitor selects a Service that is there, with a port of that name", () => {
    const base = parse(tried.text);
    const monitors = base.filter(({ kind }) => kind === "ServiceMonitor");
    assert.deepEqual(monitors.map(({ metadata }) => metadata.name).sort(), [
      "keda-operator",
      "kube-state-metrics",
      "otel-collector",
      "router",
      "test-db",
    ]);
    for (const { metadata, spec } of monitors) {
      // KEDA comes with a chart of its own.
      if (metadata.name === "keda-operator") continue;
      const namespace = spec.namespaceSelector?.matchNames[0] ?? metadata.namespace;
      const services = base.filter(
        (object) =>
          object.kind === "Service" &&
          object.metadata.namespace === namespace &&
          Object.entries(spec.selector.matchLabels).every(
            // biome-ignore lint/suspicious/noExplicitAny: labels of a YAML document
            ([key, value]) => (object.metadata as any).labels?.[key] === value,
          ),
      );
      const ports = services.flatMap((service) =>
        service.spec.ports.map(({ name }: { name: string }) => name),
      );
      assert.ok(ports.includes(spec.endpoints[0].port), `${metadata.name}: ${ports.join(", ")}`);
    }
  });

  test("the Collector's configuration holds with and without cloud export", async () => {
    const config = find(parse(tried.text), "ConfigMap", "otel-collector")!.data["config.yaml"];
    const example = readFileSync(join(ROOT, "k8s/production/base/cloud-export.example.yaml"), "utf8");
    const [secret] = parse(example);
    const load = (cloud: string) =>
      loadConfig([`yaml:${config}`, "env:CLOUD_EXPORT_CONFIG"], {
        disk: systemDisk,
        providers: {
          env: (name) =>
            name === "CLOUD_EXPORT_CONFIG"
              ? cloud
              : name === "PROMETHEUS_ENDPOINT"
                ? "http://prometheus/w"
                : "x",
        },
        factories: FACTORIES,
        warn: () => {},
      });
    const exporters = async (cloud: string) =>
      Object.fromEntries((await load(cloud)).service.pipelines.map(({ id, exporters }) => [id, exporters]));
    assert.deepEqual(await exporters(""), {
      metrics: ["prometheusremotewrite"],
      traces: ["nop"],
      logs: ["nop"],
    });
    assert.deepEqual(await exporters(secret.stringData["config.yaml"]), {
      metrics: ["prometheusremotewrite", "otlp_http/cloud"],
      traces: ["otlp_http/cloud"],
      logs: ["otlp_http/cloud"],
    });
  });
});
