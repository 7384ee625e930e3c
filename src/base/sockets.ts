/** Plain TCP and UDP as an argument, for what is not HTTP: service proxies, port forwards, DNS, probes. */
import * as dgram from "node:dgram";
import * as net from "node:net";
import type { Duplex } from "node:stream";

export interface SocketServer {
  host: string;
  port: number;
  /** Stops accepting and cuts what is open. */
  close(): Promise<void>;
}

export interface SocketAddress {
  host: string;
  port: number;
}

export interface Sockets {
  /** @throws an error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL. */
  listenTcp(at: SocketAddress, onConnection: (socket: Duplex) => void): Promise<SocketServer>;
  /** @throws an error with `code` ECONNREFUSED, …, ETIMEDOUT. */
  connectTcp(to: SocketAddress, timeoutMs?: number): Promise<Duplex>;
  /** Answers datagrams: what `onMessage` resolves with goes back to the sender. */
  listenUdp(
    at: SocketAddress,
    onMessage: (message: Uint8Array) => Promise<Uint8Array | undefined>,
  ): Promise<SocketServer>;
  /** Sends a datagram and resolves with the answer. @throws an error with `code` ETIMEDOUT, ECONNREFUSED. */
  askUdp(to: SocketAddress, message: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

export const systemSockets: Sockets = {
  async listenTcp(at, onConnection) {
    const open = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => socket.destroy());
      onConnection(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(at.port, at.host, resolve);
    });
    server.on("error", () => {});
    const { address, port } = server.address() as net.AddressInfo;
    const close = () => {
      for (const socket of open) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    };
    return { host: address, port, close };
  },
  connectTcp(to, timeoutMs) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ ...to, allowHalfOpen: true, noDelay: true });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              const problem = new Error(`dial tcp ${to.host}:${to.port}: i/o timeout`);
              socket.destroy(Object.assign(problem, { code: "ETIMEDOUT" }));
            }, timeoutMs);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.off("error", reject);
        socket.on("error", () => socket.destroy());
        resolve(socket);
      });
      socket.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
  },
  async listenUdp(at, onMessage) {
    const socket = dgram.createSocket("udp4");
    socket.on("message", (message, sender) => {
      onMessage(message).then(
        (answer) => answer && socket.send(answer, sender.port, sender.address, () => {}),
        () => {},
      );
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(at.port, at.host, resolve);
    });
    socket.on("error", () => {});
    const { address, port } = socket.address();
    return { host: address, port, close: () => new Promise((resolve) => socket.close(() => resolve())) };
  },
  askUdp(to, message, timeoutMs) {
    return new Promise((resolve, reject) => {
      const socket = dgram.createSocket("udp4");
      const finish = (action: () => void) => {
        clearTimeout(timer);
        socket.close();
        action();
      };
      const timer = setTimeout(() => {
        const problem = new Error(`no answer from ${to.host}:${to.port} in ${timeoutMs} ms`);
        finish(() => reject(Object.assign(problem, { code: "ETIMEDOUT" })));
      }, timeoutMs);
      socket.once("error", (error) => finish(() => reject(error)));
      socket.once("message", (answer) => finish(() => resolve(answer)));
      // Connected, so that only the one asked can answer.
      socket.connect(to.port, to.host, () => socket.send(message));
    });
  },
};

/** Joins two connections until both have ended; the end of one side is passed on, an error cuts both. */
export function joinSockets(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  const cut = () => {
    one.destroy();
    other.destroy();
  };
  one.on("error", cut);
  other.on("error", cut);
  one.on("close", () => other.destroy());
  other.on("close", () => one.destroy());
}
