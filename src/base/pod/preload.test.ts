import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { POD_VARIABLE, type PodEnvironment } from "./pod-environment.ts";

test("fs.promises.rm() removes what lies on a volume", () => {
  const directory = mkdtempSync(join(tmpdir(), "preload-"));
  const volume = join(directory, "volumes", "data");
  mkdirSync(volume, { recursive: true });
  const pod: PodEnvironment = {
    ip: "127.16.3.1",
    hostname: "pod-0",
    dns: { host: "127.16.3.2", port: 53 },
    search: [],
    ndots: 5,
    hosts: {},
    mounts: [["/data", volume]],
    rootDirectory: join(directory, "root"),
    hostDirectories: [join(directory, "volumes")],
    heartbeatPath: join(directory, "heartbeat"),
    heartbeatLimitMs: 60_000,
  };
  // Node's own rm() calls other functions of node:fs, which must not map the path once more.
  const program = `
    import * as fs from "node:fs/promises";
    await fs.mkdir("/data/folder");
    await fs.writeFile("/data/folder/kept", "");
    await fs.writeFile("/data/gone", "");
    await fs.mkdir("/data/all/of/it", { recursive: true });
    await fs.rm("/data/gone", { recursive: true, force: true });
    await fs.rm("/data/all", { recursive: true, force: true });
  `;
  const preload = fileURLToPath(new URL("preload.ts", import.meta.url));
  try {
    execFileSync(process.execPath, ["--import", preload, "--input-type=module", "-e", program], {
      env: { ...process.env, [POD_VARIABLE]: JSON.stringify(pod) },
    });
    assert.equal(existsSync(join(volume, "folder", "kept")), true);
    assert.equal(existsSync(join(volume, "gone")), false);
    assert.equal(existsSync(join(volume, "all")), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
