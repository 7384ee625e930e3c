/** The topology for `verify`: one that runs already, or one of its own for each scenario, on a clean data directory. */
import { parseAllDocuments, stringify } from "yaml";
import type { Clock } from "../../base/clock.ts";
import type { Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { clientOfKubeconfig } from "../../wire/kubernetes/kubeconfig.ts";
import { ScenarioError } from "../scenario/scenario.ts";
import { type ManifestChanges, NAMESPACE, patched, TIER } from "../world/world-objects.ts";

const POLL_MS = 200;
/** What the control plane takes at most to stop its pods. */
const STOP_LIMIT_MS = 90_000;
/** The autoscaler's first turn after a boot may be too early for its metric; by then it has had the next one. */
const FIRST_READ_LIMIT_MS = 20_000;

export interface RunningTopology {
  api: KubernetesApi;
  routerUrl: string;
  stop(): Promise<void>;
}

interface RunState {
  pid: number;
  urls: Record<string, string>;
}

/** The topology on a data directory; undefined when none runs there. */
export async function findTopology(
  machine: Machine,
  dataDirectory: string,
): Promise<Omit<RunningTopology, "stop"> | undefined> {
  const text = async (name: string) =>
    new TextDecoder().decode(await machine.disk.readFile(`${dataDirectory}/${name}`));
  try {
    const state = JSON.parse(await text("topology.json")) as RunState;
    if (!machine.signalProcess(state.pid, 0)) return undefined;
    const api = clientOfKubeconfig(machine.network, await text("kubeconfig"));
    await api.list(RESOURCES.namespaces);
    return { api, routerUrl: state.urls.Router };
  } catch {
    return undefined;
  }
}

export interface StartOptions {
  directory: string;
  /** `manifests/` and `embedded/` below it. @default the package's */
  manifests?: string;
  changes: ManifestChanges;
  /** More for `topology up`. */
  args: string[];
}

/** Boots a topology whose manifests have a scenario's patches. @throws Error with what `up` said */
export async function startTopology(machine: Machine, options: StartOptions): Promise<RunningTopology> {
  const { directory, changes, args } = options;
  const source = options.manifests ?? `${PACKAGE_ROOT}/k8s/test-topology`;
  await writePatched(machine, source, `${directory}/k8s`, changes);
  const data = `${directory}/data`;
  const up = await machine.processes.run({
    argv: [...machine.self, "up", "--data-dir", data, "--manifests", `${directory}/k8s`, ...args],
    env: Object.fromEntries(Object.entries(machine.env).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    cwd: ".",
  });
  let said = "";
  let ended = false;
  const listen = async (stream: AsyncIterable<Uint8Array>) => {
    for await (const chunk of stream) said = (said + new TextDecoder().decode(chunk)).slice(-4_000);
  };
  void listen(up.stdout);
  void listen(up.stderr);
  const exited = up.exited.then(() => (ended = true));
  const stop = async () => {
    up.signal("SIGTERM");
    const limit = machine.clock.sleep(STOP_LIMIT_MS).then(() => up.signal("SIGKILL"));
    await Promise.race([exited, limit]);
  };
  for (;;) {
    const found = await findTopology(machine, data);
    if (found !== undefined) return { ...found, stop };
    if (ended) throw new Error(`topology up did not get ready:\n${said}`);
    if (machine.signal.aborted) {
      await stop();
      throw machine.signal.reason;
    }
    await machine.clock.sleep(POLL_MS);
  }
}

async function writePatched(
  { disk }: Machine,
  source: string,
  target: string,
  changes: ManifestChanges,
): Promise<void> {
  const left = new Set(Object.keys(changes.patches));
  for (const folder of ["manifests", "embedded"]) {
    await disk.makeDirectory(`${target}/${folder}`);
    for (const name of await disk.list(`${source}/${folder}`)) {
      if (!/\.ya?ml$/.test(name)) continue;
      const text = new TextDecoder().decode(await disk.readFile(`${source}/${folder}/${name}`));
      const documents = [...parseAllDocuments(text)].map(
        (document) => document.toJS() as KubernetesObject | null,
      );
      const objects = documents.filter((object) => object !== null);
      for (const { kind, metadata } of objects) left.delete(`${kind}/${metadata.name}`);
      const changed = objects.map((object) => stringify(patched(object, changes)));
      await disk.writeFile(`${target}/${folder}/${name}`, changed.join("---\n"));
    }
  }
  if (left.size > 0) throw new ScenarioError(`patch: there is no ${[...left].join(", ")} in ${source}`);
}

/** Whether a running topology is at rest: nobody is active, and the tier is at its minimum. */
export async function isQuiet(api: KubernetesApi): Promise<boolean> {
  const { items } = await api.list(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE });
  const hpa = items.find(({ spec }) => spec.scaleTargetRef.name === TIER);
  const set = await api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: TIER });
  const metrics: { external?: { current: { averageValue?: string } } }[] = hpa?.status?.currentMetrics ?? [];
  const isIdle = metrics.every(({ external }) => ["0", undefined].includes(external?.current.averageValue));
  return isIdle && set.spec.replicas === (hpa?.spec.minReplicas ?? 1) && (set.status?.readyReplicas ?? 0) > 0;
}

/**
 * Waits until the autoscaler has read its metrics, so that a scenario does not begin with what the boot missed. Where it
 * never does, which a scenario may be about, this takes 20 s.
 */
export async function untilMetricsAreRead(
  api: KubernetesApi,
  clock: Pick<Clock, "monotonic" | "sleep">,
): Promise<void> {
  const limitMs = clock.monotonic() + FIRST_READ_LIMIT_MS;
  while (!(await hasReadMetrics(api)) && clock.monotonic() < limitMs) await clock.sleep(POLL_MS);
}

/** So has an autoscaler that is switched off, or that is not there. */
async function hasReadMetrics(api: KubernetesApi): Promise<boolean> {
  const { items } = await api.list(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE });
  const hpa = items.find(({ spec }) => spec.scaleTargetRef.name === TIER);
  if (hpa === undefined) return true;
  const conditions: { type: string; status: string; reason: string }[] = hpa.status?.conditions ?? [];
  const active = conditions.find(({ type }) => type === "ScalingActive");
  return active?.status === "True" || active?.reason === "ScalingDisabled";
}
