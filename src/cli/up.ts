/** `topology up`: the whole topology on this machine, from the YAML that a cluster gets. */
import { createLogger } from "../base/log.ts";
import type { CliCommand, Machine } from "../base/machine.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { type Cluster, createCluster } from "../kubernetes/mod.ts";
import { applyManifests } from "./apply.ts";
import { startDetached } from "./detach.ts";
import { ENTRY_POINTS, type EntryPoint, openEntryPoints } from "./entry-points.ts";
import { listenOnFreePort } from "./free-port.ts";
import { readManifests } from "./manifests.ts";
import { duration, flag, helpText, type Parsed, parseOptions, port, text, UsageError } from "./options.ts";
import { waitUntilReady } from "./readiness.ts";
import { findRunning, kubeconfigPath, makeDataDirectory, runStatePath, writeRunState } from "./run-state.ts";
import { reportScaling } from "./scaling-report.ts";
import { formatTable } from "./table.ts";

export const OPTIONS = {
  "data-dir": text("DIR", "where everything is kept", ".topology"),
  detach: flag("return when it is ready, leave it running (topology down ends it)"),
  manifests: text(
    "DIR",
    "the cluster's YAML: manifests/ and embedded/ below it",
    `${PACKAGE_ROOT}/k8s/test-topology`,
  ),
  timeout: duration("how long everything may take to get ready", 120_000),
  "one-address": flag("use 127.0.0.1 alone, as on a machine that has no other loopback address (macOS)"),
  "horizontal-pod-autoscaler-sync-period": duration("how often the HPA looks", 15_000),
  "api-port": port("Kubernetes API", 6443),
  "prometheus-port": port("Prometheus", 9090),
  "grafana-port": port("dashboards", 3000),
  "router-port": port("the tenants' entrance", 8080),
  "otlp-grpc-port": port("OTLP over gRPC", 4317),
  "otlp-http-port": port("OTLP over HTTP", 4318),
};

export type UpOptions = Parsed<typeof OPTIONS>;

export const command: CliCommand = async (args, machine) => {
  if (args.includes("--help")) {
    machine.print(helpText("up [options]", "Boots the whole topology on this machine.", OPTIONS));
    return 0;
  }
  const options = parseOptions(args, OPTIONS);
  const dataDirectory = options.values["data-dir"];
  const running = await findRunning(machine, dataDirectory);
  if (running !== undefined) {
    throw new UsageError(
      `a topology already runs on ${dataDirectory} (process ${running.pid}); topology down ends it`,
    );
  }
  if (options.values.detach) return startDetached(machine, dataDirectory, args, options.values.timeout);
  return runInForeground(machine, options);
};

async function runInForeground(machine: Machine, options: UpOptions): Promise<number> {
  const { print, disk, clock } = machine;
  const dataDirectory = options.values["data-dir"];
  const folder = options.values.manifests;
  const manifests = await readManifests(disk, [`${folder}/manifests`, `${folder}/embedded`]);
  await makeDataDirectory(disk, dataDirectory);
  await disk.remove(runStatePath(dataDirectory));
  const cluster = await startCluster(machine, options);
  killPodsOnSecondSignal(machine, cluster);
  const stopped = new AbortController();
  const signal = AbortSignal.any([machine.signal, stopped.signal]);
  try {
    say(machine, "Kubernetes API");
    if (cluster.isOneAddress()) print(ONE_ADDRESS_NOTE);
    await disk.writeFile(kubeconfigPath(dataDirectory), cluster.kubeconfig(), { mode: 0o600 });
    await applyManifests(cluster.api, manifests);
    say(machine, `${manifests.length} objects applied`);
    const urls = await openEntryPoints(cluster, wishesOf(options), (message) =>
      print(`warning: ${message}\n`),
    );
    const notReady = await waitUntilReady(machine, cluster.api, signal, options.values.timeout, (pod) =>
      say(machine, pod),
    );
    if (machine.signal.aborted) return 0;
    if (notReady.length > 0) {
      print(
        `not ready after ${options.values.timeout / 1_000} s:\n${notReady.map((line) => `  ${line}\n`).join("")}`,
      );
      return 1;
    }
    print(
      `\nready: every pod after ${seconds(clock.now() - machine.startedMs)}\n\n${tableOf(urls, cluster, dataDirectory)}\n`,
    );
    await writeRunState(disk, dataDirectory, {
      pid: machine.pid,
      startedMs: clock.now(),
      apiUrl: cluster.apiUrl(),
      urls: Object.fromEntries(urls.map(({ name, url }) => [name, url])),
    });
    print("Ctrl-C stops everything and keeps the data. Scaling shows here as it happens.\n\n");
    await reportScaling(cluster.api, clock, signal, print);
    return 0;
  } finally {
    print("\nstopping ...\n");
    stopped.abort();
    await cluster.stop();
    await disk.remove(runStatePath(dataDirectory));
    print(`stopped; the data stays in ${dataDirectory}\n`);
  }
}

/** What is different then, for who wants to reach a pod from outside. */
const ONE_ADDRESS_NOTE = `         127.0.0.1 is the only loopback address here: each port of a pod has a port of its own there. Addresses of pods
         and Services are names inside the cluster; from outside use the URLs below or kubectl port-forward.
`;

/** On the API's port, or where that is a default and taken, on the next that is free. */
async function startCluster(machine: Machine, options: UpOptions): Promise<Cluster> {
  const wish = { flag: "--api-port", port: options.values["api-port"], given: options.given.has("api-port") };
  const start = async (port: number) => {
    // Looked at before anything is begun; somebody may take it between here and there, too.
    const probe = await machine.sockets.listenTcp({ host: "127.0.0.1", port }, (socket) => socket.destroy());
    await probe.close();
    const cluster = createCluster({
      // What the controllers do is told by `reportScaling`; of their log, what went wrong.
      system: {
        ...machine,
        log: createLogger({
          clock: machine.clock,
          level: "warn",
          write: (line) => machine.print(`${line}\n`),
        }),
      },
      processes: machine.processes,
      sockets: machine.sockets,
      dataDirectory: options.values["data-dir"],
      apiAddress: { host: "127.0.0.1", port },
      oneAddress: options.values["one-address"] || undefined,
      horizontalPodAutoscalerSyncPeriodMs: options.values["horizontal-pod-autoscaler-sync-period"],
    });
    await cluster.start();
    return cluster;
  };
  return listenOnFreePort(wish, start, (message) => machine.print(`warning: ${message}\n`));
}

function wishesOf(options: UpOptions): EntryPoint[] {
  return ENTRY_POINTS.map((entry) => ({
    ...entry,
    port: options.values[entry.option],
    given: options.given.has(entry.option),
  }));
}

function tableOf(
  urls: { name: string; url: string; note: string }[],
  cluster: Cluster,
  dataDirectory: string,
): string {
  const rows = urls.map(({ name, url, note }) => [name, url, note]);
  const kubernetes = [
    "Kubernetes API",
    cluster.apiUrl(),
    `export KUBECONFIG=${kubeconfigPath(dataDirectory)}`,
  ];
  return formatTable([["WHAT", "WHERE", ""], ...rows, kubernetes]);
}

/** A line for a part that has come up, with the time since the command was typed. */
function say(machine: Machine, what: string): void {
  machine.print(`${seconds(machine.clock.now() - machine.startedMs).padStart(7)}  ${what}\n`);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}

/** Whoever presses Ctrl-C twice does not want to wait for grace periods. */
function killPodsOnSecondSignal(machine: Machine, cluster: Cluster): void {
  machine.onRepeatedStop(() => {
    const containers = cluster.containers();
    for (const { pid } of containers) machine.processes.killGroup(pid);
    machine.print(`killed ${containers.length} processes\n`);
    machine.exitNow(130);
  });
}
