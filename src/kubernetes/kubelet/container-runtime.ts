/**
 * Runs containers as processes, and finds those again that an earlier control plane started. On disk, for each run:
 *
 *     pods/<uid>/containers/<name>/<attempt>/   run.json  what it was started with (0600: it holds secrets)
 *                                               pid, exit what its supervisor notes
 *                                               root/     the container's own layer
 *     pods/<uid>/containers/<name>/<attempt>.log, .raw    see `ContainerLog`
 *
 * The folder of an attempt is made before its process is started, so that no run is ever started twice.
 */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { PodEnvironment } from "../../base/pod/pod-environment.ts";
import type { DetachedProcess, ProcessExit, Processes } from "../../base/process.ts";
import { ContainerLog } from "./container-log.ts";

export interface RunSpec {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  pod: PodEnvironment;
  stdin: boolean;
  /** The input ends when the first one who attached has ended his. */
  stdinOnce?: boolean;
}

export interface ContainerRun {
  attempt: number;
  spec: RunSpec;
  process: DetachedProcess;
  log: ContainerLog;
  /** Where the supervisor's notes and the standard input are. */
  directory: string;
}

/** What an earlier control plane left of a container's last run. */
export type FoundRun = { attempt: number; run?: ContainerRun; exit?: ProcessExit; startedMs?: number };

/** Logs of this many runs are kept: the present one and `kubectl logs --previous`. */
const KEPT_RUNS = 2;

export interface ContainerRuntimeOptions {
  processes: Processes;
  disk: Disk;
  clock: Clock;
  /** Of all pods. */
  directory: string;
  /** Tells this cluster's processes from those of other ones. */
  clusterId: string;
}

export class ContainerRuntime {
  readonly #options: ContainerRuntimeOptions;
  readonly #logs = new Set<ContainerLog>();

  constructor(options: ContainerRuntimeOptions) {
    this.#options = options;
  }

  podDirectory(uid: string): string {
    return `${this.#options.directory}/${uid}`;
  }

  runDirectory(uid: string, container: string, attempt: number): string {
    return `${this.podDirectory(uid)}/containers/${container}/${attempt}`;
  }

  /** Without extension. */
  logPath(uid: string, container: string, attempt: number): string {
    return this.runDirectory(uid, container, attempt);
  }

  /** @throws an error with `code` ENOENT when there is no such program. */
  async start(uid: string, container: string, attempt: number, spec: RunSpec): Promise<ContainerRun> {
    const { disk, processes } = this.#options;
    const directory = this.runDirectory(uid, container, attempt);
    await disk.writeFile(`${directory}/run.json`, JSON.stringify(spec), { mode: 0o600 });
    const log = await this.#openLog(uid, container, attempt);
    try {
      const process = await processes.start({
        id: this.#id(uid, container, attempt),
        argv: spec.argv,
        env: spec.env,
        cwd: spec.cwd,
        logPath: log.rawPath,
        stateDirectory: directory,
        stdin: spec.stdin,
        stdinOnce: spec.stdinOnce,
      });
      await this.#removeOldRuns(uid, container, attempt);
      return { attempt, spec, process, log, directory };
    } catch (error) {
      await this.closeLog(log);
      throw error;
    }
  }

  /** The container's newest run; undefined when there never was one. */
  async find(uid: string, container: string): Promise<FoundRun | undefined> {
    const { disk, processes } = this.#options;
    const attempts = await this.#attempts(uid, container);
    const attempt = attempts.at(-1);
    if (attempt === undefined) return undefined;
    const directory = this.runDirectory(uid, container, attempt);
    const found = await processes.adopt(this.#id(uid, container, attempt), directory);
    const text = await disk.readFile(`${directory}/run.json`).catch(() => undefined);
    const startedMs = (await disk.stat(`${directory}/pid`))?.modifiedMs;
    if (found === undefined || text === undefined) return { attempt };
    if (!("pid" in found)) {
      // What it last said has not been copied yet.
      await this.closeLog(await this.#openLog(uid, container, attempt));
      return { attempt, exit: found, startedMs };
    }
    const log = await this.#openLog(uid, container, attempt);
    const spec = JSON.parse(new TextDecoder().decode(text)) as RunSpec;
    return { attempt, run: { attempt, spec, process: found, log, directory } };
  }

  /** Ends what runs for containers that nobody knows, and removes their folders. @param known `<uid>/<container>/<attempt>` */
  async endUnknown(knownRuns: Set<string>, knownPods: Set<string>): Promise<void> {
    const { disk, processes, directory, clusterId } = this.#options;
    for (const [pid, id] of await processes.owned(`${clusterId}/`)) {
      if (!knownRuns.has(id.slice(clusterId.length + 1))) processes.killGroup(pid);
    }
    for (const uid of await disk.list(directory)) {
      if (!knownPods.has(uid)) await disk.remove(`${directory}/${uid}`);
    }
  }

  /** Copies what programs have written into their logs. Called every now and then. */
  async pumpLogs(): Promise<void> {
    await Promise.all([...this.#logs].map((log) => log.pump().catch(() => {})));
  }

  async closeLog(log: ContainerLog): Promise<void> {
    this.#logs.delete(log);
    await log.close();
  }

  async closeLogs(): Promise<void> {
    await Promise.all([...this.#logs].map((log) => this.closeLog(log)));
  }

  /** Attempts with a folder, ascending. */
  async #attempts(uid: string, container: string): Promise<number[]> {
    const names = await this.#options.disk.list(`${this.podDirectory(uid)}/containers/${container}`);
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  async #removeOldRuns(uid: string, container: string, attempt: number): Promise<void> {
    const { disk } = this.#options;
    const folder = `${this.podDirectory(uid)}/containers/${container}`;
    for (const name of await disk.list(folder)) {
      const number = Number.parseInt(name, 10);
      const isFolder = /^\d+$/.test(name);
      if (number < attempt && (isFolder || number <= attempt - KEPT_RUNS))
        await disk.remove(`${folder}/${name}`);
    }
  }

  async #openLog(uid: string, container: string, attempt: number): Promise<ContainerLog> {
    const { disk, clock } = this.#options;
    const log = new ContainerLog(disk, clock, this.logPath(uid, container, attempt));
    await log.open();
    this.#logs.add(log);
    return log;
  }

  #id(uid: string, container: string, attempt: number): string {
    return `${this.#options.clusterId}/${uid}/${container}/${attempt}`;
  }
}
