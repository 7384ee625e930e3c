/** What `up` notes about itself in the data directory, for the other commands: `topology.json`. */
import { type Disk, isMissing } from "../base/disk.ts";
import type { Machine } from "../base/machine.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { clientOfKubeconfig } from "../wire/kubernetes/kubeconfig.ts";
import { UsageError } from "./options.ts";

export interface RunState {
  pid: number;
  startedMs: number;
  /** Name → URL, as the table of `up` shows them. */
  urls: Record<string, string>;
  apiUrl: string;
}

export const runStatePath = (dataDirectory: string): string => `${dataDirectory}/topology.json`;
export const kubeconfigPath = (dataDirectory: string): string => `${dataDirectory}/kubeconfig`;

/**
 * Makes the data directory, for its user alone.
 *
 * @throws UsageError that names the flag, where it cannot be made
 */
export async function makeDataDirectory(disk: Disk, dataDirectory: string): Promise<void> {
  try {
    await disk.makeDirectory(dataDirectory, { mode: 0o700 });
  } catch (error) {
    throw new UsageError(`--data-dir ${dataDirectory} cannot be made: ${(error as Error).message}`);
  }
}

export async function writeRunState(disk: Disk, dataDirectory: string, state: RunState): Promise<void> {
  await disk.writeFile(runStatePath(dataDirectory), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

/** The topology that runs on this data directory, or undefined: also when one ran and was killed. */
export async function findRunning(machine: Machine, dataDirectory: string): Promise<RunState | undefined> {
  const state = await readRunState(machine.disk, dataDirectory);
  if (state === undefined || !machine.signalProcess(state.pid, 0)) return undefined;
  try {
    // The number may belong to another process by now; the API with our token can only be ours.
    const api = await openApi(machine, dataDirectory);
    await api.list({ group: "", version: "v1", resource: "namespaces" });
    return state;
  } catch {
    return undefined;
  }
}

async function readRunState(disk: Disk, dataDirectory: string): Promise<RunState | undefined> {
  try {
    return JSON.parse(new TextDecoder().decode(await disk.readFile(runStatePath(dataDirectory)))) as RunState;
  } catch (error) {
    // A machine that lost power while this was written: nothing of that time runs.
    if (isMissing(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The cluster's API, by the kubeconfig in the data directory. */
export async function openApi(machine: Machine, dataDirectory: string): Promise<KubernetesApi> {
  const text = new TextDecoder().decode(await machine.disk.readFile(kubeconfigPath(dataDirectory)));
  return clientOfKubeconfig(machine.network, text);
}
