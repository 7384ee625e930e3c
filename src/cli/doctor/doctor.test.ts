import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import type { Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { seededRandom } from "../../base/random.ts";
import { parseManifests, readManifests } from "../manifests.ts";
import { command, examineObjects } from "./doctor.ts";
import type { Finding } from "./doctor-finding.ts";
import { firstHidden } from "./doctor-scaled-object.ts";

const FOLDER = `${PACKAGE_ROOT}/k8s/test-topology`;
const own = await readManifests(systemDisk, [`${FOLDER}/manifests`, `${FOLDER}/embedded`]);

/** The topology's own YAML with texts exchanged; each has to be there. */
function changed(...edits: [file: string, from: string | RegExp, to: string][]) {
  const objects = structuredClone(own);
  for (const [name, from, to] of edits) {
    const found = objects.find(({ object }) => `${object.kind}/${object.metadata.name}` === name);
    assert.ok(found, name);
    const text = JSON.stringify(found.object);
    const edited = text.replace(from, to);
    assert.notEqual(edited, text, `${name}: ${from}`);
    found.object = JSON.parse(edited);
  }
  return objects;
}

const bad = (findings: Finding[]) =>
  findings.filter(({ level }) => level !== "ok").map(({ level, check }) => `${level} ${check}`);

const USUAL = ["warn cooldown"];

test("doctor has nothing to mend in the topology's own YAML", () => {
  assert.deepEqual(bad(examineObjects(own)), USUAL);
});

test("doctor finds each trap where it is set, and nothing else", () => {
  const so = "ScaledObject/test-db-small";
  const cases: [expected: string, ...edits: Parameters<typeof changed>][] = [
    ["fail ignore-null-values", [so, '"ignoreNullValues":"false"', '"ignoreNullValues":"true"']],
    ["fail fallback", [so, /"fallback":\{[^}]*\},/, ""]],
    ["warn fallback", [so, '"behavior":"currentReplicas"', '"behavior":"static"']],
    ["warn tolerance", [so, '"tolerance":"0",', ""]],
    [
      "fail address",
      [so, "http://prometheus.percolate-test.svc.cluster.local:9090", "http://prometheus:9090"],
    ],
    ["fail address", [so, "router.percolate-test.svc.cluster.local:6000", "router:6000"]],
    ["warn metric-name", [so, '"threshold":"2"', '"threshold":"2","metricName":"active"']],
    ["fail query", [so, "sum(percolate_active_tenants{", "scalar(percolate_active_tenants{"]],
    ["warn query", [so, "sum(percolate_active_tenants{", "(percolate_active_tenants{"]],
    ["warn polling-interval", [so, '"pollingInterval":15', '"pollingInterval":120']],
    [
      "fail target",
      [so, '"kind":"StatefulSet","name":"test-db-small"', '"kind":"StatefulSet","name":"test-db"'],
    ],
    ["fail admission", [so, '"maxReplicaCount":10', '"maxReplicaCount":0']],
    ["warn paused", [so, '"labels":', '"annotations":{"autoscaling.keda.sh/paused":"true"},"labels":']],
    [
      "warn replicas-in-manifest",
      ["StatefulSet/test-db-small", '"serviceName"', '"replicas":3,"serviceName"'],
    ],
    ["fail two-pipelines", ["ConfigMap/otel-collector", /namespace: otlp\\n/, "\\n"]],
    ["fail logging-exporter", ["ConfigMap/otel-collector", /\\n {2}debug:/, "\\n  logging:"]],
    [
      "fail scrape-annotations",
      ["ConfigMap/prometheus", "annotation_prometheus_io_port", "annotation_other"],
    ],
    ["warn scrape-labels", ["ConfigMap/prometheus", "__meta_kubernetes_pod_label_app", "__meta_other"]],
    ["fail remote-write-receiver", ["StatefulSet/prometheus", '"--web.enable-remote-write-receiver",', ""]],
    ["warn exemplars", ["StatefulSet/prometheus", "exemplar-storage", "native-histograms"]],
    ["warn lookback", ["StatefulSet/prometheus", '"--query.lookback-delta=1m",', ""]],
    [
      "fail metric-labels",
      ["Deployment/kube-state-metrics", /,?"--metric-labels-allowlist=[^"]*"/, ""],
      ["ConfigMap/prometheus", "job_name: keda", "job_name: kube_pod_labels"],
    ],
  ];
  for (const [expected, ...edits] of cases) {
    const found = bad(examineObjects(changed(...edits)));
    assert.ok(found.includes(expected), `${expected}: ${found}`);
    if (!expected.endsWith("admission")) {
      assert.deepEqual(
        found.filter((each) => each !== expected && !USUAL.includes(each)),
        [],
        expected,
      );
    }
  }
});

test("doctor knows that a tier at zero needs a trigger from outside", () => {
  const zero: Parameters<typeof changed>[0] = [
    "ScaledObject/test-db-small",
    '"minReplicaCount":1',
    '"minReplicaCount":0',
  ];
  assert.deepEqual(bad(examineObjects(changed(zero))), ["warn to-zero"]);
  const alone = changed(zero);
  const scaled = alone.find(({ object }) => object.kind === "ScaledObject")!.object;
  scaled.spec.triggers.pop();
  assert.deepEqual(bad(examineObjects(alone)), ["fail from-zero", "warn to-zero"]);
});

test("doctor reads queries of rules and dashboards", () => {
  const config = (expr: string) =>
    parseManifests(
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: rules }\ndata:\n  rules.yml: |\n    groups:\n    - rules:\n      - expr: ${expr}\n`,
      "rules.yaml",
    );
  const cases: [expr: string, expected: string[]][] = [
    ['count(kube_pod_status_phase{phase="Running"})', ["fail count-of-phases"]],
    ['sum(kube_pod_status_phase{phase="Running"})', []],
    ["sum(hits_total) / sum(requests_total)", ["warn ratio-of-totals"]],
    ["sum(rate(hits_total[5m])) / sum(rate(requests_total[5m]))", []],
    ["rate(http_server_duration_milliseconds_sum[5m])", ["warn old-http-names"]],
  ];
  for (const [expr, expected] of cases) assert.deepEqual(bad(examineObjects(config(expr))), expected, expr);
});

test("firstHidden() is the smallest load that the tolerance hides", () => {
  assert.deepEqual(firstHidden(2, 0.1, 10), { pods: 5, load: 11 });
  assert.deepEqual(firstHidden(10, 0.1, 10), { pods: 1, load: 11 });
  assert.equal(firstHidden(2, 0.1, 5), undefined);
  assert.equal(firstHidden(2, 0, 1_000), undefined);
  assert.deepEqual(firstHidden(100, 0.05, 10), { pods: 1, load: 101 });
});

test("doctor says of a file what the API server or KEDA would refuse, and asks no fallback of a cron trigger", async () => {
  const directory = mkdtempSync(join(tmpdir(), "doctor-"));
  try {
    const examined = async (spec: string) => {
      const path = join(directory, "so.yaml");
      const head = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: { name: a }\n";
      writeFileSync(path, `${head}spec: { scaleTargetRef: { name: x }, minReplicaCount: 1, ${spec} }\n`);
      let printed = "";
      const print = (text: string) => void (printed += text);
      const parts = { disk: systemDisk, clock: systemClock, random: seededRandom(1), print };
      const code = await command([path, "--format", "json"], parts as unknown as Machine);
      const { findings } = JSON.parse(printed) as { findings: Finding[] };
      return { code, failed: findings.filter(({ level }) => level === "fail").map(({ message }) => message) };
    };
    const trigger = (metadata: string) => `triggers: [{ type: prometheus, metadata: { ${metadata} } }]`;
    const bad = await examined(trigger('serverAddress: "http://a.b", query: sum(up), threshold: two'));
    assert.equal(bad.code, 1);
    assert.match(bad.failed[0], /^it is refused: error parsing prometheus metadata.*"threshold" value "two"/);
    const unknown = await examined(
      `triggr: [], ${trigger('serverAddress: "http://a.b", query: up, threshold: "2"')}`,
    );
    assert.match(unknown.failed[0], /unknown field "spec\.triggr"$/);
    assert.match((await examined("triggers: [{ type: prometheus }]")).failed[0], /metadata: Required value/);
    const cron = 'timezone: Etc/UTC, start: "0 0 * * *", end: "0 1 * * *", desiredReplicas: "3"';
    assert.deepEqual(await examined(`triggers: [{ type: cron, metadata: { ${cron} } }]`), {
      code: 0,
      failed: [],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
