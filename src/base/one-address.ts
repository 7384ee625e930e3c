/** Sockets and network for a machine with one loopback address: see `pod/port-directory.ts`. */
import type { FetchOptions, FetchResponse, Network } from "./network.ts";
import {
  findPort,
  forgetPort,
  isNameOnly,
  notePort,
  ONE_ADDRESS,
  realAddress,
} from "./pod/port-directory.ts";
import type { SocketServer, Sockets } from "./sockets.ts";

/** Listens and connects as if every address were there; what listens is found by its address's port. */
export function oneAddressSockets(sockets: Sockets, directory: string): Sockets {
  return {
    async listenTcp(at, onConnection) {
      if (!isNameOnly(at.host)) return sockets.listenTcp(at, onConnection);
      if (at.port !== 0 && findPort(directory, at.host, at.port) !== undefined) throw inUse(at.host, at.port);
      const server = await sockets.listenTcp({ host: ONE_ADDRESS, port: 0 }, onConnection);
      return noted(directory, at.host, at.port || server.port, server);
    },
    connectTcp: (to, timeoutMs) => sockets.connectTcp(realAddress(directory, to), timeoutMs),
    listenUdp: (at, onMessage) =>
      sockets.listenUdp(isNameOnly(at.host) ? { ...at, host: ONE_ADDRESS } : at, onMessage),
    askUdp: (to, message, timeoutMs) =>
      sockets.askUdp(isNameOnly(to.host) ? { ...to, host: ONE_ADDRESS } : to, message, timeoutMs),
  };
}

function noted(directory: string, host: string, port: number, server: SocketServer): SocketServer {
  notePort(directory, host, port, server.port);
  return {
    host,
    port,
    async close() {
      forgetPort(directory, host, port, server.port);
      await server.close();
    },
  };
}

/** Asks where the port is. The request says the name that was asked for. */
export function oneAddressNetwork(network: Network, directory: string): Network {
  return {
    fetch(url: string, options: FetchOptions = {}): Promise<FetchResponse> {
      const target = new URL(url);
      if (!isNameOnly(target.hostname)) return network.fetch(url, options);
      const { host, hostname } = target;
      const port = Number(target.port || (target.protocol === "https:" ? 443 : 80));
      const real = realAddress(directory, { host: hostname, port });
      target.host = `${real.host}:${real.port}`;
      return network.fetch(target.href, { ...options, headers: { host, ...options.headers } });
    },
    serve: (options, handler) => network.serve(options, handler),
  };
}

function inUse(address: string, port: number): Error {
  const error = new Error(`listen EADDRINUSE: address already in use ${address}:${port}`);
  return Object.assign(error, { code: "EADDRINUSE", syscall: "listen", address, port });
}
