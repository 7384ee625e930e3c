/**
 * KEDA and the HPA stepped through history: the rooms' own decisions, fed with what the queries answered then.
 *
 * Open loop unless a capacity model is given: history does not react to the other number of pods that a policy would
 * have made of it. Pods count from the moment at which they are asked for, as the HPA's divisor does; what is not in
 * Prometheus (push triggers, CPU, memory) is not replayed.
 */

import type { Clock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import {
  applyFormula,
  COMPOSITE_METRIC,
  compileScalingModifiers,
  DEFAULT_POLLING_INTERVAL_SECONDS,
  type ExecutorWorld,
  type ExternalMetricValue,
  fallbackMetrics,
  type HpaMetricSpec,
  hasValidFallback,
  hpaFor,
  hpaMetrics,
  requestScale,
  type ScaledObject,
  usesModifiers,
} from "../../keda/mod.ts";
import {
  type AutoscalerMemory,
  type AutoscalerVersion,
  decide,
  type HorizontalPodAutoscaler,
  type MetricsClient,
  newAutoscalerMemory,
  rememberScaling,
  type Scale,
} from "../../kubernetes/mod.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { type CapacityModel, LoadedPods } from "./replay-capacity.ts";
import type { Grid, QueryHistory } from "./replay-history.ts";
import { type ReplayedTrigger, replayedTriggers } from "./replay-triggers.ts";

/** The HPA's sync period, which is the step of a replay. */
export const STEP_MS = 15_000;

/** Some tens of milliseconds: a signal is heard within that time. */
const GIVE_WAY_EVERY_STEPS = 256;

const OPEN_LOOP: CapacityModel = { kind: "open", perPod: 1, startupSteps: 0 };

export interface ReplayPolicy {
  object: ScaledObject;
  kubernetes: AutoscalerVersion;
  /** Where a behaviour has none of its own. */
  tolerance: number;
}

export interface ReplayInput {
  policy: ReplayPolicy;
  grid: Grid;
  /** By query. */
  histories: ReadonlyMap<string, QueryHistory>;
  /** 1 where Prometheus itself was away. */
  outages: Uint8Array;
  initialReplicas: number;
  /** What pods do to the first Prometheus trigger's metric. @default nothing: open loop */
  capacity?: CapacityModel;
  /** Called every so many steps: what throws ends the replay. @default nothing, all steps are one turn */
  giveWay?: () => Promise<void>;
}

export interface ReplaySteps {
  replicas: Int32Array;
  /** Pods that took load; the same as `replicas` where they start at once. */
  ready: Int32Array;
  /** Closed loop: load that waited for a pod. */
  waiting: Float64Array;
  /** The value of the first trigger that is replayed; NaN where there was none. */
  value: Float64Array;
  /** 1 where the metric asked for more pods and the tolerance said no. */
  hidden: Uint8Array;
  /** 1 where an answer without a value was read as 0. */
  readAsIdle: Uint8Array;
  /** 1 where the fallback spoke. */
  fallback: Uint8Array;
  /** `12:30:15 2 → 3: …` */
  changes: { step: number; from: number; to: number; by: "hpa" | "keda"; reason: string }[];
  /** Triggers that were left out, and why. */
  notes: string[];
}

/** Of a ScaledObject that `requireReplayable` takes. */
export async function replay(input: ReplayInput): Promise<ReplaySteps> {
  const model = new ReplayModel(input);
  for (let step = 0; step < input.grid.count; step++) {
    if (step % GIVE_WAY_EVERY_STEPS === 0) await input.giveWay?.();
    await model.step(step);
  }
  return model.steps;
}

/** The queries that a ScaledObject asks. */
export function queriesOf({ spec }: ScaledObject): string[] {
  return spec.triggers.filter(({ type }) => type === "prometheus").map(({ metadata }) => metadata.query);
}

class ReplayModel {
  readonly steps: ReplaySteps;
  readonly #input: ReplayInput;
  readonly #triggers: ReplayedTrigger[];
  readonly #hpa: HorizontalPodAutoscaler;
  readonly #object: ScaledObject;
  readonly #memory: AutoscalerMemory;
  readonly #formula: ReturnType<typeof compileScalingModifiers> | undefined;
  readonly #clock: { nowMs: number };
  readonly #executor: ExecutorWorld;
  readonly #pollEverySteps: number;
  readonly #pods: LoadedPods;
  /** The query whose metric pods change, and what it shows in this step. */
  readonly #loaded: string;
  #seen = Number.NaN;
  #replicas: number;
  #step = 0;

  constructor(input: ReplayInput) {
    this.#input = input;
    const { policy, grid, initialReplicas } = input;
    this.#object = structuredClone(policy.object);
    this.#object.metadata.creationTimestamp = kubernetesTime(grid.startMs);
    this.#object.metadata.uid ??= "replay";
    this.#object.metadata.namespace ??= "default";
    this.#object.status = {};
    this.#clock = { nowMs: grid.startMs };
    const count = grid.count;
    this.steps = {
      replicas: new Int32Array(count),
      ready: new Int32Array(count),
      waiting: new Float64Array(count),
      value: new Float64Array(count).fill(Number.NaN),
      hidden: new Uint8Array(count),
      readAsIdle: new Uint8Array(count),
      fallback: new Uint8Array(count),
      changes: [],
      notes: [],
    };
    this.#triggers = this.#replayedTriggers();
    const specs = this.#triggers.map(({ spec }) => spec);
    const target = { group: "apps", version: "v1", kind: "StatefulSet", resource: "statefulsets" };
    this.#hpa = hpaFor(
      this.#object,
      target,
      hpaMetrics(this.#object, specs).specs,
      "",
    ) as HorizontalPodAutoscaler;
    this.#formula = this.#object.spec.advanced?.scalingModifiers?.formula
      ? compileScalingModifiers(this.#object)
      : undefined;
    this.#replicas = initialReplicas;
    this.#pods = new LoadedPods(input.capacity ?? OPEN_LOOP, initialReplicas);
    this.#loaded = queriesOf(this.#object)[0];
    this.#memory = newAutoscalerMemory(initialReplicas, grid.startMs);
    const pollMs = (this.#object.spec.pollingInterval ?? DEFAULT_POLLING_INTERVAL_SECONDS) * 1000;
    this.#pollEverySteps = Math.max(1, Math.round(pollMs / grid.stepMs));
    this.#executor = this.#executorWorld();
  }

  async step(step: number): Promise<void> {
    const { grid } = this.#input;
    this.#step = step;
    this.#clock.nowMs = grid.startMs + step * grid.stepMs;
    const load = this.#input.histories.get(this.#loaded)?.values[step] ?? Number.NaN;
    const { seen, waiting, ready } = this.#pods.step(load, this.#replicas);
    this.#seen = seen;
    if (step % this.#pollEverySteps === 0) await this.#poll();
    if (this.#replicas > 0) await this.#sync();
    this.steps.replicas[step] = this.#replicas;
    this.steps.waiting[step] = waiting;
    this.steps.ready[step] = Math.min(ready, this.#replicas);
  }

  // ---- KEDA ----

  async #poll(): Promise<void> {
    let active = false;
    let failed = false;
    const metrics: ExternalMetricValue[] = [];
    for (const trigger of this.#triggers) {
      const reading = await this.#read(trigger);
      if (reading.error !== undefined) failed = true;
      else active ||= reading.active;
      metrics.push(...reading.metrics);
    }
    if (usesModifiers(this.#object)) {
      const activation = Number(this.#object.spec.advanced!.scalingModifiers!.activationTarget || "0");
      active = !failed && this.#compose(metrics).some(({ value }) => parseQuantity(value) > activation);
    }
    const result = await requestScale(this.#object, { active, failed, activeTriggers: [] }, this.#executor);
    if (result.lastActiveTime !== undefined) this.#object.status!.lastActiveTime = result.lastActiveTime;
  }

  async #read(
    trigger: ReplayedTrigger,
  ): Promise<{ metrics: ExternalMetricValue[]; active: boolean; fallback: boolean; error?: Error }> {
    const object = this.#object;
    const status = object.status!;
    const tracked = hasValidFallback(object);
    try {
      const answer = await trigger.read(this.#step);
      if (tracked)
        status.health = { ...status.health, [trigger.metricName]: { numberOfFailures: 0, status: "Happy" } };
      return { ...answer, fallback: false };
    } catch (error) {
      if (!tracked) return { metrics: [], active: false, fallback: false, error: error as Error };
      const failures = (status.health?.[trigger.metricName]?.numberOfFailures ?? 0) + 1;
      status.health = {
        ...status.health,
        [trigger.metricName]: { numberOfFailures: failures, status: "Failing" },
      };
      const target = {
        currentReplicas: async () => this.#replicas,
        readyReplicas: async () => this.#replicas,
      };
      const time = kubernetesTime(this.#clock.nowMs);
      try {
        const { metrics, active } = await fallbackMetrics(
          object,
          trigger.metricName,
          trigger.spec,
          error as Error,
          failures,
          target,
          time,
        );
        if (active) this.steps.fallback[this.#step] = 1;
        return { metrics, active, fallback: active };
      } catch (failure) {
        return { metrics: [], active: false, fallback: false, error: failure as Error };
      }
    }
  }

  #compose(metrics: ExternalMetricValue[]): ExternalMetricValue[] {
    const fallen = metrics.find(({ metricName }) => metricName === COMPOSITE_METRIC);
    if (fallen !== undefined) return [fallen];
    if (this.#formula === undefined) return metrics;
    const triggerOf = new Map(this.#triggers.map(({ metricName, name }) => [metricName, name]));
    try {
      return [
        applyFormula(this.#object, this.#formula, metrics, triggerOf, kubernetesTime(this.#clock.nowMs)),
      ];
    } catch {
      return [];
    }
  }

  #executorWorld(): ExecutorWorld {
    const clock = { now: () => this.#clock.nowMs } as unknown as Clock;
    return {
      clock,
      log: silentLogger,
      events: { record() {}, flush: async () => {} },
      currentReplicas: async () => this.#replicas,
      setReplicas: async (_, replicas) => {
        const previous = this.#replicas;
        this.#change(
          replicas,
          "keda",
          replicas > previous ? "a trigger is active" : "no trigger is active, the cooldown is over",
        );
        return previous;
      },
      hpa: async () => undefined,
    };
  }

  // ---- HPA ----

  async #sync(): Promise<void> {
    const replicas = this.#replicas;
    const scale: Scale = {
      metadata: { name: "replay" },
      spec: { replicas },
      status: { replicas, selector: "app=replay" },
    };
    const { policy } = this.#input;
    const decision = await decide({
      hpa: this.#hpa,
      scale,
      memory: this.#memory,
      metrics: this.#metricsClient,
      pods: async () => readyPods(replicas),
      nowMs: this.#clock.nowMs,
      settings: { version: policy.kubernetes, tolerance: policy.tolerance },
    });
    this.#hpa.status = decision.status;
    this.#noteHidden(decision.proposals);
    if (decision.desiredReplicas === replicas) return;
    const reason = decision.reason.replace(/\(&LabelSelector.*\)/, "");
    this.#change(decision.desiredReplicas, "hpa", reason);
    rememberScaling(
      this.#memory,
      this.#hpa.spec.behavior,
      replicas,
      decision.desiredReplicas,
      this.#clock.nowMs,
    );
  }

  readonly #metricsClient: MetricsClient = {
    externalMetric: async (name) => {
      const wanted =
        name === COMPOSITE_METRIC
          ? this.#triggers
          : this.#triggers.filter(({ metricName }) => metricName === name);
      const metrics: ExternalMetricValue[] = [];
      for (const trigger of wanted) {
        const { error, metrics: read } = await this.#read(trigger);
        if (error !== undefined) throw new Error(`metric:${name} encountered error`);
        metrics.push(...read);
      }
      const answer = name === COMPOSITE_METRIC ? this.#compose(metrics) : metrics;
      return answer.map(({ value }) => Math.ceil(Math.round(parseQuantity(value) * 1e6) / 1e3));
    },
    resourceMetric: async () => new Map(),
    podsMetric: async () => new Map(),
    objectMetric: async () => 0,
  };

  /** The metric wants more pods than there are, by its own arithmetic, and the tolerance keeps them away. */
  #noteHidden(proposals: { spec: unknown; replicas: number }[]): void {
    const sum = this.steps.value[this.#step];
    if (Number.isNaN(sum) || this.steps.fallback[this.#step] === 1) return;
    for (const { spec, replicas } of proposals) {
      const target = (spec as HpaMetricSpec).external?.target.averageValue;
      if (target === undefined) continue;
      const wanted = Math.ceil(sum / parseQuantity(target) - 1e-9);
      if (
        wanted > this.#replicas &&
        replicas === this.#replicas &&
        this.#replicas < this.#hpa.spec.maxReplicas
      ) {
        this.steps.hidden[this.#step] = 1;
      }
    }
  }

  #replayedTriggers(): ReplayedTrigger[] {
    const { steps } = this;
    const { histories, outages } = this.#input;
    return replayedTriggers(this.#object, {
      histories,
      nowMs: () => this.#clock.nowMs,
      isAway: (step) => outages[step] === 1,
      valueOf: (query, step) =>
        query === this.#loaded ? this.#seen : (histories.get(query)?.values[step] ?? Number.NaN),
      onRead: (step, value, wasNothing) => {
        if (wasNothing) steps.readAsIdle[step] = 1;
        if (Number.isNaN(steps.value[step])) steps.value[step] = value;
      },
      onLeftOut: (note) => steps.notes.push(note),
    });
  }

  #change(to: number, by: "hpa" | "keda", reason: string): void {
    if (to === this.#replicas) return;
    this.steps.changes.push({ step: this.#step, from: this.#replicas, to, by, reason });
    this.#replicas = to;
  }
}

const READY = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };

function readyPods(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    metadata: { name: `replay-${index}`, labels: { app: "replay" } },
    spec: { containers: [] },
    status: READY,
  }));
}
