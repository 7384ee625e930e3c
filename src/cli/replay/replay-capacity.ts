/**
 * What pods do to the load that is replayed, for a closed loop: history alone can't react to another number of pods.
 *
 * - `open`: nothing. The metric is what it was (active tenants, which do not depend on pods).
 * - `saturating`: pods show no more of the load than they can take (throughput, requests in flight, CPU).
 * - `queueing`: what they can't take in a step waits and comes on top in the next one (queue length, lag).
 */
export const CAPACITY_MODELS = ["open", "saturating", "queueing"] as const;
export type CapacityKind = (typeof CAPACITY_MODELS)[number];

export interface CapacityModel {
  kind: CapacityKind;
  /** Of the metric, what one pod takes in a step. */
  perPod: number;
  /** From asking for a pod to its taking load, in steps. */
  startupSteps: number;
}

export interface LoadedStep {
  /** The metric as the policy sees it. */
  seen: number;
  /** Load that no pod took and that waits. */
  waiting: number;
  /** Pods that take load. */
  ready: number;
}

/** One policy's pods under load, step after step. */
export class LoadedPods {
  readonly #model: CapacityModel;
  /** Of pods that start: the step from which on each takes load, ascending. */
  #starting: number[] = [];
  #pods: number;
  #waiting = 0;
  #step = 0;

  /** @param pods that are there at the beginning, and ready */
  constructor(model: CapacityModel, pods: number) {
    this.#model = model;
    this.#pods = pods;
  }

  /** The next step, with so much load and so many pods asked for. A load that is not known passes through. */
  step(load: number, replicas: number): LoadedStep {
    const { kind, perPod, startupSteps } = this.#model;
    for (; this.#pods < replicas; this.#pods++) this.#starting.push(this.#step + startupSteps);
    // The newest pods go first, as a StatefulSet's do.
    for (; this.#pods > replicas; this.#pods--) this.#starting.pop();
    this.#starting = this.#starting.filter((fromStep) => fromStep > this.#step);
    this.#step++;
    const ready = this.#pods - this.#starting.length;
    if (kind === "open" || Number.isNaN(load)) return { seen: load, waiting: this.#waiting, ready };
    const capacity = ready * perPod;
    if (kind === "saturating") return { seen: Math.min(load, capacity), waiting: 0, ready };
    const demand = load + this.#waiting;
    this.#waiting = Math.max(demand - capacity, 0);
    return { seen: demand, waiting: this.#waiting, ready };
  }
}
