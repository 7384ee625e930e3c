/** What exec and attach have in common, whatever the protocol: which streams, and how the end is told. */

import { isStatus } from "../../../model/kubernetes-status.ts";
import type { TerminalSize } from "../../pod-runtime.ts";

export interface RemoteCommandOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export function remoteCommandOptions(query: URLSearchParams): RemoteCommandOptions {
  const flag = (name: string) => ["1", "true"].includes(query.get(name) ?? "");
  const tty = flag("tty");
  // A terminal has one output.
  return { stdin: flag("stdin"), stdout: flag("stdout"), stderr: flag("stderr") && !tty, tty };
}

/** The ends of a command, and how to say how it went. */
export interface RemoteSession {
  stdin: AsyncIterable<Uint8Array> | undefined;
  stdout: ((chunk: Uint8Array) => Promise<void>) | undefined;
  stderr: ((chunk: Uint8Array) => Promise<void>) | undefined;
  resize: AsyncIterable<TerminalSize> | undefined;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
  /** Sends the last word and closes. */
  finish(status: object): Promise<void>;
}

/** The `Status` for a command's exit code (apimachinery `remotecommand`). */
export function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

export function failureStatus(error: unknown): object {
  if (isStatus(error)) return error.status;
  return {
    metadata: {},
    status: "Failure",
    message: (error as Error).message,
    reason: "InternalError",
    code: 500,
  };
}

/** Terminal sizes from their JSON, `{"Width":80,"Height":24}`, one or more in a chunk. */
export async function* terminalSizes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TerminalSize> {
  for await (const chunk of chunks) {
    for (const [text] of Buffer.from(chunk)
      .toString("latin1")
      .matchAll(/\{[^{}]{0,200}\}/g)) {
      try {
        const { Width: width, Height: height } = JSON.parse(text) as { Width: number; Height: number };
        if (width > 0 && height > 0) yield { width, height };
      } catch {
        // Not a size: nothing to follow.
      }
    }
  }
}
