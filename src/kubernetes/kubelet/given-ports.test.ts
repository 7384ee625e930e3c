import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findPort } from "../../base/pod/port-directory.ts";
import { systemSockets } from "../../base/sockets.ts";
import { givePorts } from "./given-ports.ts";

const directory = mkdtempSync(join(tmpdir(), "given-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("a program is told a port for each that it declares, and is found there once it runs", async () => {
  const env: Record<string, string> = { PORT_9000: "its own" };
  const container = {
    name: "app",
    image: "app",
    ports: [{ containerPort: 8000 }, { containerPort: 9000 }, { containerPort: 53, protocol: "UDP" }],
  };
  const given = await givePorts(systemSockets, directory, "127.90.64.1", container, env);
  assert.deepEqual(Object.keys(env).sort(), ["PORT", "PORT_8000", "PORT_9000"]);
  assert.equal(env.PORT, env.PORT_8000);
  assert.equal(env.PORT_9000, "its own");
  assert.equal(findPort(directory, "127.90.64.1", 8000), undefined);
  given.note(process.pid);
  assert.equal(findPort(directory, "127.90.64.1", 8000), Number(env.PORT));
});

test("who declares no port is told nothing", async () => {
  const env = {};
  await givePorts(systemSockets, directory, "127.90.64.2", { name: "app", image: "app" }, env);
  assert.deepEqual(env, {});
});
