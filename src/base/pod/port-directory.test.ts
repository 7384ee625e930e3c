import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findPort, forgetAddress, forgetPort, isNameOnly, notePort, realAddress } from "./port-directory.ts";

const directory = mkdtempSync(join(tmpdir(), "ports-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("only addresses of the loopback range but the first are names", () => {
  for (const host of ["127.90.64.1", "127.0.0.2", "127.255.255.255"]) assert.ok(isNameOnly(host), host);
  for (const host of ["127.0.0.1", "10.0.0.1", "localhost", "127.1", "", undefined, 127])
    assert.ok(!isNameOnly(host), String(host));
});

test("a port is found while its process lives and until it is forgotten", async () => {
  assert.equal(findPort(directory, "127.90.64.1", 8000), undefined);
  notePort(directory, "127.90.64.1", 8000, 40_001);
  assert.equal(findPort(directory, "127.90.64.1", 8000), 40_001);
  assert.deepEqual(realAddress(directory, { host: "127.90.64.1", port: 8000 }), {
    host: "127.0.0.1",
    port: 40_001,
  });
  // Someone else has it by now: the one before takes nothing away.
  forgetPort(directory, "127.90.64.1", 8000, 39_999);
  assert.equal(findPort(directory, "127.90.64.1", 8000), 40_001);
  forgetPort(directory, "127.90.64.1", 8000, 40_001);
  assert.equal(findPort(directory, "127.90.64.1", 8000), undefined);

  const child = spawn(process.execPath, ["-e", ""]);
  notePort(directory, "127.90.64.1", 8000, 40_002, child.pid);
  await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(findPort(directory, "127.90.64.1", 8000), undefined);
});

test("what cannot be found is refused, and other addresses are themselves", () => {
  assert.deepEqual(realAddress(directory, { host: "127.90.64.9", port: 80 }), { host: "127.0.0.1", port: 1 });
  assert.deepEqual(realAddress(directory, { host: "192.0.2.1", port: 80 }), { host: "192.0.2.1", port: 80 });
  writeFileSync(join(directory, "127.90.64.3_80"), "half of it");
  assert.equal(findPort(directory, "127.90.64.3", 80), undefined);
});

test("forgetAddress() forgets one address's ports, and no other's", () => {
  notePort(directory, "127.90.64.1", 1000, 40_003);
  notePort(directory, "127.90.64.10", 1000, 40_004);
  forgetAddress(directory, "127.90.64.1");
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith("127.90.64.1")),
    ["127.90.64.10_1000"],
  );
  forgetAddress(join(directory, "none"), "127.90.64.1");
});
