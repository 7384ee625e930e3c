/**
 * Takes care of one pod from binding to removal (kubelet `pod_workers.go`, `kuberuntime_manager.go`). `#sync` compares
 * what the pod should be doing with what it does, takes the next steps and reports; everything that happens (an exit, a
 * probe, a change in the API, a timer) only wakes it.
 */
import type { Timer } from "../../base/clock.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { EventType } from "../../wire/kubernetes/event-recorder.ts";
import { canonicalJson } from "../controllers/controller.ts";
import type { Container, Pod } from "../types.ts";
import { BackOff } from "./back-off.ts";
import { ContainerLifecycle, MIN_GRACE_MS } from "./container-lifecycle.ts";
import { ContainerStarter, SETUP_RETRY_MS } from "./container-starter.ts";
import { type ContainerRole, ContainerUnit } from "./container-unit.ts";
import type { PodContext } from "./pod-context.ts";
import { podStatus } from "./pod-status.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { containerRestarts } from "./restart-policy.ts";
import { MountErrors } from "./volumes.ts";

/** Where in the pod's spec a container is. */
const SPEC_FIELDS: Record<ContainerRole, string> = {
  init: "initContainers",
  sidecar: "initContainers",
  main: "containers",
  ephemeral: "ephemeralContainers",
};

export class PodWorker {
  readonly #context: PodContext;
  readonly units: ContainerUnit[];
  readonly #lifecycle: ContainerLifecycle;
  readonly #starter: ContainerStarter;
  readonly #volumes: PodVolumes;
  pod: Pod;
  ip: string | undefined;
  #startTime: string;
  #adopted: Promise<void> | undefined;
  readonly #timers = new Set<Timer>();
  #syncing: Promise<void> | undefined;
  #again = false;
  #isSetUp = false;
  /** An earlier control plane had told of it. */
  #hadAddress = false;
  #initialized: boolean;
  #writtenStatus = "";
  #failure: { reason: string; message: string } | undefined;
  #ending: Promise<void> | undefined;
  /** The control plane ends: what happens from now on is for the next one to find. */
  #leaving = false;
  #gone = false;

  constructor(context: PodContext, pod: Pod) {
    this.#context = context;
    this.pod = pod;
    this.#lifecycle = new ContainerLifecycle(context, {
      mood: () => (this.#leaving ? "leaving" : this.#ending === undefined ? "running" : "ending"),
      ip: () => this.ip!,
      graceMs: () => this.#graceMs,
      wake: () => this.wake(),
      event: (type, reason, message, unit) => this.#event(type, reason, message, unit),
    });
    this.#starter = new ContainerStarter(context, {
      pod: () => this.pod,
      ip: () => this.ip!,
      directory: () => this.#volumes.directory,
      volumes: () => this.#volumes.folders,
      restarts: (unit) => this.#restarts(unit),
      began: (unit, run) => this.#lifecycle.begin(unit, run),
      wakeAfter: (delayMs) => this.#wakeAfter(delayMs),
      event: (type, reason, message, unit) => this.#event(type, reason, message, unit),
    });
    this.#volumes = new PodVolumes(context, {
      pod: () => this.pod,
      isEnding: () => this.#ending !== undefined || this.#gone,
    });
    const uid = pod.metadata.uid!;
    const { containers, initContainers = [] } = pod.spec;
    const roleOf = (spec: Container) => (spec.restartPolicy === "Always" ? "sidecar" : "init");
    const waits = initContainers.length > 0;
    this.units = [
      ...initContainers.map((spec) => new ContainerUnit(spec, roleOf(spec), uid, waits)),
      ...containers.map((spec) => new ContainerUnit(spec, "main", uid, waits)),
    ];
    this.#addEphemeral();
    this.#startTime = pod.status?.startTime ?? kubernetesTime(context.clock.now());
    this.#initialized =
      pod.status?.conditions?.some(({ type, status }) => type === "Initialized" && status === "True") ??
      false;
    const { activeDeadlineSeconds } = pod.spec;
    if (activeDeadlineSeconds !== undefined) {
      const leftMs = Date.parse(this.#startTime) + activeDeadlineSeconds * 1000 - context.clock.now();
      this.#after(Math.max(0, leftMs), () => void this.#deadlineExceeded());
    }
  }

  get uid(): string {
    return this.pod.metadata.uid!;
  }

  /** Finds what an earlier control plane left running. Called before anything else. */
  adopt(): Promise<void> {
    return (this.#adopted ??= this.#adopt());
  }

  /** The pod in the API has changed. */
  update(pod: Pod): void {
    const hurried =
      pod.metadata.deletionGracePeriodSeconds !== undefined &&
      pod.metadata.deletionGracePeriodSeconds <
        (this.pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
    this.pod = pod;
    this.#addEphemeral();
    if (pod.metadata.deletionTimestamp === undefined) {
      for (const unit of this.units) this.#redefine(unit);
      this.wake();
      return;
    }
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000;
    if (this.#ending !== undefined && hurried) this.#after(graceMs, () => this.#killAll());
    this.end(graceMs);
  }

  /** Containers that were added since (`kubectl debug`). */
  #addEphemeral(): void {
    for (const spec of this.pod.spec.ephemeralContainers ?? []) {
      if (this.unit(spec.name) === undefined)
        this.units.push(new ContainerUnit(spec, "ephemeral", this.uid, false));
    }
  }

  /** Takes what may change of a container; another image ends the run. */
  #redefine(unit: ContainerUnit): void {
    const { spec } = this.pod;
    const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
    const next = all.find(({ name }) => name === unit.spec.name);
    if (next === undefined) return;
    const hasNewImage = next.image !== unit.spec.image;
    unit.spec = next;
    if (!hasNewImage) return;
    unit.imageBackOff = new BackOff();
    if (unit.run === undefined || unit.stopping || this.#ending !== undefined) return;
    unit.isRedefined = true;
    const message = `Container ${next.name} definition changed, will be restarted`;
    void this.#lifecycle.stop(unit, this.#graceMs, message);
  }

  /** Something that the pod's volumes or environment are made of has changed. */
  sourcesChanged(): void {
    if (this.#gone || this.#ending !== undefined) return;
    if (!this.#isSetUp) this.wake();
    else void this.#refresh(false);
  }

  /** Tokens are written anew. */
  async refreshTokens(): Promise<void> {
    if (this.#isSetUp && this.#ending === undefined && !this.#gone) await this.#refresh(true);
  }

  wake(): void {
    if (this.#gone || this.#leaving) return;
    if (this.#syncing !== undefined) {
      this.#again = true;
      return;
    }
    this.#syncing = this.#sync()
      .catch((error) => {
        this.#context.log.error("Error syncing pod, skipping", { pod: this.#name, error });
        this.#wakeAfter(SETUP_RETRY_MS);
      })
      .finally(() => {
        this.#syncing = undefined;
        if (this.#again) {
          this.#again = false;
          this.wake();
        }
      });
  }

  /** Ends the containers within the grace period and then the pod itself. */
  end(graceMs: number): Promise<void> {
    return (this.#ending ??= this.#end(graceMs).catch((error) => {
      this.#context.log.error("Error killing pod", { pod: this.#name, error });
    }));
  }

  /** The control plane ends, and its pods with it; the API keeps them, as not running. */
  async leave(options: { keepProcesses: boolean; maxGraceMs: number }): Promise<void> {
    this.#leaving = true;
    await this.#syncing;
    this.#cancelTimers();
    for (const unit of this.units) unit.prober?.stop();
    if (options.keepProcesses) return;
    const graceMs = Math.min((this.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000, options.maxGraceMs);
    await this.#stopAll(graceMs, () => {});
    if (this.units.some(({ hasRun }) => hasRun)) await this.#writeStatus();
  }

  unit(container: string): ContainerUnit | undefined {
    return this.units.find(({ spec }) => spec.name === container);
  }

  /** What can't be brought up to date stays as it was. */
  async #refresh(refreshTokens: boolean): Promise<void> {
    try {
      await this.#volumes.refresh(refreshTokens);
    } catch (error) {
      if (error instanceof MountErrors) this.#tellMounts(error);
      else this.#context.log.warn("volumes not brought up to date", { pod: this.#name, error });
    }
  }

  #tellMounts(error: unknown): void {
    if (!(error instanceof MountErrors)) throw error;
    for (const { message } of error.problems) this.#event("Warning", "FailedMount", message);
  }

  // ---- what it should be doing ----

  async #adopt(): Promise<void> {
    const { status } = this.pod;
    const known = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    await Promise.all(
      this.units.map(async (unit) => {
        const before = known.find(({ name }) => name === unit.spec.name);
        unit.restore(before);
        const found = await this.#context.runtime.find(this.uid, unit.spec.name);
        if (found?.run !== undefined) {
          this.#lifecycle.begin(unit, found.run, {
            started: before?.started ?? false,
            ready: before?.ready ?? false,
          });
        } else if (found !== undefined) {
          const isKnown = unit.terminated !== undefined && unit.attempt === found.attempt;
          unit.attempt = found.attempt;
          if (found.exit && !isKnown) unit.end(found.exit, found.startedMs ?? found.exit.finishedMs);
        }
      }),
    );
    if (status?.podIP === undefined) return;
    this.ip = this.#context.takeAddress(this.pod);
    this.#hadAddress = true;
    // What the API says is what was true when the last control plane died: nobody may take it for the present.
    if (!["Succeeded", "Failed"].includes(status.phase ?? "")) await this.#writeStatus();
  }

  async #sync(): Promise<void> {
    await this.adopt();
    if (this.#ending !== undefined || this.#failure !== undefined) return;
    if (["Succeeded", "Failed"].includes(this.pod.status?.phase ?? "")) return;
    // An end is told before another run begins.
    if (this.units.some(({ terminated }) => terminated !== undefined)) await this.#writeStatus();
    if (await this.#setUp()) {
      this.#initialized = await this.#advanceInit();
      const main = this.units.filter(({ role }) => role === "main");
      if (this.#initialized) await Promise.all(main.map((unit) => this.#ensure(unit)));
      const ephemeral = this.units.filter(({ role }) => role === "ephemeral");
      await Promise.all(ephemeral.map((unit) => this.#ensure(unit)));
      const isOver = main.every((unit) => unit.exit !== undefined && !this.#restarts(unit));
      if (isOver || this.#initFailed()) await this.#stopUnits(this.#sidecars(), 30_000);
    }
    await this.#writeStatus();
  }

  /** Address and volumes. False when something is missing still. */
  async #setUp(): Promise<boolean> {
    if (this.#isSetUp) return true;
    this.ip ??= this.#context.takeAddress(this.pod);
    // `status.podIP` for the downward API.
    if (this.pod.status?.podIP !== this.ip) this.pod = this.#withAddress();
    try {
      await this.#volumes.prepare(true);
      this.#isSetUp = true;
      return true;
    } catch (error) {
      this.#tellMounts(error);
      this.#wakeAfter(SETUP_RETRY_MS);
      return false;
    }
  }

  #withAddress(): Pod {
    const hostIP = this.#hostIp;
    const ips = { podIP: this.ip, podIPs: [{ ip: this.ip! }], hostIP, hostIPs: [{ ip: hostIP }] };
    return { ...this.pod, status: { ...this.pod.status, ...ips } };
  }

  /** One init container after the other; a sidecar lets the next one begin once it has started. */
  async #advanceInit(): Promise<boolean> {
    for (const unit of this.units) {
      if (unit.role === "main" || unit.role === "ephemeral") continue;
      if (unit.role === "sidecar") {
        await this.#ensure(unit);
        if (!unit.started && !this.#initialized) return false;
        continue;
      }
      if (this.#initialized || unit.exit?.exitCode === 0) continue;
      await this.#ensure(unit);
      return false;
    }
    return true;
  }

  #initFailed(): boolean {
    return this.units.some(
      (unit) => unit.role === "init" && (unit.exit?.exitCode ?? 0) !== 0 && !this.#restarts(unit),
    );
  }

  #restarts(unit: ContainerUnit): boolean {
    if (unit.isRedefined) return true;
    if (unit.role === "sidecar") return true;
    if (unit.role === "ephemeral") return false;
    const exitCode = unit.exit?.exitCode ?? 0;
    // An init container that went well is done, whatever the policy.
    if (unit.role === "init" && exitCode === 0) return false;
    return containerRestarts(unit.spec, this.pod.spec, exitCode);
  }

  /** Starts the container if it should run and may now. */
  async #ensure(unit: ContainerUnit): Promise<void> {
    if (unit.run !== undefined || (unit.exit !== undefined && !this.#restarts(unit))) return;
    await this.#starter.start(unit);
  }

  // ---- the end ----

  async #end(graceMs: number): Promise<void> {
    await this.adopt();
    await this.#syncing;
    await this.#stopAll(graceMs, (unit) => this.#killing(unit));
    if (this.#leaving) return;
    for (const unit of this.units) {
      // What never ran will not run.
      if (!unit.hasRun) unit.waiting = { reason: "ContainerCreating" };
    }
    if (this.ip !== undefined) await this.#writeStatus(true);
    this.#gone = true;
    this.#cancelTimers();
    await this.#volumes.remove();
    this.#context.release(this.pod);
    const { name, namespace } = this.pod.metadata;
    try {
      await this.#context.api.delete(
        RESOURCES.pods,
        { name, namespace },
        { gracePeriodSeconds: 0, preconditions: { uid: this.uid } },
      );
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) throw error;
    }
  }

  #killing(unit: ContainerUnit): void {
    this.#event("Normal", "Killing", `Stopping container ${unit.spec.name}`, unit);
  }

  /** Main containers first, then the sidecars that served them, last one first. */
  async #stopAll(graceMs: number, onStop: (unit: ContainerUnit) => void): Promise<void> {
    const deadlineMs = this.#context.clock.monotonic() + graceMs;
    const others = this.units.filter(({ role }) => role !== "sidecar");
    await this.#stopUnits(others, graceMs, onStop);
    for (const unit of this.#sidecars()) {
      await this.#stopUnits(
        [unit],
        Math.max(MIN_GRACE_MS, deadlineMs - this.#context.clock.monotonic()),
        onStop,
      );
    }
  }

  #sidecars(): ContainerUnit[] {
    return this.units.filter(({ role }) => role === "sidecar").reverse();
  }

  async #stopUnits(
    units: ContainerUnit[],
    graceMs: number,
    onStop = (_unit: ContainerUnit): void => {},
  ): Promise<void> {
    await Promise.all(
      units.map(async (unit) => {
        if (unit.run === undefined) return;
        onStop(unit);
        await this.#lifecycle.stop(unit, graceMs);
      }),
    );
  }

  #killAll(): void {
    for (const { run } of this.units) run?.process.signal("SIGKILL");
  }

  async #deadlineExceeded(): Promise<void> {
    if (this.#gone || this.#leaving || this.#ending !== undefined) return;
    const message = "Pod was active on the node longer than the specified deadline";
    this.#failure = { reason: "DeadlineExceeded", message };
    this.#event("Normal", "DeadlineExceeded", message);
    // What is being started just now is to end, too.
    await this.#syncing;
    await this.#stopAll(this.#graceMs, (unit) => this.#killing(unit));
    await this.#writeStatus();
  }

  // ---- telling ----

  /** `isOver`: nothing will be started any more. */
  async #writeStatus(isOver = false): Promise<void> {
    const { api, clock } = this.#context;
    const ofRoles = (...roles: ContainerRole[]) =>
      this.units.filter(({ role }) => roles.includes(role)).map((unit) => unit.status());
    const status = podStatus({
      pod: this.pod,
      initStatuses: ofRoles("init", "sidecar"),
      statuses: ofRoles("main"),
      ephemeralStatuses: ofRoles("ephemeral"),
      initialized: this.#initialized || !this.units.some(({ role }) => role === "init" || role === "sidecar"),
      hostIp: this.#hostIp,
      podIp: this.#isSetUp || this.#hadAddress ? this.ip : undefined,
      startTime: this.#startTime,
      now: kubernetesTime(clock.now()),
      failure: this.#failure,
      isOver,
    });
    const text = canonicalJson(status);
    if (text === this.#writtenStatus) return;
    const { name, namespace } = this.pod.metadata;
    try {
      const body = { metadata: { uid: this.uid }, status: { reason: null, message: null, ...status } };
      await api.patch(RESOURCES.pods, { name, namespace, subresource: "status" }, { type: "merge", body });
      this.#writtenStatus = text;
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict", "Invalid")) throw error;
    }
  }

  #event(type: EventType, reason: string, message: string, unit?: ContainerUnit): void {
    const field = unit === undefined ? "" : SPEC_FIELDS[unit.role];
    const fieldPath = unit === undefined ? undefined : `spec.${field}{${unit.spec.name}}`;
    this.#context.events.record(this.pod, type, reason, message, { fieldPath, host: this.pod.spec.nodeName });
  }

  #wakeAfter(delayMs: number): void {
    this.#after(delayMs, () => this.wake());
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#context.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }

  /** Nothing that was planned is to happen, or to keep this process up. */
  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  get #graceMs(): number {
    return (this.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  get #hostIp(): string {
    const { status } = this.#context.node(this.pod.spec.nodeName!);
    return status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "";
  }

  get #name(): string {
    return `${this.pod.metadata.namespace}/${this.pod.metadata.name}`;
  }
}
