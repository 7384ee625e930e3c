import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const HOST = "127.16.4.1";

/** `topology run test-db --standalone` as a process, on a port that it finds itself. */
async function start(directory: string): Promise<{ child: ChildProcess; url: string }> {
  const args = ["run", "test-db", "--standalone", "--host", HOST, "--port", "0", "--data-dir", directory];
  const env = { ...process.env, POD_NAME: "test-db-small-0", POD_IP: HOST, OTEL_SDK_DISABLED: "true" };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  const url = await new Promise<string>((resolve, reject) => {
    let log = "";
    child.stderr!.on("data", (chunk) => {
      log += chunk;
      const match = /msg=serving address=(\S+)/.exec(log);
      if (match !== null) resolve(match[1]);
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${log}`)));
  });
  while (!(await fetch(`${url}/ready`)).ok) await sleep(20);
  return { child, url };
}

test("kill -9 under load: every write that was acknowledged is there, and none twice", async () => {
  const directory = mkdtempSync(join(tmpdir(), "test-db-"));
  const acknowledged: { tenant: string; id: string }[] = [];
  let { child, url } = await start(directory);
  try {
    for (let round = 0; round < 3; round++) {
      const ended = once(child, "exit");
      let running = true;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; running; i++) {
          const tenant = `tenant-${i % 5}`;
          const id = `r${round}-${writer}-${i}`;
          try {
            const response = await fetch(`${url}/api/v1/resources`, {
              method: "POST",
              headers: { "x-tenant-id": tenant, "content-type": "application/json" },
              body: JSON.stringify({ id, content: `content of ${id}` }),
            });
            if (response.status === 201) acknowledged.push({ tenant, id });
          } catch {
            return;
          }
        }
      });
      const before = acknowledged.length;
      while (acknowledged.length < before + 40) await sleep(5);
      child.kill("SIGKILL");
      running = false;
      await Promise.all([ended, ...writers]);
      ({ child, url } = await start(directory));
    }
    for (const { tenant, id } of acknowledged) {
      const response = await fetch(`${url}/api/v1/entities/${id}`, { headers: { "x-tenant-id": tenant } });
      assert.equal(response.status, 200, id);
      assert.equal(((await response.json()) as { content: string }).content, `content of ${id}`);
    }
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  } finally {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
});
