/** `--config.auto-reload`: takes a changed configuration without being asked. */
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";

export interface AutoReloadOptions {
  clock: Clock;
  log: Logger;
  intervalMs: number;
  /** Of the configuration on disk. @throws Error when it can't be read */
  checksum: () => Promise<string>;
  /** @throws Error when the configuration is bad: the old one stays in force, and the new one is tried again */
  reload: () => Promise<void>;
}

/** @returns the timer that looks for changes, the first of which is one to what is on disk now. */
export async function startAutoReload(options: AutoReloadOptions): Promise<Timer> {
  const { clock, log, intervalMs, checksum, reload } = options;
  let known = await checksum();
  let isBusy = false;
  const look = async () => {
    const found = await checksum();
    if (found === known) return;
    log.info("Configuration file change detected, reloading the configuration.");
    await reload();
    known = found;
  };
  return clock.every(intervalMs, () => {
    if (isBusy) return;
    isBusy = true;
    look()
      .catch((error) => log.error("Automatic reload of the configuration failed", { err: error }))
      .finally(() => (isBusy = false));
  });
}
