/** One container of a pod over all of its runs: what it is doing, and what `containerStatuses` says of it. */

import type { ProcessExit } from "../../base/process.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import type { Container, ContainerState, ContainerStatus } from "../types.ts";
import { BackOff } from "./back-off.ts";
import type { ContainerRun } from "./container-runtime.ts";
import { fullImageName } from "./image-catalogue.ts";
import type { Prober } from "./prober.ts";

/** `ephemeral`: added to a running pod to look into it, run once and never again. */
export type ContainerRole = "init" | "sidecar" | "main" | "ephemeral";

export class ContainerUnit {
  /** Changes with the pod: its image, what it may use. */
  spec: Container;
  readonly role: ContainerRole;
  readonly #podUid: string;
  readonly backOff = new BackOff();
  imageBackOff = new BackOff();
  /** Of the present or last run; 0 for the first. */
  attempt = 0;
  run: ContainerRun | undefined;
  prober: Prober | undefined;
  waiting: { reason: string; message?: string };
  terminated: ContainerState["terminated"];
  lastTerminated: ContainerState["terminated"];
  /** When the last run ended, as long as this control plane knows. */
  endedMs = Number.NEGATIVE_INFINITY;
  /** It is on its way out, by the kubelet's will. */
  stopping = false;
  /** It has another image now and runs again, whatever its policy. */
  isRedefined = false;

  /** @param waitsForInit the pod has init containers */
  constructor(spec: Container, role: ContainerRole, podUid: string, waitsForInit: boolean) {
    this.spec = spec;
    this.role = role;
    this.#podUid = podUid;
    this.waiting = { reason: waitsForInit ? "PodInitializing" : "ContainerCreating" };
  }

  get started(): boolean {
    return this.run !== undefined && (this.prober?.started ?? true);
  }

  get ready(): boolean {
    if (this.role === "init") return this.terminated?.exitCode === 0;
    if (this.role === "ephemeral") return false;
    return this.run !== undefined && (this.prober?.ready ?? true);
  }

  /** It has run at least once. */
  get hasRun(): boolean {
    return this.run !== undefined || this.terminated !== undefined || this.lastTerminated !== undefined;
  }

  get exit(): ContainerState["terminated"] {
    return this.run === undefined ? (this.terminated ?? this.lastTerminated) : undefined;
  }

  /** Takes what the API knows from an earlier control plane. */
  restore(status: ContainerStatus | undefined): void {
    if (status === undefined) return;
    this.attempt = status.restartCount;
    this.lastTerminated = status.lastState?.terminated;
    this.terminated = status.state?.terminated;
  }

  /** The run has begun: the one before is history. */
  begin(run: ContainerRun): void {
    this.lastTerminated = this.terminated ?? this.lastTerminated;
    this.terminated = undefined;
    this.attempt = run.attempt;
    this.run = run;
    this.stopping = false;
    this.isRedefined = false;
  }

  end(exit: ProcessExit, startedMs: number, message?: string): void {
    this.prober?.stop();
    this.prober = undefined;
    this.run = undefined;
    this.endedMs = exit.finishedMs;
    this.lastTerminated = this.terminated ?? this.lastTerminated;
    this.terminated = {
      exitCode: exit.code,
      reason: exit.code === 0 ? "Completed" : "Error",
      ...(message ? { message } : {}),
      startedAt: kubernetesTime(startedMs),
      finishedAt: kubernetesTime(exit.finishedMs),
      containerID: this.containerId(this.attempt),
    };
  }

  /** What ended is the last state now that another run is waited for. */
  wait(reason: string, message?: string): void {
    this.waiting = { reason, ...(message === undefined ? {} : { message }) };
    this.lastTerminated = this.terminated ?? this.lastTerminated;
    this.terminated = undefined;
  }

  status(): ContainerStatus {
    const { spec, run, terminated, lastTerminated } = this;
    const state: ContainerState = run
      ? { running: { startedAt: kubernetesTime(run.process.startedMs) } }
      : terminated
        ? { terminated }
        : { waiting: this.waiting };
    const hasId = run !== undefined || terminated !== undefined || lastTerminated !== undefined;
    const mounts = (spec.volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: "Disabled" } : {}),
    }));
    return {
      name: spec.name,
      state,
      lastState: lastTerminated === undefined ? {} : { terminated: lastTerminated },
      ready: this.ready,
      restartCount: this.attempt,
      image: hasId ? fullImageName(spec.image) : spec.image,
      imageID: hasId ? `local/${spec.image}` : "",
      ...(hasId ? { containerID: this.containerId(this.attempt) } : {}),
      // What was added to look into the pod has no probes to wait for.
      ...(this.role === "ephemeral" ? {} : { started: this.started }),
      ...(hasId ? resourcesOf(spec) : {}),
      ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
    };
  }

  containerId(attempt: number): string {
    return `process://${this.#podUid}/${this.spec.name}/${attempt}`;
  }
}

/** What a container has of what it asked for: all of it. */
function resourcesOf({ resources }: Container): Pick<ContainerStatus, "allocatedResources" | "resources"> {
  const { requests, limits } = resources ?? {};
  return {
    ...(requests === undefined ? {} : { allocatedResources: requests }),
    resources: {
      ...(limits === undefined ? {} : { limits }),
      ...(requests === undefined ? {} : { requests }),
    },
  };
}
