/** Threads for work that would keep the event loop from answering. */
import { parentPort, Worker, workerData } from "node:worker_threads";
import { type Program, programFile } from "./program-files.ts";

export interface Threads {
  /**
   * Runs one of the package's programs in a thread of its own, which ends with its answer.
   *
   * @param input is copied; memory that is shared (`SharedArrayBuffer`) is the same in both threads
   * @throws what the program threw, or when it ended without an answer
   */
  run(program: Program, input: unknown): Promise<unknown>;
}

export const nodeThreads: Threads = {
  run(program, input) {
    return new Promise((resolve, reject) => {
      // What was loaded into this process, to watch it or to make it a pod's, is not for the thread.
      const env = { ...process.env, NODE_OPTIONS: "" };
      const worker = new Worker(programFile(program), { workerData: input, execArgv: [], env });
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`${program} ended with ${code} and no answer`)));
    });
  },
};

/** For a thread's program: does its work with the input that it was given, and answers. */
export async function answerInThread<I>(work: (input: I) => Promise<unknown>): Promise<void> {
  parentPort!.postMessage(await work(workerData as I));
}
