/** Targets to scrape, in a thread of their own, so that making their bodies does not disturb the measurement. */
import { createServer } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { expositionBody } from "./workload.ts";

export const TARGETS = 5;
export const SERIES_PER_TARGET = 9_600;
const PORT = 8000;
const BODIES = 8;

const hosts = Array.from({ length: TARGETS }, (_, i) => `127.13.8.${i + 1}`);
export const addresses = hosts.map((host) => `${host}:${PORT}`);

export interface Targets {
  /** Scrapes answered so far. */
  scrapes(): number;
  stop(): Promise<void>;
}

/** Resolves when they listen. */
export async function startTargets(): Promise<Targets> {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: answered });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
  });
  return { scrapes: () => Atomics.load(answered, 0), stop: async () => void (await worker.terminate()) };
}

async function serve(answered: Int32Array): Promise<void> {
  const bodies = Array.from({ length: BODIES }, (_, version) =>
    Buffer.from(expositionBody(SERIES_PER_TARGET, version)),
  );
  const listening = hosts.map((host) => {
    let version = 0;
    const server = createServer((_, response) => {
      const body = bodies[version++ % bodies.length];
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "content-length": body.length });
      response.end(body);
      Atomics.add(answered, 0, 1);
    });
    return new Promise<void>((resolve) => server.listen(PORT, host, resolve));
  });
  await Promise.all(listening);
  parentPort!.postMessage("listening");
}

if (!isMainThread) await serve(workerData);
