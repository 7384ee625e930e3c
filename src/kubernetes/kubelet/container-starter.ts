/**
 * From a container that should run to its process: the image, the environment, what is told when one is missing
 * (`kuberuntime_container.go` `startContainer`, `images/image_manager.go`).
 */
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import type { EventType } from "../../wire/kubernetes/event-recorder.ts";
import type { Container, Pod } from "../types.ts";
import { ContainerConfigError, containerEnvironment } from "./container-environment.ts";
import type { ContainerRun } from "./container-runtime.ts";
import type { ContainerUnit } from "./container-unit.ts";
import { type GivenPorts, givePorts } from "./given-ports.ts";
import type { CatalogueImage } from "./image-catalogue.ts";
import { imageNameProblem } from "./image-name.ts";
import type { PodContext } from "./pod-context.ts";
import { isNodeProgram, prepareRun } from "./run-spec.ts";

/** How long to wait until a missing volume or setting is looked for again, when no change tells, in milliseconds. */
export const SETUP_RETRY_MS = 2_000;

/** How long until an image that is refused is looked at again, in milliseconds. */
const REFUSED_RETRY_MS = 10_000;

/** How long what ended shows how it ended before it shows that it waits, in milliseconds: kubelet looks once a second. */
const TOLD_END_MS = 1_000;

/** What a start needs from its pod. */
export interface StarterHost {
  pod(): Pod;
  ip(): string;
  /** The pod's folder, and where its volumes are. */
  directory(): string;
  volumes(): ReadonlyMap<string, string>;
  /** The container is started again after it has failed. */
  restarts(unit: ContainerUnit): boolean;
  began(unit: ContainerUnit, run: ContainerRun): void;
  wakeAfter(delayMs: number): void;
  event(type: EventType, reason: string, message: string, unit: ContainerUnit): void;
}

export class ContainerStarter {
  readonly #context: PodContext;
  readonly #host: StarterHost;

  constructor(context: PodContext, host: StarterHost) {
    this.#context = context;
    this.#host = host;
  }

  /** Starts the container, or says why it waits. */
  async start(unit: ContainerUnit): Promise<void> {
    const waitMs = unit.hasRun ? unit.backOff.remainingMs(this.#context.clock.now()) : 0;
    if (waitMs > 0) {
      const toldMs = unit.endedMs + TOLD_END_MS - this.#context.clock.now();
      if (unit.terminated !== undefined && toldMs > 0) return this.#host.wakeAfter(Math.min(toldMs, waitMs));
      if (unit.waiting.reason !== "CrashLoopBackOff" || unit.terminated !== undefined) this.#crashLoop(unit);
      return this.#host.wakeAfter(waitMs);
    }
    const image = this.#findImage(unit);
    if (image === undefined) return;
    try {
      await this.#startProcess(unit, image);
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error;
      unit.wait("CreateContainerConfigError", error.message);
      this.#host.event("Warning", "Failed", `Error: ${error.message}`, unit);
      this.#host.wakeAfter(SETUP_RETRY_MS);
    }
  }

  #crashLoop(unit: ContainerUnit): void {
    const { name, namespace, uid } = this.#host.pod().metadata;
    const length = formatDuration(unit.backOff.lengthMs);
    const pod = `${name}_${namespace}(${uid})`;
    unit.wait(
      "CrashLoopBackOff",
      `back-off ${length} restarting failed container=${unit.spec.name} pod=${pod}`,
    );
    this.#host.event(
      "Warning",
      "BackOff",
      `Back-off restarting failed container ${unit.spec.name} in pod ${pod}`,
      unit,
    );
  }

  /** The catalogue's entry, or a wait as for an image that can't be pulled. */
  #findImage(unit: ContainerUnit): CatalogueImage | undefined {
    const { images, clock } = this.#context;
    const { image, imagePullPolicy } = unit.spec;
    const problem = imageNameProblem(image);
    if (problem !== undefined) {
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: ${problem}`;
      this.#refuse(unit, "InvalidImageName", "InspectFailed", message);
      return undefined;
    }
    const found = images.find(image);
    if (found !== undefined) {
      this.#host.event(
        "Normal",
        "Pulled",
        `Container image ${JSON.stringify(image)} already present on machine and can be accessed by the pod`,
        unit,
      );
      return found;
    }
    if (imagePullPolicy === "Never") {
      const message = `Container image ${JSON.stringify(image)} is not present with pull policy of Never`;
      this.#refuse(unit, "ErrImageNeverPull", "ErrImageNeverPull", message);
      return undefined;
    }
    const waitMs = unit.imageBackOff.remainingMs(clock.now());
    if (waitMs > 0) {
      const message = `Back-off pulling image ${JSON.stringify(image)}`;
      unit.wait("ImagePullBackOff", `${message}: ErrImagePull: ${this.#pullProblem()}`);
      this.#host.event("Normal", "BackOff", message, unit);
      this.#host.event("Warning", "Failed", "Error: ImagePullBackOff", unit);
      this.#host.wakeAfter(waitMs);
      return undefined;
    }
    const cause = this.#pullProblem();
    const message = `Failed to pull image ${JSON.stringify(image)}: ${cause}`;
    unit.imageBackOff.fail(clock.now(), 0);
    unit.wait("ErrImagePull", cause);
    this.#host.event("Normal", "Pulling", `Pulling image ${JSON.stringify(image)}`, unit);
    this.#host.event("Warning", "Failed", message, unit);
    this.#host.event("Warning", "Failed", "Error: ErrImagePull", unit);
    this.#host.wakeAfter(Math.max(SETUP_RETRY_MS, unit.imageBackOff.remainingMs(clock.now())));
    return undefined;
  }

  /** An image that no waiting would bring. */
  #refuse(unit: ContainerUnit, reason: string, eventReason: string, message: string): void {
    unit.wait(reason, message);
    this.#host.event("Warning", eventReason, message, unit);
    this.#host.event("Warning", "Failed", `Error: ${reason}`, unit);
    this.#host.wakeAfter(REFUSED_RETRY_MS);
  }

  /** Where there is one address: ports for a program that does not look them up itself. */
  async #givenPorts(
    container: Container,
    image: CatalogueImage,
    env: Record<string, string>,
  ): Promise<GivenPorts | undefined> {
    const { sockets, surroundings } = this.#context;
    const { portDirectory } = surroundings;
    if (portDirectory === undefined || isNodeProgram(container, image)) return undefined;
    return givePorts(sockets, portDirectory, this.#host.ip(), container, env);
  }

  #pullProblem(): string {
    const { names, file = "images.yaml" } = this.#context.images;
    return `not in the image catalogue, which has ${names.join(", ")}: add it to ${file}`;
  }

  async #startProcess(unit: ContainerUnit, image: CatalogueImage): Promise<void> {
    const { disk, runtime, clock, surroundings } = this.#context;
    const attempt = unit.hasRun ? unit.attempt + 1 : unit.attempt;
    const pod = this.#host.pod();
    const { namespace, uid } = pod.metadata as { namespace: string; uid: string };
    const env = containerEnvironment(unit.spec, {
      pod,
      node: this.#context.node(pod.spec.nodeName!),
      services: [...this.#context.services()],
      configMap: (name) => this.#context.configMap(namespace, name),
      secret: (name) => this.#context.secret(namespace, name),
    });
    const ports = await this.#givenPorts(unit.spec, image, { ...image.env, ...env });
    const spec = await prepareRun(disk, {
      pod,
      podIp: this.#host.ip(),
      container: unit.spec,
      image,
      env,
      volumes: this.#host.volumes(),
      podDirectory: this.#host.directory(),
      runDirectory: runtime.runDirectory(uid, unit.spec.name, attempt),
      surroundings,
    });
    this.#host.event("Normal", "Created", "Container created", unit);
    try {
      const run = await runtime.start(uid, unit.spec.name, attempt, spec);
      ports?.note(run.process.pid);
      this.#host.event("Normal", "Started", "Container started", unit);
      this.#host.began(unit, run);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "EACCES") throw error;
      this.#host.event("Warning", "Failed", `Error: ${message}`, unit);
      unit.attempt = attempt;
      unit.end({ code: 128, finishedMs: clock.now() }, clock.now(), message);
      Object.assign(unit.terminated!, { reason: "StartError", startedAt: kubernetesTime(0) });
      if (this.#host.restarts(unit)) unit.wait("RunContainerError", message);
      unit.backOff.fail(clock.now(), 0);
      this.#host.wakeAfter(unit.backOff.remainingMs(clock.now()));
    }
  }
}

/** As Go prints durations: `10s`, `1m20s`, `5m0s`. */
function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
