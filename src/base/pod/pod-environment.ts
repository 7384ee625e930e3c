/**
 * What the kubelet tells a container's programs about the pod that they believe to be in, in one environment variable.
 * `preload.ts` acts on it inside Node programs, `tool.ts` for commands like `curl`.
 */
import fs from "node:fs";
import { dirname, posix } from "node:path";

// As they are now: `preload.ts` puts functions that call this file in their place.
const { existsSync, mkdirSync } = fs;

export const POD_VARIABLE = "TOPOLOGY_POD";

export interface PodEnvironment {
  /** The pod's own address: what `0.0.0.0` and `localhost` mean in it. */
  ip: string;
  hostname: string;
  /**
   * Where this machine has one loopback address: the folder that says at which of its ports a pod's are
   * (`port-directory.ts`). Absent: every pod has an address.
   */
  portDirectory?: string;
  /** The cluster's name server. */
  dns: { host: string; port: number };
  /** The domains in which names with fewer dots than `ndots` are looked up first. */
  search: string[];
  ndots: number;
  /** Names from the pod's `hostAliases`. */
  hosts: Record<string, string>;
  /** Path in the container and the folder or file on this machine that it stands for. */
  mounts: [path: string, hostPath: string][];
  /** The container's own layer: what it writes outside of its mounts lands here. */
  rootDirectory: string;
  /** Folders that mean themselves: the pod's folders, the program's. */
  hostDirectories: string[];
  /** Touched by the control plane as long as it lives. */
  heartbeatPath: string;
  /** A program ends itself after so long without a heartbeat, in milliseconds. */
  heartbeatLimitMs: number;
}

/** The pod that this process runs in; undefined outside of the cluster. */
export function podEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): PodEnvironment | undefined {
  const text = env[POD_VARIABLE];
  return text === undefined ? undefined : (JSON.parse(text) as PodEnvironment);
}

/** Maps a path of the container to one of this machine. Relative paths stay. */
export type PathMap = (path: string, use: "read" | "write") => string;

/** Kernel interfaces, which every container has. */
const KERNEL_DIRECTORIES = ["/proc", "/sys", "/dev"];

/**
 * As an overlay mount would: a mount's folder first; then the container's own layer when the path is written or has
 * been; else this machine's, to read.
 */
export function createPathMap(pod: PodEnvironment): PathMap {
  const mounts = pod.mounts.toSorted(([a], [b]) => b.length - a.length);
  return (path, use) => {
    if (!path.startsWith("/")) return path;
    const plain = posix.normalize(path);
    if (pod.hostDirectories.some((folder) => isWithin(plain, folder))) return path;
    for (const [mount, hostPath] of mounts) {
      if (isWithin(plain, mount)) return hostPath + plain.slice(mount === "/" ? 0 : mount.length);
    }
    if (KERNEL_DIRECTORIES.some((folder) => isWithin(plain, folder))) return path;
    const own = pod.rootDirectory + plain;
    if (use === "read") return existsSync(own) || !existsSync(plain) ? own : path;
    if (existsSync(dirname(plain))) mkdirSync(dirname(own), { recursive: true });
    return own;
  };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === "/" || path.startsWith(`${folder}/`);
}
