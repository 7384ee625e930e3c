/**
 * Part of the preload where the machine has one loopback address: a server that listens at the pod's address gets a port
 * of 127.0.0.1 and notes which, a socket that connects to a pod or Service looks it up (`port-directory.ts`).
 *
 * TCP only. A datagram socket binds the port that it asks for at 127.0.0.1, where two pods cannot have the same.
 */
import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";
import { findPort, forgetPort, isNameOnly, notePort, ONE_ADDRESS, realAddress } from "./port-directory.ts";

type AnyFunction = (...args: unknown[]) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: functions of Node are replaced, whatever their signature
type Patchable = Record<string, any>;

interface Target {
  host?: string;
  port: number;
  /** The arguments with another host and port. */
  at(host: string, port: number): unknown[];
}

export function patchPorts(directory: string): void {
  const listen = net.Server.prototype.listen as unknown as AnyFunction;
  (net.Server.prototype as Patchable).listen = function (this: net.Server, ...args: unknown[]) {
    const target = targetOf(args);
    if (target === undefined || !isNameOnly(target.host)) return listen.apply(this, args);
    const { host, port } = target;
    if (port !== 0 && findPort(directory, host, port) !== undefined) {
      process.nextTick(() => this.emit("error", inUse(host, port)));
      return this;
    }
    this.prependOnceListener("listening", () => noteServer(directory, this, host, port));
    return listen.apply(this, target.at(ONE_ADDRESS, 0));
  };

  const connect = net.Socket.prototype.connect as unknown as AnyFunction;
  (net.Socket.prototype as Patchable).connect = function (this: net.Socket, ...args: unknown[]) {
    const target = targetOf(args);
    if (target?.host === undefined || target.port === 0) return connect.apply(this, args);
    const { host, port } = target;
    if (net.isIP(host) !== 0) {
      const real = realAddress(directory, { host, port });
      return connect.apply(this, target.at(real.host, real.port));
    }
    // The port depends on the address that the name leads to, so the name is looked up first.
    (this as Patchable).connecting = true;
    dns.lookup(host, { family: 4 }, (error, address) => {
      if (this.destroyed) return;
      if (error !== null) return void connect.apply(this, args);
      this.emit("lookup", null, address, 4, host);
      const real = realAddress(directory, { host: address, port });
      connect.apply(this, target.at(isNameOnly(address) ? real.host : host, real.port));
    });
    return this;
  };

  const bind = dgram.Socket.prototype.bind as unknown as AnyFunction;
  (dgram.Socket.prototype as Patchable).bind = function (this: dgram.Socket, ...args: unknown[]) {
    const here = args.map((value) => (isNameOnly(value) ? ONE_ADDRESS : value));
    const [first] = here as [Patchable];
    if (isNameOnly(first?.address)) here[0] = { ...first, address: ONE_ADDRESS };
    return bind.apply(this, here);
  };
}

/** The server is known by the address that it asked for; `address()` says that one too. */
function noteServer(directory: string, server: net.Server, host: string, port: number): void {
  const { address } = server;
  const real = (address.call(server) as net.AddressInfo).port;
  const shown = port || real;
  notePort(directory, host, shown, real);
  server.address = () => ({ address: host, family: "IPv4", port: shown });
  server.once("close", () => {
    forgetPort(directory, host, shown, real);
    server.address = address;
  });
}

/**
 * Of `listen` and `connect`: `(port, host, …)`, `(options, …)`, and the array that `net.connect` makes of either.
 * Undefined for pipes and handles.
 */
function targetOf(args: unknown[]): Target | undefined {
  const [first, ...rest] = args;
  if (Array.isArray(first)) {
    const inner = targetOf(first);
    if (inner === undefined) return undefined;
    const at = (host: string, port: number) => {
      // Node knows an array of its own by a mark on it: the same one is passed on.
      first.splice(0, first.length, ...inner.at(host, port));
      return args;
    };
    return { ...inner, at };
  }
  if (typeof first === "object" && first !== null) {
    const options = first as Patchable;
    // http.Agent says `path: null`.
    if ((options.path ?? options.fd) != null || options.port == null) return undefined;
    const at = (host: string, port: number) => [{ ...options, host, port }, ...rest];
    return { host: options.host, port: Number(options.port), at };
  }
  if (typeof first !== "number" && !(typeof first === "string" && /^\d+$/.test(first))) return undefined;
  const [host] = rest;
  const others = typeof host === "string" ? rest.slice(1) : rest;
  return {
    host: typeof host === "string" ? host : undefined,
    port: Number(first),
    at: (real, port) => [port, real, ...others],
  };
}

function inUse(address: string, port: number): Error {
  const error = new Error(`listen EADDRINUSE: address already in use ${address}:${port}`);
  return Object.assign(error, { code: "EADDRINUSE", syscall: "listen", address, port });
}
