/**
 * Port-forward. Over SPDY (also tunnelled in a WebSocket) each connection is a pair of streams, `error` and `data`,
 * with headers `port` and `requestID`. Over plain WebSocket (`v4.channel.k8s.io`) the query names the ports, and port
 * number i has the channels 2i for data and 2i+1 for errors, each starting with the port in two bytes.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { describeNetworkError } from "../../../base/network-error.ts";
import { SpdyConnection, type SpdyStream } from "../../../wire/spdy/spdy-connection.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { sendMessage } from "./websocket-session.ts";

/** Connects to a port of the pod. */
export type Connect = (port: number) => Promise<Duplex>;

/** Ports that one WebSocket may forward. */
export const MAX_FORWARDED_PORTS = 32;

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
}

export function forwardOverSpdy(socket: Duplex, head: Uint8Array, connect: Connect): void {
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(socket, head, (stream) => {
    const { streamtype: kind, port, requestid = port } = stream.headers;
    if (!/^\d{1,5}$/.test(port ?? "") || (kind !== "error" && kind !== "data")) {
      throw new Error("a stream needs a port and a type");
    }
    const key = `${port}/${requestid}`;
    const pair = pairs.get(key) ?? {};
    pair[kind] = stream;
    pairs.set(key, pair);
    if (pair.error === undefined || pair.data === undefined) return;
    pairs.delete(key);
    void forwardPair(connection, pair.data, pair.error, Number(port), connect);
  });
}

async function forwardPair(
  connection: SpdyConnection,
  data: SpdyStream,
  error: SpdyStream,
  port: number,
  connect: Connect,
): Promise<void> {
  try {
    const target = await connect(port);
    connection.signal.addEventListener("abort", () => target.destroy(), { once: true });
    await pipeBothWays(target, data, (chunk) => data.write(chunk));
  } catch (problem) {
    await error.write(problemText(port, problem));
  }
  await data.end();
  await error.end();
  connection.forget(data);
  connection.forget(error);
}

function problemText(port: number, problem: unknown): Buffer {
  return Buffer.from(`error forwarding port ${port} to pod: ${describeNetworkError(problem)}`);
}

/** Ends when the target has ended. */
async function pipeBothWays(
  target: Duplex,
  input: AsyncIterable<Uint8Array>,
  output: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const upstream = (async () => {
    for await (const chunk of input) {
      if (target.destroyed) return;
      if (!target.write(chunk)) await drained(target);
    }
    target.end();
  })();
  upstream.catch(() => target.destroy());
  try {
    for await (const chunk of target) await output(chunk as Uint8Array);
  } catch (error) {
    if (!isReset(error)) throw error;
  } finally {
    target.destroy();
  }
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

export function forwardOverWebSocket(socket: WebSocket, ports: number[], connect: Connect): void {
  const inputs = ports.map(() => new ChunkQueue(socket));
  socket.on("message", (data) => {
    const message = data as Buffer;
    if (message[0] % 2 === 0) inputs[message[0] / 2]?.push(new Uint8Array(message.subarray(1)));
  });
  const targets = new Set<Duplex>();
  const end = () => {
    for (const input of inputs) input.end();
    for (const target of targets) target.destroy();
  };
  socket.on("close", end);
  socket.on("error", end);
  const work = ports.map(async (port, index) => {
    const number = Uint8Array.of(port & 0xff, port >> 8);
    await sendMessage(socket, 2 * index, number);
    await sendMessage(socket, 2 * index + 1, number);
    try {
      const target = await connect(port);
      targets.add(target);
      await pipeBothWays(target, inputs[index], (chunk) => sendMessage(socket, 2 * index, chunk));
    } catch (error) {
      await sendMessage(socket, 2 * index + 1, problemText(port, error));
    }
  });
  void Promise.all(work).then(() => socket.close(1000));
}
