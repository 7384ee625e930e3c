/** Runs the command line as a user does: as a process of its own, with its output collected. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = `${ROOT}src/main.ts`;

export interface CliProcess {
  process: ChildProcess;
  /** Everything printed so far, standard output and standard error. */
  output(): string;
  /** Resolves when the output has a match. @throws Error with the output when the process ends first. */
  seen(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The exit code; 128 + signal's number is what a shell would say, here it is null. */
  exited: Promise<number | null>;
}

export function startCli(args: string[], env: Record<string, string> = {}): CliProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env: { ...process.env, ...env } });
  let text = "";
  let wake = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
      wake();
    });
  }
  let ended = false;
  const exited = new Promise<number | null>((resolve) =>
    child.on("close", (code) => {
      ended = true;
      wake();
      resolve(code);
    }),
  );
  return {
    process: child,
    output: () => text,
    exited,
    async seen(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        if (ended) throw new Error(`the process ended before it printed ${pattern}:\n${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

export async function runCli(args: string[]): Promise<{ code: number | null; output: string }> {
  const cli = startCli(args);
  const code = await cli.exited;
  return { code, output: cli.output() };
}

/** Runs any program to its end. */
export async function run(
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, stdout, stderr };
}
