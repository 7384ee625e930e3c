import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { bodyOf, type HttpRequest, textResponse } from "../../base/network.ts";
import { readWebConfig } from "../config/web-config.ts";
import { MAX_REMEMBERED_LOGINS, WebGuard } from "./web-guard.ts";

/** A guard with a clock that is set by hand, and the logins that it had hashed. */
async function guardOf(yaml: string) {
  const disk = {
    stat: async () => ({ size: yaml.length, modifiedMs: 0, isDirectory: false }),
    readFile: async () => new TextEncoder().encode(yaml),
  } as unknown as Disk;
  const compared: string[] = [];
  const time = { ms: 0 };
  const compare = async (password: string) => compared.push(password) > 0 && password === "right";
  const options = { path: "web.yml", disk, log: silentLogger, monotonic: () => time.ms, compare };
  const handler = new WebGuard(options, await readWebConfig("web.yml", disk)).protect(() =>
    textResponse(200, "hello"),
  );
  const ask = async (login = "") => {
    const headers = login === "" ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
    const request = { method: "GET", target: "/", headers, body: bodyOf() } as unknown as HttpRequest;
    return (await handler(request)).status;
  };
  return { ask, compared, time };
}

test("WebGuard lets a burst through, and then one request an interval", async () => {
  const { ask, time } = await guardOf("rate_limit: {burst: 2, interval: 100ms}");
  assert.deepEqual([await ask(), await ask(), await ask()], [200, 200, 429]);
  time.ms = 99;
  assert.equal(await ask(), 429);
  time.ms = 150;
  assert.deepEqual([await ask(), await ask()], [200, 429]);
});

test(`WebGuard remembers ${MAX_REMEMBERED_LOGINS} logins, wrong ones too`, async () => {
  const { ask, compared } = await guardOf("basic_auth_users: {ali: hash}");
  assert.equal(await ask("ali:right"), 200);
  for (let i = 1; i < MAX_REMEMBERED_LOGINS; i++) assert.equal(await ask(`ali:wrong ${i}`), 401);
  assert.equal(await ask("ali:right"), 200);
  assert.equal(await ask("ali:wrong 1"), 401);
  assert.equal(compared.length, MAX_REMEMBERED_LOGINS);
  assert.equal(await ask("ali:one more"), 401);
  assert.equal(await ask("ali:right"), 200);
  assert.equal(compared.length, MAX_REMEMBERED_LOGINS + 2);
});
