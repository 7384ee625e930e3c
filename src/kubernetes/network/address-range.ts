/**
 * Which `127.<n>` is this cluster's. The number is kept in the data directory, since running pods have addresses in it;
 * that no other cluster has it is sure because the cluster's name server holds an address of the range.
 */
import { createHash } from "node:crypto";
import type { Disk } from "../../base/disk.ts";
import type { SocketAddress, SocketServer, Sockets } from "../../base/sockets.ts";
import { type AddressPlan, createAddressPlan } from "./address-plan.ts";

/** Second numbers to choose from: 127.0 is the machine's, 127.53 a resolver's, low ones are popular by hand. */
const FIRST_NUMBER = 60;
const LAST_NUMBER = 250;
/** DNS' own port, and one that needs no privilege. */
const DNS_PORTS = [53, 10_053];

export interface AddressRange {
  plan: AddressPlan;
  dns: SocketServer;
}

export interface AddressRangeOptions {
  disk: Disk;
  sockets: Sockets;
  /** Where the choice is kept. */
  path: string;
  /** A given prefix, `127.15`. @default the kept one, or the first that is free */
  prefix?: string;
  /** Starts the name server. @throws an error with `code` EADDRINUSE, EACCES */
  listenDns(at: SocketAddress): Promise<SocketServer>;
}

/** @throws an error saying which range is taken, or that this machine has no loopback range. */
export async function claimAddressRange(options: AddressRangeOptions): Promise<AddressRange> {
  const { disk, path } = options;
  const kept = await disk.readFile(path).then(
    (bytes) => new TextDecoder().decode(bytes).trim(),
    () => undefined,
  );
  const only = options.prefix ?? kept;
  let problem: unknown;
  for (const prefix of only === undefined ? candidates(path) : [only]) {
    try {
      const range = await claim(options, prefix);
      if (kept !== prefix) await disk.writeFile(path, `${prefix}\n`);
      return range;
    } catch (error) {
      problem = error;
    }
  }
  const { code } = problem as NodeJS.ErrnoException;
  if (code === "EADDRNOTAVAIL") {
    throw new Error("this machine has no addresses 127.x.y.z but 127.0.0.1: pods can't get their own", {
      cause: problem,
    });
  }
  throw new Error(
    only === undefined
      ? `no range of addresses 127.${FIRST_NUMBER} to 127.${LAST_NUMBER} is free`
      : `the addresses ${only}.0.0 are in use, by another cluster it seems: ${(problem as Error).message}`,
    { cause: problem },
  );
}

async function claim(options: AddressRangeOptions, prefix: string): Promise<AddressRange> {
  const plan = createAddressPlan(prefix);
  let problem: unknown;
  for (const port of DNS_PORTS) {
    try {
      return { plan, dns: await options.listenDns({ host: plan.dns, port }) };
    } catch (error) {
      problem = error;
      if ((error as NodeJS.ErrnoException).code !== "EACCES") break;
    }
  }
  throw problem;
}

/** All numbers, from one that depends on the data directory: clusters rarely meet. */
function candidates(path: string): string[] {
  const count = LAST_NUMBER - FIRST_NUMBER + 1;
  const start = createHash("sha256").update(path).digest().readUInt16BE(0) % count;
  return Array.from({ length: count }, (_, index) => `127.${FIRST_NUMBER + ((start + index) % count)}`);
}
