/** Ports on the machine: one that was asked for must be had, a default moves on when it is taken. */
import { UsageError } from "./options.ts";

/** How far a default port may move. */
export const MAX_PORT_STEPS = 100;

export interface PortWish {
  /** `--grafana-port`. */
  flag: string;
  port: number;
  /** Whether the user named the port. */
  given: boolean;
}

/**
 * Calls `listen` with the port wished for, or with the next ones while they are taken.
 *
 * @throws UsageError naming the flag when a given port is taken or none is free.
 */
export async function listenOnFreePort<T>(
  wish: PortWish,
  listen: (port: number) => Promise<T>,
  warn: (message: string) => void,
): Promise<T> {
  for (let port = wish.port; port < wish.port + MAX_PORT_STEPS && port <= 65_535; port++) {
    try {
      const server = await listen(port);
      if (port !== wish.port)
        warn(`port ${wish.port} is taken, using ${port} (${wish.flag} chooses another)`);
      return server;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES") throw new UsageError(`${wish.flag} ${port}: no permission to listen there`);
      if (code !== "EADDRINUSE") throw error;
      if (wish.given) throw new UsageError(`${wish.flag} ${port}: the port is taken; choose another`);
    }
  }
  throw new UsageError(`${wish.flag}: no port from ${wish.port} on is free`);
}
