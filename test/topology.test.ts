/**
 * The whole topology as a user has it: started, loaded, looked at with kubectl and curl, killed, stopped. Waits are
 * made short by `hurried-manifests.ts`; everything else is what `npm start` does.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findChromium, openPage } from "./chromium.ts";
import { type CliProcess, run, runCli, startCli } from "./cli-process.ts";
import { writeHurriedManifests } from "./hurried-manifests.ts";

/** Long enough for a machine that is busy with other tests. */
const PATIENCE_MS = 120_000;
/** So that nothing of the default ports is in the way. */
const PORTS = {
  "--api-port": 26443,
  "--prometheus-port": 29090,
  "--grafana-port": 23000,
  "--router-port": 28080,
  "--otlp-grpc-port": 24317,
  "--otlp-http-port": 24318,
};
const MAX_RESIDENT_BYTES = 800 * 1024 * 1024;

const hasKubectl = await run("kubectl", ["version", "--client"]).then(
  ({ code }) => code === 0,
  () => false,
);
const directory = mkdtempSync(join(tmpdir(), "topology-"));
const dataDirectory = join(directory, "data");
const kubeconfig = join(dataDirectory, "kubeconfig");
let up: CliProcess;

const start = (): CliProcess =>
  startCli([
    "up",
    "--data-dir",
    dataDirectory,
    "--manifests",
    join(directory, "k8s"),
    "--horizontal-pod-autoscaler-sync-period",
    "1s",
    "--timeout",
    "60s",
    ...Object.entries(PORTS).flatMap(([flag, port]) => [flag, String(port)]),
  ]);

interface Status {
  pods: { namespace: string; name: string; ready: boolean; restarts: number; ip: string }[];
  autoscalers: { current: number; desired: number }[];
}

async function status(): Promise<Status> {
  const { output } = await runCli(["status", "--json", "--data-dir", dataDirectory]);
  return JSON.parse(output) as Status;
}

/** Asks until the answer is there. */
async function eventually<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let problem: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      problem = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${what} did not happen; ${problem ?? ""}\n${up.output()}`);
}

const url = (flag: keyof typeof PORTS, path = ""): string => `http://127.0.0.1:${PORTS[flag]}${path}`;

async function query(promql: string): Promise<number | undefined> {
  const response = await fetch(url("--prometheus-port", `/api/v1/query?query=${encodeURIComponent(promql)}`));
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result.length === 0 ? undefined : Number(data.result[0].value[1]);
}

const tierPods = async (): Promise<string[]> =>
  (await status()).pods
    .filter(({ name, ready }) => ready && name.startsWith("test-db-small-"))
    .map(({ name }) => name);

const kubectl = (...args: string[]) => run("kubectl", args, { KUBECONFIG: kubeconfig, HOME: directory });

describe("the topology", { timeout: 600_000 }, () => {
  before(async () => {
    writeHurriedManifests(join(directory, "k8s"));
    up = start();
    await up.seen(/ready: every pod/);
  });

  after(async () => {
    up.process.kill("SIGTERM");
    await up.exited;
    rmSync(directory, { recursive: true, force: true });
  });

  test("says what runs where, and keeps the kubeconfig to its user", async () => {
    const text = up.output();
    for (const part of [
      "Grafana",
      "Prometheus",
      "Router",
      "OTLP gRPC",
      "Kubernetes API",
      `http://127.0.0.1:${PORTS["--grafana-port"]}`,
    ]) {
      assert.ok(text.includes(part), `${part} in\n${text}`);
    }
    assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
    const { pods } = await status();
    assert.deepEqual(
      pods.filter(({ ready }) => !ready),
      [],
    );
    assert.equal(new Set(pods.map(({ ip }) => ip)).size, pods.length, "every pod has an address of its own");
  });

  test("stays under its memory limit", { skip: !existsSync("/proc") && "no /proc here" }, async () => {
    const family = await familyOf(up.process.pid!);
    const bytes = family.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    const programs = family.filter(({ command }) => / run /.test(command) && !command.startsWith("/bin/sh"));
    assert.equal(programs.length, 7, "every pod's program is counted");
    const lines = family.map(({ residentBytes, command }) => `${residentBytes} ${command.slice(-60)}`);
    assert.ok(bytes < MAX_RESIDENT_BYTES, `${Math.round(bytes / 2 ** 20)} MiB:\n${lines.join("\n")}`);
  });

  test("refuses the API to who has no token, and to web pages", async () => {
    const api = `https://127.0.0.1:${PORTS["--api-port"]}/api/v1/namespaces`;
    const anonymous = await run("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", api]);
    assert.equal(anonymous.stdout, "401");
  });

  test("scales with its tenants, without a failed request or a lost write, and back", async () => {
    const load = startCli([
      "simulate",
      "--tenants",
      "5",
      "--rate",
      "20",
      "--duration",
      "45s",
      "--json",
      "--data-dir",
      dataDirectory,
    ]);
    await eventually("three pods", async () => (await tierPods()).length === 3);
    await eventually(
      "five active tenants",
      async () => (await query('sum(percolate_active_tenants{tier="small"})')) === 5,
    );
    // Both pipelines are on: the Collector's copy has a name of its own.
    await eventually(
      "the other pipeline",
      async () => (await query('sum(otlp_percolate_active_tenants{tier="small"})')) === 5,
    );
    assert.equal(await query('sum(percolate_active_tenants{tier="small"})'), 5);
    assert.equal(await load.exited, 0, load.output());
    const { tenants, failed, lost, written } = JSON.parse(load.output()) as {
      tenants: { tenant: string; pods: string[] }[];
      failed: number;
      lost: number;
      written: number;
    };
    assert.deepEqual({ failed, lost }, { failed: 0, lost: 0 });
    assert.ok(written > 300);
    // 1 → 3 pods are two scalings at most: a tenant moves with a scaling, and never back.
    for (const { tenant, pods } of tenants)
      assert.equal(new Set(pods).size, pods.length, `${tenant}: ${pods.join(" → ")}`);
    await eventually("one pod again", async () => (await tierPods()).length === 1);
    assert.deepEqual(await tierPods(), ["test-db-small-0"]);
    const after = await runCli([
      "simulate",
      "--tenants",
      "5",
      "--rate",
      "50",
      "--duration",
      "1s",
      "--json",
      "--data-dir",
      dataDirectory,
    ]);
    assert.equal(after.code, 0, after.output);
  });

  test("keeps what was written before a scaling", async () => {
    const headers = { "x-tenant-id": "keeper", "content-type": "application/json" };
    const created = await fetch(url("--router-port", "/api/v1/resources"), {
      method: "POST",
      headers,
      body: '{"content":"a needle in a haystack"}',
    });
    assert.equal(created.status, 201);
    const { id } = (await created.json()) as { id: string };
    const patch = (replicas: number) => runScale(replicas);
    await patch(3);
    await eventually("three pods", async () => (await tierPods()).length === 3);
    const read = async () =>
      (await fetch(url("--router-port", `/api/v1/entities/${id}`), { headers })).json() as Promise<{
        content: string;
      }>;
    assert.equal((await read()).content, "a needle in a haystack");
    await eventually("one pod again", async () => (await tierPods()).length === 1);
    assert.equal((await read()).content, "a needle in a haystack");
    const found = await fetch(url("--router-port", "/api/v1/resources?q=needle"), { headers });
    assert.equal(((await found.json()) as { resources: unknown[] }).resources.length, 1);
  });

  // Before the kills: what ends while Prometheus is away is not marked stale, there as upstream.
  test("counts pods by sum, where count counts phases", async () => {
    await eventually("the number of running pods", async () => {
      const running = await query('sum(kube_pod_status_phase{namespace="percolate-test",phase="Running"})');
      const { pods } = await status();
      return running === pods.filter(({ namespace }) => namespace === "percolate-test").length;
    });
    assert.ok((await query('count(kube_node_labels{label_topology_kubernetes_io_zone!=""})')) === 3);
  });

  test("brings back every pod whose process is killed, with its data", async () => {
    const before = await query("count_over_time(up[1h])");
    assert.ok(before !== undefined && before > 5);
    for (const prefix of ["otel-collector-", "prometheus-", "router-", "grafana-", "test-db-small-0"]) {
      const pod = (await status()).pods.find(({ name }) => name.startsWith(prefix))!;
      assert.ok(killProcessOf(pod.ip), `${pod.name} has a process`);
      await eventually(`${pod.name} restarted`, async () => {
        const now = (await status()).pods.find(({ name }) => name === pod.name);
        return now?.ready && now.restarts > pod.restarts;
      });
    }
    await eventually(
      "the samples from before",
      async () => ((await query("count_over_time(up[1h])")) ?? 0) >= before,
    );
    const headers = { "x-tenant-id": "keeper" };
    const found = await fetch(url("--router-port", "/api/v1/resources?q=needle"), { headers });
    assert.equal(((await found.json()) as { resources: unknown[] }).resources.length, 1);
  });

  test("answers the commands of the specification", {
    skip: !hasKubectl && "kubectl is not installed",
  }, async () => {
    await eventually("targets of the database", async () => {
      const targets = (await (await fetch(url("--prometheus-port", "/api/v1/targets"))).json()) as {
        data: { activeTargets: { labels: Record<string, string>; health: string }[] };
      };
      const pods = targets.data.activeTargets.filter(({ labels }) => labels.app === "test-db");
      return pods.length >= 1 && pods.every(({ health }) => health === "up");
    });
    const logs = await kubectl("logs", "-n", "percolate-test", "deployment/otel-collector");
    assert.equal(logs.code, 0, logs.stderr);
    assert.match(logs.stdout, /-> Name: percolate\.tenant_requests\n(.*\n)*?.*-> DataType: Sum/);
    const hpa = await kubectl("get", "hpa", "-n", "percolate-test");
    assert.match(hpa.stdout, /keda-hpa-\S+ +StatefulSet\/test-db-small/);
    const keda = await kubectl("logs", "-n", "keda", "deployment/keda-operator");
    assert.match(keda.stdout, /percolate/);
    const described = await kubectl("describe", "scaledobject", "-n", "percolate-test");
    assert.match(described.stdout, /sum\(percolate_active_tenants\{tier="small"\}\)/);
    const annotations = await kubectl("get", "pod", "-n", "percolate-test", "test-db-small-0", "-o", "yaml");
    for (const line of [
      'prometheus.io/scrape: "true"',
      'prometheus.io/port: "8000"',
      "prometheus.io/path: /metrics",
    ]) {
      assert.ok(annotations.stdout.includes(line), line);
    }
    const state = await kubectl("get", "pods", "-n", "kube-system", "-l", "app=kube-state-metrics");
    assert.match(state.stdout, /kube-state-metrics-\S+ +1\/1 +Running/);
  });

  test("shows dashboards with data", {
    skip: findChromium() === undefined && "Chromium is not installed",
  }, async () => {
    const page = await openPage(url("--grafana-port"));
    try {
      await page.click("text=Tenants", { timeout: PATIENCE_MS });
      await page.waitForSelector("text=Active tenants", { timeout: PATIENCE_MS });
    } finally {
      await page.close();
    }
  });

  test("stops on Ctrl-C, leaves no process behind, and comes back with everything", async () => {
    up.process.kill("SIGINT");
    assert.equal(await up.exited, 0, up.output());
    const { stdout } = await run("ps", ["-eo", "args="]);
    assert.deepEqual(
      stdout.split("\n").filter((line) => line.includes(dataDirectory)),
      [],
    );
    assert.equal((await runCli(["status", "--data-dir", dataDirectory])).code, 3);
    up = start();
    await up.seen(/ready: every pod/);
    const headers = { "x-tenant-id": "keeper" };
    const found = await fetch(url("--router-port", "/api/v1/resources?q=needle"), { headers });
    assert.equal(((await found.json()) as { resources: unknown[] }).resources.length, 1);
    assert.ok(readFileSync(kubeconfig, "utf8").includes("token"));
  });

  test("a second Ctrl-C ends at once what has not ended yet", async () => {
    up.process.kill("SIGINT");
    await up.seen(/stopping \.\.\./);
    // A repeat that npm sends along with the first is none.
    await new Promise((resolve) => setTimeout(resolve, 200));
    up.process.kill("SIGINT");
    assert.equal(await up.exited, 130, up.output());
    assert.match(up.output(), /killed [1-9]\d* processes/);
  });
});

/** A process and all that it started, and so on. */
async function familyOf(root: number): Promise<{ pid: number; residentBytes: number; command: string }[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid=,rss=,args="]);
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined
      ? []
      : [{ pid: Number(pid), parent: Number(parent), residentBytes: Number(rss) * 1024, command }];
  });
  const family = all.filter(({ pid }) => pid === root);
  for (const one of family) family.push(...all.filter(({ parent }) => parent === one.pid));
  return family;
}

async function runScale(replicas: number): Promise<void> {
  const token = /token: (\S+)/.exec(readFileSync(kubeconfig, "utf8"))![1];
  const path = "/apis/apps/v1/namespaces/percolate-test/statefulsets/test-db-small/scale";
  const { stdout } = await run("curl", [
    "-sk",
    "-X",
    "PATCH",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    "-H",
    `Authorization: Bearer ${token}`,
    "-H",
    "Content-Type: application/merge-patch+json",
    "-d",
    JSON.stringify({ spec: { replicas } }),
    `https://127.0.0.1:${PORTS["--api-port"]}${path}`,
  ]);
  assert.equal(stdout, "200");
}

/** Kills, with SIGKILL, the program of the pod with this address: found by the environment that the kubelet gives it. */
function killProcessOf(ip: string): boolean {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const isProgram = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0run\0");
      if (!isProgram || !readFileSync(`/proc/${pid}/environ`, "utf8").includes(`"ip":"${ip}"`)) continue;
      process.kill(Number(pid), "SIGKILL");
      return true;
    } catch {
      // Ended while we looked, or not ours.
    }
  }
  return false;
}
