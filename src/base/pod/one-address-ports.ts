/**
 * Part of the preload where the machine has one loopback address: a server that listens at the pod's address gets a port
 * of 127.0.0.1 and notes which, a socket that connects to a pod or Service looks it up (`port-directory.ts`).
 *
 * TCP only. A datagram socket binds the port that it asks for at 127.0.0.1, where two pods cannot have the same.
 */
import dgram from "node:dgram";
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

  patchConnect(directory);

  const bind = dgram.Socket.prototype.bind as unknown as AnyFunction;
  (dgram.Socket.prototype as Patchable).bind = function (this: dgram.Socket, ...args: unknown[]) {
    const here = args.map((value) => (isNameOnly(value) ? ONE_ADDRESS : value));
    const [first] = here as [Patchable];
    if (isNameOnly(first?.address)) here[0] = { ...first, address: ONE_ADDRESS };
    return bind.apply(this, here);
  };
}

/**
 * Every TCP connection of Node's, by name or address, plain, TLS or HTTP/2, comes down to this method of its handle: by
 * then the name is looked up, and what others see of the socket is as it should be. The handles' class is not public;
 * `net` makes one on request.
 */
function patchConnect(directory: string): void {
  const handle = (net as Patchable)._createServerHandle(ONE_ADDRESS, 0, 4);
  const handles = Object.getPrototypeOf(handle) as Patchable;
  handle.close();
  const connect = handles.connect as AnyFunction;
  handles.connect = function (request: unknown, host: string, port: number) {
    const real = realAddress(directory, { host, port });
    return connect.call(this, request, real.host, real.port);
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

/** Of `listen`: `(port, host, …)` or `(options, …)`. Undefined for pipes and handles. */
function targetOf([first, ...rest]: unknown[]): Target | undefined {
  if (typeof first === "object" && first !== null) {
    const options = first as Patchable;
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
