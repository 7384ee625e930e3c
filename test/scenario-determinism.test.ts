/** The same seed gives the same timeline, to the byte, in another process with another language and time zone, or several. */
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

test("topology test writes the same timeline whatever the environment and the number of processes are", () => {
  const directory = mkdtempSync(join(tmpdir(), "timeline-"));
  try {
    const timelineIn = (name: string, env: Record<string, string>, workers = 1) => {
      const path = join(directory, name);
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          MAIN,
          "test",
          ...SCENARIOS,
          "--seed",
          "11",
          "--seeds",
          "2",
          "--workers",
          `${workers}`,
          "--timeline",
          path,
        ],
        { encoding: "utf8", env: { ...process.env, ...env } },
      );
      assert.equal(status, 0, stdout + stderr);
      return readFileSync(path);
    };
    const here = timelineIn("a", { TZ: "UTC", LC_ALL: "C" });
    const elsewhere = timelineIn("b", { TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" });
    const shared = timelineIn("c", {}, 3);
    assert.ok(here.length > 5_000);
    assert.ok(here.equals(elsewhere));
    assert.ok(here.equals(shared));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
