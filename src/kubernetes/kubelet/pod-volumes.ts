/** A pod's folder: its volumes, made before its containers, kept up to date beside them, gone with it. */
import { isStatus } from "../../model/kubernetes-status.ts";
import type { Pod } from "../types.ts";
import type { PodContext } from "./pod-context.ts";
import { MountError, MountErrors, prepareVolume, type VolumeSources } from "./volumes.ts";

/** How often a pod's folder is tried to be removed, and how long between. */
const MAX_REMOVALS = 5;
const REMOVAL_RETRY_MS = 100;

export interface PodVolumesHost {
  pod(): Pod;
  /** The pod ends: nothing is written any more. */
  isEnding(): boolean;
}

export class PodVolumes {
  readonly #context: PodContext;
  readonly #host: PodVolumesHost;
  /** Where each volume is, by name. */
  readonly folders = new Map<string, string>();
  readonly directory: string;
  /** What is being written into volumes that are there already. */
  #refreshing: Promise<void> = Promise.resolve();

  constructor(context: PodContext, host: PodVolumesHost) {
    this.#context = context;
    this.#host = host;
    this.directory = context.runtime.podDirectory(host.pod().metadata.uid!);
  }

  /** One after the other, and none that the end would not know of: it removes the folder. */
  refresh(refreshTokens: boolean): Promise<void> {
    const done = this.#refreshing.then(async () => {
      if (!this.#host.isEnding()) await this.prepare(refreshTokens);
    });
    this.#refreshing = done.catch(() => {});
    return done;
  }

  /**
   * Each volume for itself: one that can't be made keeps no other one from being made, or from what is new in it.
   *
   * @throws MountErrors when something that volumes are made of is missing
   */
  async prepare(refreshTokens: boolean): Promise<void> {
    const { disk } = this.#context;
    const folder = `${this.directory}/volumes`;
    await disk.makeDirectory(folder);
    const sources = this.#sources();
    const problems: MountError[] = [];
    for (const volume of this.#host.pod().spec.volumes ?? []) {
      try {
        this.folders.set(volume.name, await prepareVolume(disk, folder, volume, sources, { refreshTokens }));
      } catch (error) {
        if (!(error instanceof MountError)) throw error;
        problems.push(error);
      }
    }
    if (problems.length > 0) throw new MountErrors(problems);
  }

  /** A program that outlives its container may still write there: what stays must not keep the pod. */
  async remove(): Promise<void> {
    await this.#refreshing;
    const { clock, disk, log } = this.#context;
    const { namespace, name } = this.#host.pod().metadata;
    for (let attempt = 1; ; attempt++) {
      try {
        return await disk.remove(this.directory);
      } catch (error) {
        if (attempt === MAX_REMOVALS) {
          return log.warn("Orphaned pod folder, not removed", { pod: `${namespace}/${name}`, error });
        }
        await clock.sleep(REMOVAL_RETRY_MS);
      }
    }
  }

  #sources(): VolumeSources {
    const context = this.#context;
    const pod = this.#host.pod();
    const namespace = pod.metadata.namespace!;
    return {
      pod,
      node: context.node(pod.spec.nodeName!),
      configMap: (name) => context.configMap(namespace, name),
      secret: (name) => context.secret(namespace, name),
      claim: (name) => context.claim(namespace, name),
      volume: (name) => context.volume(name),
      now: () => context.clock.now(),
      token: (audience, seconds) => this.#token(audience, seconds),
    };
  }

  async #token(audience: string | undefined, expirationSeconds: number): Promise<string> {
    try {
      return await this.#context.token(this.#host.pod(), audience, expirationSeconds);
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      throw new MountError("kube-api-access", `failed to fetch token: ${(error as Error).message}`);
    }
  }
}
