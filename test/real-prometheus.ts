/** Runs a real Prometheus, where one is installed, on a free port and an address that the test chooses. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** Debian's, and one of version 3. */
export const REAL_PROMETHEUS = ["/usr/bin/prometheus", "/usr/local/bin/prometheus"];

const READY_ATTEMPTS = 600;

export interface RealPrometheus {
  readonly address: string;
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>;
  json(path: string): Promise<unknown>;
  url(path: string): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A directory that is removed when the test has ended. */
export function temporaryDirectory(t: TestContext, prefix: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Resolves when it is ready.
 *
 * @param config its configuration, in which PORT stands for the port that it listens on
 */
export async function runRealPrometheus(
  t: TestContext,
  options: { binary: string; address: string; directory: string; config: string; flags?: string[] },
): Promise<RealPrometheus> {
  const { binary, address, directory, config, flags = [] } = options;
  const port = await freePort(address);
  const file = join(temporaryDirectory(t, "real-prometheus-"), "prometheus.yml");
  writeFileSync(file, config.replaceAll("PORT", String(port)));
  const child: ChildProcess = spawn(
    binary,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${directory}`,
      `--web.listen-address=${address}:${port}`,
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr!.on("data", (data) => {
    said = (said + data).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  t.after(() => void child.kill("SIGKILL"));
  const url = (path: string) => `http://${address}:${port}${path}`;
  const json = async (path: string) => (await fetch(url(path))).json();
  for (let attempt = 0; ; attempt++) {
    try {
      if ((await fetch(url("/-/ready"))).ok) break;
    } catch {
      // not listening yet
    }
    assert.ok(attempt < READY_ATTEMPTS && child.exitCode === null, `${binary} did not become ready: ${said}`);
    await sleep(100);
  }
  return {
    address,
    json,
    url,
    async query(expression) {
      const body = (await json(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        status: string;
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      assert.equal(body.status, "success", JSON.stringify(body));
      return body.data.result;
    },
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
