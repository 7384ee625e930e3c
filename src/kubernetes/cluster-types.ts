/** What `createCluster` takes and gives. */

import type { Processes } from "../base/process.ts";
import type { SocketAddress, SocketServer, Sockets } from "../base/sockets.ts";
import type { System } from "../base/system.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import type { ImageCatalogue } from "./kubelet/image-catalogue.ts";

export interface ClusterOptions {
  system: System;
  processes: Processes;
  sockets: Sockets;
  /** Everything that the cluster keeps: objects, volumes, logs, its authority. Made when missing. */
  dataDirectory: string;
  /** Where the API listens; pods reach it by the Service `default/kubernetes`. @default 127.0.0.1, port 0: a free one */
  apiAddress?: Partial<SocketAddress>;
  /** @default the built-in images, and those of `images.yaml` in the data directory */
  images?: ImageCatalogue;
  /**
   * The first two numbers of every address of the cluster: `127.90`. Kept in the data directory.
   *
   * @default a range that no other cluster on this machine uses
   */
  addressPrefix?: string;
  /**
   * Use no loopback address but 127.0.0.1, as where there is no other (macOS): addresses of pods and Services are names
   * that only the cluster's programs know, and each of their ports has one at 127.0.0.1.
   *
   * @default as the machine is
   */
  oneAddress?: boolean;
  /** How often the HPA looks (`--horizontal-pod-autoscaler-sync-period`), in milliseconds. @default 15,000 */
  horizontalPodAutoscalerSyncPeriodMs?: number;
}

/** A name inside the cluster to reach from outside of it. */
export interface ServiceTarget {
  namespace: string;
  service: string;
  /** Number or name of one of the Service's ports. */
  port: number | string;
}

export interface RunningContainer {
  namespace: string;
  pod: string;
  container: string;
  podIp: string;
  pid: number;
  startedMs: number;
}

/** The control plane: API server, controllers, scheduler, kubelet, proxy and DNS in this process. */
export interface Cluster {
  /** Resolves when the API answers. Pods of an earlier run are adopted or started meanwhile. */
  start(): Promise<void>;
  /**
   * Ends the control plane. Pods end first, each within its grace period; the next start brings them back.
   *
   * @param options `keepPods` leaves their processes running, to be adopted by the next start.
   */
  stop(options?: { keepPods?: boolean }): Promise<void>;
  /** The store, as the cluster's administrator. Controllers of other rooms use it over HTTP instead. */
  api: KubernetesApi;
  /** After `start`: `https://127.0.0.1:6443`. */
  apiUrl(): string;
  /** After `start`: whether there is one loopback address for all (`ClusterOptions.oneAddress`). */
  isOneAddress(): boolean;
  /** A kubeconfig (YAML) with the administrator's token: write it with mode 0600. */
  kubeconfig(): string;
  /** Listens at `from` and passes connections on to a ready endpoint. @throws an error with `code` EADDRINUSE. */
  forward(from: SocketAddress, to: ServiceTarget): Promise<SocketServer>;
  /** What runs now. */
  containers(): RunningContainer[];
}
