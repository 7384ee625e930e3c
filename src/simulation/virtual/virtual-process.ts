/**
 * A process in virtual time: a `System` whose parts stop when it is killed. Code that was running goes nowhere: its
 * next read, write, timer or answer never comes, exactly as if it were not there. One that is stopped (SIGSTOP) gets
 * all of these when it goes on.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { sleepOn } from "../../base/clock.ts";
import type { Disk, DiskFile } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import type { Random } from "../../base/random.ts";
import type { System } from "../../base/system.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export interface VirtualProcessOptions {
  clock: Clock;
  random: Random;
  disk: Disk;
  network: Network;
  log: Logger;
  env?: Record<string, string>;
  /** What is to happen outside when it is killed: `VirtualNetwork.drop`. */
  onKill?: () => void;
}

export interface VirtualProcess {
  system: System;
  /** The API as this process reaches it: silent once the process is killed. */
  connect(api: KubernetesApi): KubernetesApi;
  /** SIGTERM. */
  terminate(): void;
  /** SIGKILL. */
  kill(): void;
  /** SIGSTOP: nothing of it runs until `proceed`. What is sent to its servers is the network's to hold. */
  stop(): void;
  /** SIGCONT: what fell due meanwhile happens now, in order. */
  proceed(): void;
  readonly alive: boolean;
  /** Resolves when it is killed. */
  readonly killed: Promise<void>;
}

export function createVirtualProcess(options: VirtualProcessOptions): VirtualProcess {
  const stop = new AbortController();
  const hangups: (() => void)[] = [];
  let alive = true;
  const halt = new Halt();
  const killed = Promise.withResolvers<void>();
  /** What a living process gets, a stopped one when it goes on, and a killed one waits for in vain. */
  const living = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!alive) return never();
    try {
      const value = await work();
      if (halt.isOn) await halt.over();
      return alive ? value : await never();
    } catch (error) {
      if (halt.isOn) await halt.over();
      if (!alive) return never();
      throw error;
    }
  };
  const system: System = {
    clock: livingClock(options.clock, () => alive, halt),
    random: options.random,
    disk: livingDisk(options.disk, living, () => alive),
    network: {
      fetch: (url, fetchOptions) => living(() => options.network.fetch(url, fetchOptions)),
      serve: (serveOptions, handler) => living(() => options.network.serve(serveOptions, handler)),
    },
    log: options.log,
    env: options.env ?? {},
    signal: stop.signal,
    onHangup: (callback) => void hangups.push(callback),
    print: () => {},
  };
  return {
    system,
    connect: (api) => livingApi(api, living, () => alive, halt),
    terminate: () => halt.defer(() => stop.abort(new Error("received SIGTERM"))),
    stop: () => halt.begin(),
    proceed: () => halt.end(),
    kill() {
      if (!alive) return;
      alive = false;
      options.onKill?.();
      killed.resolve();
    },
    get alive() {
      return alive;
    },
    killed: killed.promise,
  };
}

function never(): Promise<never> {
  return new Promise(() => {});
}

type Living = <T>(work: () => Promise<T>) => Promise<T>;

/** While it lasts what is due waits. */
class Halt {
  #due: (() => void)[] = [];
  isOn = false;

  begin(): void {
    this.isOn = true;
  }

  end(): void {
    if (!this.isOn) return;
    this.isOn = false;
    const due = this.#due;
    this.#due = [];
    for (const callback of due) this.defer(callback);
  }

  /** Calls back when it is over: now where it is not on. */
  defer(callback: () => void): void {
    if (this.isOn) this.#due.push(callback);
    else callback();
  }

  over(): Promise<void> {
    return new Promise((resolve) => this.defer(resolve));
  }
}

function livingClock(clock: Clock, isAlive: () => boolean, halt: Halt): Clock {
  const ifAlive = (callback: () => void) => () => {
    if (isAlive()) callback();
  };
  const own: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(delayMs, callback): Timer {
      let cancelled = false;
      const timer = clock.after(delayMs, () =>
        halt.defer(
          ifAlive(() => {
            if (!cancelled) callback();
          }),
        ),
      );
      return {
        cancel() {
          cancelled = true;
          timer.cancel();
        },
      };
    },
    every(intervalMs, callback): Timer {
      let cancelled = false;
      let due = false;
      const timer = clock.every(intervalMs, () => {
        if (!isAlive()) return timer.cancel();
        // Turns that were missed are one.
        if (due) return;
        due = true;
        halt.defer(
          ifAlive(() => {
            due = false;
            if (!cancelled) callback();
          }),
        );
      });
      return {
        cancel() {
          cancelled = true;
          timer.cancel();
        },
      };
    },
    sleep: (delayMs, signal) => sleepOn(own, delayMs, signal),
  };
  return own;
}

function livingDisk(disk: Disk, living: Living, isAlive: () => boolean): Disk {
  return {
    open: (path, mode) => living(async () => livingFile(await disk.open(path, mode), living, isAlive)),
    readFile: (path) => living(() => disk.readFile(path)),
    writeFile: (path, data, options) => living(() => disk.writeFile(path, data, options)),
    list: (path) => living(() => disk.list(path)),
    stat: (path) => living(() => disk.stat(path)),
    makeDirectory: (path, options) => living(() => disk.makeDirectory(path, options)),
    remove: (path) => living(() => disk.remove(path)),
    rename: (from, to) => living(() => disk.rename(from, to)),
    syncDirectory: (path) => living(() => disk.syncDirectory(path)),
    realPath: (path) => disk.realPath(path),
  };
}

function livingApi(api: KubernetesApi, living: Living, isAlive: () => boolean, halt: Halt): KubernetesApi {
  return {
    get: (...args) => living(() => api.get(...args)),
    list: (...args) => living(() => api.list(...args)),
    create: (...args) => living(() => api.create(...args)),
    replace: (...args) => living(() => api.replace(...args)),
    updateStatus: (...args) => living(() => api.updateStatus(...args)),
    patch: (...args) => living(() => api.patch(...args)),
    delete: (...args) => living(() => api.delete(...args)),
    async *watch<T extends KubernetesObject>(...args: Parameters<KubernetesApi["watch"]>) {
      for await (const event of api.watch<T>(...args)) {
        if (halt.isOn) await halt.over();
        if (!isAlive()) await never();
        yield event;
      }
    },
  };
}

function livingFile(file: DiskFile, living: Living, isAlive: () => boolean): DiskFile {
  return {
    read: (position, length) => living(() => file.read(position, length)),
    write: (position, data) => living(() => file.write(position, data)),
    appendNow: (data) => {
      if (isAlive()) file.appendNow(data);
    },
    truncate: (size) => living(() => file.truncate(size)),
    sync: () => living(() => file.sync()),
    syncNow: () => {
      if (isAlive()) file.syncNow();
    },
    size: () => living(() => file.size()),
    close: () => living(() => file.close()),
  };
}
