/**
 * What the API server asks of the kubelet about running pods: logs, exec, attach, port-forward and resource figures.
 * The kubelet implements it; the API server puts the protocols (SPDY, WebSocket, metrics.k8s.io) in front.
 *
 * Problems that the caller should see are thrown as `KubernetesError`: `BadRequest` for `container x is waiting to
 * start: ContainerCreating`, `NotFound`, `InternalError`.
 */
import type { Duplex } from "node:stream";

export interface ContainerKey {
  namespace: string;
  pod: string;
  /** The pod's, for a runtime to tell a pod from its successor of the same name. */
  uid: string;
  container: string;
}

export interface PodLogOptions {
  /** Keep going until the container has ended. */
  follow?: boolean;
  /** The container's previous run. */
  previous?: boolean;
  /** Prefix each line with its RFC 3339 time and a space. */
  timestamps?: boolean;
  tailLines?: number;
  limitBytes?: number;
  sinceSeconds?: number;
  /** Only lines written at or after this time, in milliseconds since the epoch. */
  sinceTimeMs?: number;
  /** @default "All" */
  stream?: "All" | "Stdout" | "Stderr";
  /** Ends a follow. */
  signal?: AbortSignal;
}

export interface TerminalSize {
  width: number;
  height: number;
}

/** The ends of a running command that the API server holds. */
export interface ContainerStreams {
  /** Ends when the client closes its side. Absent: no stdin. */
  stdin?: AsyncIterable<Uint8Array>;
  /** Absent: the client does not want it. The promise is the reader's pace. */
  stdout?: (chunk: Uint8Array) => void | Promise<void>;
  stderr?: (chunk: Uint8Array) => void | Promise<void>;
  tty: boolean;
  /** With a tty: new sizes as the client's terminal changes. */
  resize?: AsyncIterable<TerminalSize>;
  /** Aborts when the client has gone away: end the command (exec) or let go (attach). */
  signal: AbortSignal;
}

export interface ExitStatus {
  exitCode: number;
}

/** The use of one container now. */
export interface ContainerStats {
  name: string;
  /** CPU time per wall time over the last window: 0.25 is 250m. */
  cpuCores: number;
  memoryBytes: number;
}

export interface PodStats {
  namespace: string;
  pod: string;
  /** When it was measured, in milliseconds since the epoch. */
  timestampMs: number;
  windowMs: number;
  containers: ContainerStats[];
}

export interface NodeStats {
  node: string;
  timestampMs: number;
  windowMs: number;
  cpuCores: number;
  memoryBytes: number;
}

export interface PodRuntime {
  /** Bytes of the log as they are to be sent. @throws KubernetesError before the first byte when there is none. */
  logs(key: ContainerKey, options: PodLogOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Runs a command in the container's surroundings until it ends. */
  exec(key: ContainerKey, command: string[], streams: ContainerStreams): Promise<ExitStatus>;
  /** Connects to the container's main process until it ends or the client goes. */
  attach(key: ContainerKey, streams: ContainerStreams): Promise<ExitStatus>;
  /** A connection to a port of the pod. @throws when nothing listens there. */
  portForward(key: Omit<ContainerKey, "container">, port: number): Promise<Duplex>;
  /** The figures of every running pod. */
  podStats(): Promise<PodStats[]>;
  nodeStats(): Promise<NodeStats[]>;
}
