/** What the care for a pod needs from the kubelet. */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import type { Processes } from "../../base/process.ts";
import type { Sockets } from "../../base/sockets.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import type {
  ConfigMap,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
} from "../types.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { ImageCatalogue } from "./image-catalogue.ts";
import type { Surroundings } from "./run-spec.ts";

export interface PodContext {
  api: KubernetesApi;
  clock: Clock;
  disk: Disk;
  network: Network;
  sockets: Sockets;
  processes: Processes;
  log: Logger;
  events: EventRecorder;
  runtime: ContainerRuntime;
  images: ImageCatalogue;
  surroundings: Surroundings;
  node(name: string): Node;
  services(): Iterable<Service>;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  /** The pod's address: the one that it has, or a free one. */
  takeAddress(pod: Pod): string;
  /** The pod is no more: its address is free, its worker forgotten. */
  release(pod: Pod): void;
}
