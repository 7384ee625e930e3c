/**
 * For programs other than Node's where the machine has one loopback address: they cannot look up where a pod's port is
 * (`base/pod/port-directory.ts`), so the kubelet picks one for each port that the container declares and tells them by
 * variable: `PORT` for the first, `PORT_8000` for port 8000. They must listen there, at 127.0.0.1.
 */
import { notePort, ONE_ADDRESS } from "../../base/pod/port-directory.ts";
import type { Sockets } from "../../base/sockets.ts";
import type { Container } from "../types.ts";

export interface GivenPorts {
  /** The program has started: its ports are found as long as this process lives. */
  note(pid: number): void;
}

/** Adds to `env` what the container does not set itself. */
export async function givePorts(
  sockets: Sockets,
  directory: string,
  ip: string,
  container: Container,
  env: Record<string, string>,
): Promise<GivenPorts> {
  const ports: [declared: number, real: number][] = [];
  for (const { containerPort, protocol = "TCP" } of container.ports ?? []) {
    if (protocol === "TCP") ports.push([containerPort, await freePort(sockets)]);
  }
  for (const [declared, real] of ports) env[`PORT_${declared}`] ??= String(real);
  if (ports.length > 0) env.PORT ??= String(ports[0][1]);
  return {
    note(pid) {
      for (const [declared, real] of ports) notePort(directory, ip, declared, real, pid);
    },
  };
}

/** One that was free a moment ago. */
async function freePort(sockets: Sockets): Promise<number> {
  const server = await sockets.listenTcp({ host: ONE_ADDRESS, port: 0 }, (socket) => socket.destroy());
  await server.close();
  return server.port;
}
