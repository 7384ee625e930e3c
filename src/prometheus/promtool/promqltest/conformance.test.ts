/** Upstream's own scripts, where they are at hand: they are data beside the repository, not part of it. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runScript } from "./script-runner.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const FOLDER = ["../shared", "../../shared"]
  .map((shared) => join(ROOT, shared, "conformance/promqltest"))
  .find((folder) => existsSync(folder));

const clock = { monotonic: () => 0, sleep: async () => {} };

if (FOLDER === undefined) {
  test("upstream's promqltest files", { skip: "shared/conformance/promqltest is not here" }, () => {});
} else {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".test"))) {
    test(`upstream's ${file} passes`, async () => {
      let count = 0;
      const failures: string[] = [];
      for await (const { line, expression, failure } of runScript(
        readFileSync(join(FOLDER, file), "utf8"),
        clock,
      )) {
        count++;
        if (failure !== undefined) failures.push(`line ${line}: ${expression}: ${failure}`);
      }
      assert.deepEqual(failures, []);
      assert.ok(count > 0, "the file has cases");
    });
  }
}
