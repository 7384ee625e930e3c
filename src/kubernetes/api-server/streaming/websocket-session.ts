/**
 * Exec and attach over WebSocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`. The first byte of a message is its
 * channel: 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize; in v5, 255 closes the channel that follows.
 */
import type { WebSocket } from "ws";
import { ChunkQueue } from "./chunk-queue.ts";
import { type RemoteCommandOptions, type RemoteSession, terminalSizes } from "./remote-command.ts";

export const COMMAND_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;

export function webSocketSession(socket: WebSocket, options: RemoteCommandOptions): RemoteSession {
  const gone = new AbortController();
  const stdin = new ChunkQueue(socket);
  const resize = new ChunkQueue(socket);
  socket.on("message", (data) => {
    const message = data as Buffer;
    const content = new Uint8Array(message.subarray(1));
    if (message[0] === STDIN) stdin.push(content);
    else if (message[0] === RESIZE) resize.push(content);
    else if (message[0] === CLOSE && content[0] === STDIN) stdin.end();
  });
  const end = () => {
    stdin.end();
    resize.end();
    gone.abort(new Error("the client went away"));
  };
  socket.on("close", end);
  socket.on("error", end);
  const send = (channel: number) => async (chunk: Uint8Array) => sendMessage(socket, channel, chunk);
  return {
    stdin: options.stdin ? stdin : undefined,
    stdout: options.stdout ? send(STDOUT) : undefined,
    stderr: options.stderr ? send(STDERR) : undefined,
    resize: options.tty ? terminalSizes(resize) : undefined,
    signal: gone.signal,
    async finish(status) {
      await sendMessage(socket, ERROR, Buffer.from(JSON.stringify(status)));
      socket.close(1000);
    },
  };
}

/** Resolves when the message is on its way, or can't be any more. */
export function sendMessage(socket: WebSocket, channel: number, chunk: Uint8Array): Promise<void> {
  const message = new Uint8Array(chunk.length + 1);
  message[0] = channel;
  message.set(chunk, 1);
  return new Promise((resolve) => socket.send(message, { binary: true }, () => resolve()));
}
