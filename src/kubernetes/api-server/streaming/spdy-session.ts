/** Exec and attach over SPDY/3.1: one stream each for stdin, stdout, stderr, error and resize. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../base/clock.ts";
import { SpdyConnection, type SpdyStream } from "../../../wire/spdy/spdy-connection.ts";
import { type RemoteCommandOptions, type RemoteSession, terminalSizes } from "./remote-command.ts";

/** The client opens all streams within this time. */
export const STREAM_CREATION_TIMEOUT_MS = 30_000;

/** Versions of the protocol that we speak, the best first. v5 adds nothing that SPDY needs. */
export const SPDY_COMMAND_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io"];

/** Resolves when the client has opened all streams. @throws Error when it does not in time */
export async function spdySession(
  socket: Duplex,
  head: Uint8Array,
  options: RemoteCommandOptions,
  clock: Clock,
): Promise<RemoteSession> {
  const wanted = ["error", ...(["stdin", "stdout", "stderr"] as const).filter((name) => options[name])];
  if (options.tty) wanted.push("resize");
  const streams = new Map<string, SpdyStream>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = new SpdyConnection(socket, head, (stream) => {
    streams.set(stream.headers.streamtype, stream);
    if (wanted.every((name) => streams.has(name))) resolve();
  });
  connection.signal.addEventListener("abort", () => reject(new Error("the client went away")), {
    once: true,
  });
  const timer = clock.after(STREAM_CREATION_TIMEOUT_MS, () =>
    reject(new Error("timed out waiting for client to create streams")),
  );
  try {
    await promise;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    timer.cancel();
  }
  const writer = (name: string) => {
    const stream = streams.get(name);
    return stream && options[name as "stdout"] ? (chunk: Uint8Array) => stream.write(chunk) : undefined;
  };
  return {
    stdin: options.stdin ? streams.get("stdin") : undefined,
    stdout: writer("stdout"),
    stderr: writer("stderr"),
    resize: options.tty ? terminalSizes(streams.get("resize")!) : undefined,
    signal: connection.signal,
    async finish(status) {
      const error = streams.get("error")!;
      await error.write(Buffer.from(JSON.stringify(status)));
      for (const stream of streams.values()) await stream.end();
      await connection.finish();
    },
  };
}
