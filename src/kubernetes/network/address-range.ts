/**
 * Which `127.<n>` is this cluster's. The number is kept in the data directory, since running pods have addresses in it;
 * that no other cluster has it is sure because the cluster's name server holds an address of the range.
 */
import { createHash } from "node:crypto";
import type { Disk } from "../../base/disk.ts";
import { ONE_ADDRESS } from "../../base/pod/port-directory.ts";
import type { SocketAddress, SocketServer } from "../../base/sockets.ts";
import { type AddressPlan, createAddressPlan } from "./address-plan.ts";

/** Second numbers to choose from: 127.0 is the machine's, 127.53 a resolver's, low ones are popular by hand. */
const FIRST_NUMBER = 60;
const LAST_NUMBER = 250;
/** DNS' own port, and one that needs no privilege. */
const DNS_PORTS = [53, 10_053];

export interface AddressRange {
  plan: AddressPlan;
  dns: SocketServer;
  /** The machine has only 127.0.0.1: the plan's addresses are names, and the name server is there. */
  isOneAddress: boolean;
}

export interface AddressRangeOptions {
  disk: Disk;
  /** Where the choice is kept. */
  path: string;
  /** A given prefix, `127.15`. @default the kept one, or the first that is free */
  prefix?: string;
  /** Take only 127.0.0.1, as on a machine that has no other. @default as the machine is */
  oneAddress?: boolean;
  /** Starts the name server. @throws an error with `code` EADDRINUSE, EACCES */
  listenDns(at: SocketAddress): Promise<SocketServer>;
}

/** @throws an error saying which range is taken */
export async function claimAddressRange(options: AddressRangeOptions): Promise<AddressRange> {
  const { disk, path } = options;
  const kept = await disk.readFile(path).then(
    (bytes) => new TextDecoder().decode(bytes).trim(),
    () => undefined,
  );
  const only = options.prefix ?? kept;
  const prefixes = only === undefined ? candidates(path) : [only];
  let problem: unknown;
  for (const prefix of prefixes) {
    try {
      const range = await (options.oneAddress ? claimOneAddress : claim)(options, prefix);
      if (kept !== prefix) await disk.writeFile(path, `${prefix}\n`);
      return range;
    } catch (error) {
      // macOS, unless somebody has added addresses to its loopback interface.
      if ((error as NodeJS.ErrnoException).code === "EADDRNOTAVAIL")
        return claimAddressRange({ ...options, oneAddress: true });
      problem = error;
    }
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
      return { plan, dns: await options.listenDns({ host: plan.dns, port }), isOneAddress: false };
    } catch (error) {
      problem = error;
      if ((error as NodeJS.ErrnoException).code !== "EACCES") break;
    }
  }
  throw problem;
}

/**
 * The range as names only: another cluster may use the same ones, as each looks them up in its own data directory. The
 * name server keeps its port, which pods that are adopted were told.
 */
async function claimOneAddress(options: AddressRangeOptions, prefix: string): Promise<AddressRange> {
  const { disk, listenDns } = options;
  const path = `${options.path}.dns-port`;
  const kept = await disk.readFile(path).then(
    (bytes) => Number(new TextDecoder().decode(bytes)),
    () => 0,
  );
  const dns = await listenDns({ host: ONE_ADDRESS, port: kept }).catch((error: NodeJS.ErrnoException) => {
    if (kept === 0 || error.code !== "EADDRINUSE") throw error;
    return listenDns({ host: ONE_ADDRESS, port: 0 });
  });
  if (dns.port !== kept) await disk.writeFile(path, `${dns.port}\n`);
  return { plan: createAddressPlan(prefix), dns, isOneAddress: true };
}

/** All numbers, from one that depends on the data directory: clusters rarely meet. */
function candidates(path: string): string[] {
  const count = LAST_NUMBER - FIRST_NUMBER + 1;
  const start = createHash("sha256").update(path).digest().readUInt16BE(0) % count;
  return Array.from({ length: count }, (_, index) => `127.${FIRST_NUMBER + ((start + index) % count)}`);
}
