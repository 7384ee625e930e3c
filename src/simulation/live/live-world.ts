/** The topology that runs on this machine, as a world for scenarios: real pods, real time, real faults. */
import type { Clock } from "../../base/clock.ts";
import type { Machine } from "../../base/machine.ts";
import type { Network } from "../../base/network.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { startInformer } from "../../wire/kubernetes/informer.ts";
import type { Fault } from "../scenario/scenario.ts";
import type { ScenarioWorld, WorldState } from "../scenario/scenario-run.ts";
import { kedaNews } from "../world/keda-news.ts";
import {
  activeWindowMsOf,
  deletePods,
  NAMESPACE,
  patchObject,
  podsMeant,
  scaleWorkloads,
  TIER,
  withoutSelectors,
} from "../world/world-objects.ts";
import { HpaErrors, READ_ERROR } from "./hpa-errors.ts";
import { SeenValues } from "./seen-values.ts";

/** The HPA's status is one turn of it old, which is a scrape old: 15 s each, and what both take. */
const TOLD_AGE_MS = 40_000;

export interface LiveWorldOptions {
  machine: Pick<Machine, "clock" | "network" | "random" | "processes" | "signalProcess">;
  api: KubernetesApi;
  routerUrl: string;
  signal: AbortSignal;
}

export class LiveWorld implements ScenarioWorld {
  readonly clock: Clock;
  readonly network: Network;
  readonly routerUrl: string;
  readonly toldAgeMs = TOLD_AGE_MS;
  activeWindowMs = activeWindowMsOf();
  readonly #options: LiveWorldOptions;
  #listener: (what: string, text: string) => void = () => {};
  readonly #errors: HpaErrors;
  /** Of the tier: the HPA may put right within a second what a scenario waits to see. */
  readonly #replicas = new SeenValues<number>();

  constructor(options: LiveWorldOptions) {
    this.#options = options;
    this.clock = options.machine.clock;
    this.network = options.machine.network;
    this.routerUrl = options.routerUrl;
    this.#errors = new HpaErrors(this.clock);
  }

  /** Follows pods and events; what happened before is no news. */
  async start(): Promise<void> {
    const { api, signal } = this.#options;
    const { clock } = this;
    const set = await api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: TIER });
    this.activeWindowMs = activeWindowMsOf(set.spec.template.spec.containers[0].args);
    let started = false;
    const tell = (what: string, text: string) => started && this.#listener(what, text);
    const onEvent = (event: KubernetesObject) => {
      // An event that happens again is written again.
      if (started && (event as KubernetesObject & { reason?: string }).reason === READ_ERROR)
        this.#errors.told();
      tellEvent(tell, event);
    };
    const informers = [
      startInformer<KubernetesObject>({
        api,
        clock,
        signal,
        resource: RESOURCES.pods,
        onAdd: ({ metadata }) => tell("pod", `${metadata.name} starting`),
        onUpdate: (pod, before) => {
          const { name } = pod.metadata;
          if (restarts(pod) > restarts(before)) tell("pod", `${name} crashed`);
          if (isReady(pod) !== isReady(before)) tell("pod", `${name} ${isReady(pod) ? "ready" : "unready"}`);
        },
        onDelete: ({ metadata }) => tell("pod", `${metadata.name} gone`),
      }),
      startInformer<KubernetesObject>({
        api,
        clock,
        signal,
        resource: RESOURCES.statefulSets,
        onAdd: (set) => this.#follow(set),
        onUpdate: (set) => this.#follow(set),
      }),
      startInformer<KubernetesObject>({
        api,
        clock,
        signal,
        resource: RESOURCES.events,
        onAdd: onEvent,
        onUpdate: onEvent,
      }),
    ];
    await Promise.all(informers.map(({ synced }) => synced));
    started = true;
  }

  #follow({ metadata, spec }: KubernetesObject): void {
    if (metadata.namespace === NAMESPACE && metadata.name === TIER) this.#replicas.add(spec.replicas ?? 1);
  }

  onEvent(listener: (what: string, text: string) => void): void {
    this.#listener = listener;
  }

  async observe(): Promise<WorldState> {
    const { api } = this.#options;
    const set = await api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: TIER });
    const { items } = await api.list(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE });
    const hpa = items.find(({ spec }) => spec.scaleTargetRef.name === TIER);
    this.#errors.look(hpa);
    return {
      replicas: this.#replicas.look() ?? set.spec.replicas ?? 1,
      ready: set.status?.readyReplicas ?? 0,
      tenants: hpa === undefined ? 0 : tenantsTold(hpa, set.status?.replicas ?? 0),
      toldMs: this.clock.monotonic(),
      conflicts: 0,
      errors: this.#errors.count,
      asleep: () => 0,
    };
  }

  async inflict(fault: Fault): Promise<(() => Promise<void>) | undefined> {
    const { api, machine } = this.#options;
    if (fault.kind === "scale") return scaleWorkloads(api, fault.workloads!);
    if (fault.kind === "patch") {
      await patchObject(api, fault.patch!.object, fault.patch!.body);
      return undefined;
    }
    const pods = await podsMeant(api, fault.targets, machine.random);
    if (fault.kind === "delete") {
      await deletePods(api, pods);
      return undefined;
    }
    const groups = await this.#processGroups(pods);
    if (fault.kind === "kill") {
      for (const group of groups) machine.processes.killGroup(group);
      return undefined;
    }
    if (fault.kind !== "hang") throw new Error(`${fault.kind} is not possible on a live topology`);
    for (const group of groups) machine.signalProcess(-group, "SIGSTOP");
    return async () => {
      for (const group of groups) machine.signalProcess(-group, "SIGCONT");
    };
  }

  /** The processes of pods' containers: an id is `<cluster>/<pod's uid>/<container>/<attempt>`. */
  async #processGroups(pods: KubernetesObject[]): Promise<number[]> {
    if (pods.length === 0) return [];
    const uids = new Set(pods.map(({ metadata }) => metadata.uid));
    const owned = await this.#options.machine.processes.owned("");
    const groups = [...owned].filter(([, id]) => uids.has(id.split("/")[1])).map(([group]) => group);
    if (groups.length === 0) throw new Error("the pods' processes are not on this machine");
    return groups;
  }
}

/** What the HPA last read, as its status has it: an average over the pods that there are, those that are ending included. */
function tenantsTold({ status }: KubernetesObject, pods: number): number {
  const metrics: { external?: { metric: { name: string }; current: { averageValue?: string } } }[] =
    status?.currentMetrics ?? [];
  const average = metrics.find(({ external }) => external?.metric.name === "s0-prometheus")?.external?.current
    .averageValue;
  if (average === undefined) return 0;
  return Math.round(parseQuantity(average) * pods);
}

function isReady(pod: KubernetesObject): boolean {
  const conditions: { type: string; status: string }[] = pod.status?.conditions ?? [];
  return (
    pod.metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status }) => type === "Ready" && status === "True")
  );
}

function restarts(pod: KubernetesObject): number {
  const statuses: { restartCount: number }[] = pod.status?.containerStatuses ?? [];
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

const TOLD_REASONS: ReadonlySet<string> = new Set(["SuccessfulRescale", READ_ERROR]);

function tellEvent(tell: (what: string, text: string) => void, event: KubernetesObject): void {
  const { reason, message, involvedObject } = event as KubernetesObject & {
    reason: string;
    message: string;
    involvedObject: { kind: string };
  };
  const news = kedaNews(event);
  if (news !== undefined) tell("keda", news);
  else if (involvedObject.kind === "HorizontalPodAutoscaler" && TOLD_REASONS.has(reason))
    tell("hpa", `${reason}: ${withoutSelectors(message)}`);
}
