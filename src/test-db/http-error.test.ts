import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { answerError } from "./http-error.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("answerError() says that the disk is full, whoever found out", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (c); PRAGMA max_page_count = 2");
  const full = {
    sqlite: thrownBy(() => database.prepare("INSERT INTO t VALUES (?)").run("x".repeat(10_000))),
    file: Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }),
    quota: Object.assign(new Error("EDQUOT: disk quota exceeded, write"), { code: "EDQUOT" }),
  };
  for (const [name, error] of Object.entries(full)) {
    const response = answerError(error);
    assert.equal(response?.status, 507, name);
    assert.match(response.body as string, /"code":"disk_full"/);
  }
});

test("answerError() leaves to its caller what is a bug", () => {
  assert.equal(answerError(new Error("EIO: i/o error")), undefined);
  assert.equal(answerError("text"), undefined);
});
