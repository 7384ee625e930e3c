/**
 * Loaded before the program of every Node container (`node --import`): makes a process on this machine find what it
 * would find in a pod.
 *
 * - Listening on all addresses or on localhost binds the pod's address; connecting to localhost reaches the own pod.
 * - Names resolve by the cluster's DNS, with the pod's search list, then as the machine resolves them.
 * - Paths of volumes are those of their folders (see `createPathMap`), also for `node:fs` in libraries.
 * - The program ends when the control plane has been gone for too long.
 *
 * Everything goes through Node's public modules, so libraries (gRPC, HTTP clients, Kubernetes clients) need no change.
 */
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { patchPorts } from "./one-address-ports.ts";
import { createPathMap, type PodEnvironment, podEnvironment } from "./pod-environment.ts";

/** How often the heartbeat is looked at, in milliseconds. */
const HEARTBEAT_CHECK_MS = 15_000;
/** What a program gets to end on SIGTERM before it is killed, in milliseconds. */
const HEARTBEAT_GRACE_MS = 30_000;

// Functions of `node:fs` (and their `…Sync`) by what they do with the paths that they take.
const READS =
  "access exists lstat opendir readdir readFile readlink realpath stat statfs watch watchFile unwatchFile createReadStream openAsBlob glob";
const WRITES =
  "appendFile chmod chown createWriteStream lchmod lchown lutimes mkdir mkdtemp rm rmdir truncate unlink utimes writeFile";
const BOTH = "copyFile cp link rename symlink";

type AnyFunction = (...args: unknown[]) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: functions of Node are replaced, whatever their signature
type Patchable = Record<string, any>;

const pod = podEnvironment(process.env);
if (pod !== undefined) {
  os.hostname = () => pod.hostname;
  // Below the addresses: what they lead to is then looked up.
  if (pod.portDirectory !== undefined) patchPorts(pod.portDirectory);
  patchAddresses(pod);
  patchNames(pod);
  patchFiles(pod);
  if (isMainThread) watchHeartbeat(pod);
  syncBuiltinESMExports();
}

// ---- addresses ----

function patchAddresses({ ip }: PodEnvironment): void {
  const everywhere = new Set([undefined, null, "", "*", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1"]);
  const own = (host: unknown) => (everywhere.has(host as string) ? ip : host);
  const loopback = (host: unknown) => (everywhere.has(host as string) || host === undefined ? ip : host);

  const { listen } = net.Server.prototype as unknown as { listen: AnyFunction };
  (net.Server.prototype as Patchable).listen = function (this: net.Server, ...args: unknown[]) {
    return listen.apply(this, listenArguments(args, own));
  };

  const { connect } = net.Socket.prototype as unknown as { connect: AnyFunction };
  (net.Socket.prototype as Patchable).connect = function (this: net.Socket, ...args: unknown[]) {
    return connect.apply(this, connectArguments(args, loopback));
  };

  const { bind } = dgram.Socket.prototype as unknown as { bind: AnyFunction };
  (dgram.Socket.prototype as Patchable).bind = function (this: dgram.Socket, ...args: unknown[]) {
    const isUdp4 = (this as Patchable).type === "udp4";
    return bind.apply(this, isUdp4 ? bindArguments(args, own) : args);
  };
}

type HostMap = (host: unknown) => unknown;

/** `listen(port, host, backlog, callback)`, `listen(options, callback)`; paths and handles stay as they are. */
function listenArguments(args: unknown[], own: HostMap): unknown[] {
  const [first, ...rest] = args;
  if (isPort(first) || first === undefined || first === null || typeof first === "function") {
    const behind = typeof first === "function" ? [first] : rest;
    const hasHost = typeof behind[0] === "string" || behind[0] === undefined || behind[0] === null;
    const [host, others] = hasHost ? [behind[0], behind.slice(1)] : [undefined, behind];
    return [typeof first === "function" ? 0 : (first ?? 0), own(host), ...others];
  }
  if (isOptions(first) && "port" in first && first.path == null && first.fd == null) {
    return [{ ...first, host: own(first.host) }, ...rest];
  }
  return args;
}

/** `connect(port, host, callback)`, `connect(options, callback)`, and the array that `net.connect` makes of either. */
function connectArguments(args: unknown[], own: HostMap): unknown[] {
  const [first, ...rest] = args;
  if (Array.isArray(first)) {
    // http.Agent says `path: null`.
    if (isOptions(first[0]) && first[0].path == null && first[0].port !== undefined) {
      first[0] = { ...first[0], host: own(first[0].host) };
    }
    return args;
  }
  if (isOptions(first) && first.path == null && first.port !== undefined) {
    return [{ ...first, host: own(first.host) }, ...rest];
  }
  if (isPort(first)) {
    return typeof rest[0] === "string"
      ? [first, own(rest[0]), ...rest.slice(1)]
      : [first, own(undefined), ...rest];
  }
  return args;
}

function bindArguments(args: unknown[], own: HostMap): unknown[] {
  const [first, second, ...rest] = args;
  if (isOptions(first)) {
    return "fd" in first ? args : [{ ...first, address: own(first.address) }, second, ...rest];
  }
  if (typeof first === "function") return [0, own(undefined), first];
  return typeof second === "function"
    ? [first ?? 0, own(undefined), second]
    : [first ?? 0, own(second), ...rest];
}

function isPort(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
}

function isOptions(value: unknown): value is Patchable {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// ---- names ----

function patchNames(environment: PodEnvironment): void {
  const server = `${environment.dns.host}:${environment.dns.port}`;
  const resolver = new dns.promises.Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([server]);
  dns.setServers([server]);
  dns.promises.setServers([server]);

  const addressesOf = async (name: string): Promise<string[] | undefined> => {
    const plain = name.toLowerCase().replace(/\.$/, "");
    if (plain === "localhost" || plain === environment.hostname) return [environment.ip];
    if (Object.hasOwn(environment.hosts, plain)) return [environment.hosts[plain]];
    for (const candidate of candidatesOf(name.toLowerCase(), environment)) {
      const found = await resolver.resolve4(candidate).catch(() => []);
      if (found.length > 0) return found;
    }
    return undefined;
  };

  const { lookup: machineLookup } = dns;
  const { lookup: machineLookupPromise } = dns.promises;
  const isOurs = (name: unknown): name is string =>
    typeof name === "string" && name !== "" && net.isIP(name) === 0;

  const lookup = (name: unknown, ...rest: unknown[]): void => {
    const callback = rest.at(-1) as AnyFunction;
    const options = lookupOptions(rest.length > 1 ? rest[0] : {});
    const byMachine = () => (machineLookup as AnyFunction)(name, ...rest);
    if (!isOurs(name) || options.family === 6) return void byMachine();
    addressesOf(name).then((found) => {
      if (found === undefined) byMachine();
      else if (options.all) callback(null, found.map(ipv4));
      else callback(null, found[0], 4);
    });
  };
  // `util.promisify(dns.lookup)` gives `{ address, family }` by this hook.
  const lookupPromise = async (name: unknown, rawOptions?: unknown): Promise<unknown> => {
    const options = lookupOptions(rawOptions);
    const found = isOurs(name) && options.family !== 6 ? await addressesOf(name) : undefined;
    if (found === undefined) return (machineLookupPromise as AnyFunction)(name, rawOptions);
    return options.all ? found.map(ipv4) : ipv4(found[0]);
  };
  Object.defineProperty(lookup, Symbol.for("nodejs.util.promisify.custom"), { value: lookupPromise });
  (dns as Patchable).lookup = lookup;
  (dns.promises as Patchable).lookup = lookupPromise;
}

function lookupOptions(value: unknown): { family?: number; all?: boolean } {
  if (typeof value === "number") return { family: value };
  return isOptions(value) ? value : {};
}

function ipv4(address: string): { address: string; family: 4 } {
  return { address, family: 4 };
}

/** The search list first for names with few dots, the name itself first for others, as resolv.conf(5) has it. */
function candidatesOf(name: string, { search, ndots }: PodEnvironment): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const searched = search.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  // Past the cluster's domains the machine's own resolver is asked, so the name itself only when it may be one of them.
  const own = name.endsWith(".local") ? [name] : [];
  return dots >= ndots ? [...own, ...searched] : [...searched, ...own];
}

// ---- files ----

function patchFiles(environment: PodEnvironment): void {
  const map = createPathMap(environment);
  const mapped = (value: unknown, use: "read" | "write"): unknown => {
    if (typeof value === "string") return map(value, use);
    if (value instanceof URL && value.protocol === "file:") return map(fileURLToPath(value), use);
    return value;
  };
  const wrap = (target: Patchable, names: string[], change: (args: unknown[]) => void) => {
    for (const name of names) {
      const original = target[name] as (AnyFunction & { native?: unknown }) | undefined;
      if (original === undefined) continue;
      const replacement = function (this: unknown, ...args: unknown[]) {
        change(args);
        return original.apply(this, args);
      };
      // `realpath.native` and the like.
      target[name] = Object.assign(replacement, original);
    }
  };
  const withSync = (names: string) => names.split(" ").flatMap((name) => [name, `${name}Sync`]);
  for (const target of [fs, fs.promises] as Patchable[]) {
    wrap(target, withSync(READS), (args) => {
      args[0] = mapped(args[0], "read");
    });
    wrap(target, withSync(WRITES), (args) => {
      args[0] = mapped(args[0], "write");
    });
    wrap(target, withSync("open"), (args) => {
      args[0] = mapped(args[0], isWriting(args[1]) ? "write" : "read");
    });
    wrap(target, withSync(BOTH), (args) => {
      args[0] = mapped(args[0], "read");
      args[1] = mapped(args[1], "write");
    });
  }
}

function isWriting(flags: unknown): boolean {
  if (typeof flags === "string") return /[wa+]/.test(flags);
  return typeof flags === "number" && (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;
}

// ---- life ----

/** Counts looks and not hours, since a laptop that slept has had no heartbeat either. */
function watchHeartbeat({ heartbeatPath, heartbeatLimitMs }: PodEnvironment): void {
  const { statSync } = fs;
  let seenMs = 0;
  let unchangedMs = 0;
  const handle = setInterval(() => {
    const beatMs = statSync(heartbeatPath, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    unchangedMs = beatMs === seenMs ? unchangedMs + HEARTBEAT_CHECK_MS : 0;
    seenMs = beatMs;
    if (unchangedMs < heartbeatLimitMs) return;
    clearInterval(handle);
    console.error(`no control plane for ${heartbeatLimitMs / 1000} s: ending`);
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => process.kill(process.pid, "SIGKILL"), HEARTBEAT_GRACE_MS).unref();
  }, HEARTBEAT_CHECK_MS);
  handle.unref();
}
