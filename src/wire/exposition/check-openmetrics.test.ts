import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkOpenMetrics, MAX_EXEMPLAR_CHARACTERS } from "./check-openmetrics.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const DATA = ["../shared", "../../shared"]
  .map((path) => join(ROOT, path, "conformance/openmetrics"))
  .find(existsSync);

const check = (text: string) => checkOpenMetrics(new TextEncoder().encode(text));

test("checkOpenMetrics() gives the specification's verdict on its test data", {
  skip: DATA === undefined && "no conformance data beside the repository",
}, async (t) => {
  for (const name of readdirSync(DATA!)) {
    await t.test(name, () => {
      const { file, shouldParse } = JSON.parse(readFileSync(join(DATA!, name, "test.json"), "utf8"));
      const bytes = new Uint8Array(readFileSync(join(DATA!, name, file)));
      if (shouldParse) checkOpenMetrics(bytes);
      else assert.throws(() => checkOpenMetrics(bytes), { name: "ExpositionError" });
    });
  }
});

test("checkOpenMetrics() says which line is wrong", () => {
  assert.throws(
    () => check("# TYPE a counter\na_total -1\n# EOF\n"),
    /^ExpositionError: line 2: counts are not negative/,
  );
});

test("checkOpenMetrics() limits the characters of an exemplar's labels", () => {
  const text = (length: number) => `# TYPE a counter\na_total 1 # {a="${"é".repeat(length)}"} 1\n# EOF\n`;
  check(text(MAX_EXEMPLAR_CHARACTERS - 1));
  assert.throws(() => check(text(MAX_EXEMPLAR_CHARACTERS)), /too long/);
});
