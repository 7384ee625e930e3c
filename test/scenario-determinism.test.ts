/** The same seed gives the same timeline, to the byte, in another process with another language and time zone. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SCENARIOS = ["pod-killed.yaml", "faults-at-random.ts"].map((name) =>
  fileURLToPath(new URL(`../scenarios/${name}`, import.meta.url)),
);

test("topology test writes the same timeline whatever the process' environment is", () => {
  const directory = mkdtempSync(join(tmpdir(), "timeline-"));
  try {
    const timelineIn = (name: string, env: Record<string, string>) => {
      const path = join(directory, name);
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [MAIN, "test", ...SCENARIOS, "--seed", "11", "--seeds", "2", "--timeline", path],
        { encoding: "utf8", env: { ...process.env, ...env } },
      );
      assert.equal(status, 0, stdout + stderr);
      return readFileSync(path);
    };
    const here = timelineIn("a", { TZ: "UTC", LC_ALL: "C" });
    const elsewhere = timelineIn("b", { TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" });
    assert.ok(here.length > 5_000);
    assert.ok(here.equals(elsewhere));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
