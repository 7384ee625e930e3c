import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../base/random.ts";
import { MAX_TENANT_ID_LENGTH, tenantIdProblem } from "../model/tenant.ts";
import { formatTenantFile, parseTenantFile } from "./tenant-file-name.ts";

test("parseTenantFile() and formatTenantFile() are each other's inverse, within what a file system allows", () => {
  const random = seededRandom(21);
  const letters = "abcXYZ019._-";
  const seen = new Map<string, string>();
  for (let round = 0; round < 3_000; round++) {
    const length = 1 + randomInteger(random, MAX_TENANT_ID_LENGTH);
    const tenant = Array.from({ length }, () => letters[randomInteger(random, letters.length)]).join("");
    if (tenantIdProblem(tenant) !== undefined) continue;
    const state = random.float() < 0.5 ? ("held" as const) : ("handover" as const);
    const file = { tenant, generation: 1 + randomInteger(random, 1e9), state };
    const name = formatTenantFile(file);
    assert.deepEqual(parseTenantFile(name), file);
    assert.ok(name.length <= 255 - "-journal".length);
    // Where case is ignored two tenants still have two names.
    const folded = formatTenantFile({ ...file, generation: 1, state: "held" }).toLowerCase();
    assert.equal(seen.get(folded) ?? tenant, tenant);
    seen.set(folded, tenant);
  }
});

test("parseTenantFile() takes nothing else for a tenant's file", () => {
  const names = [
    "acme.db",
    "acme.0.db",
    "acme.01.db",
    "acme.1.db-wal",
    "Acme.1.db",
    "=.1.db",
    "a=1.1.db",
    ".1.db",
    "volume-id",
    "acme.1.handover.tmp",
    "acme.1234567890123456.db",
  ];
  for (const name of names) assert.equal(parseTenantFile(name), undefined, name);
  assert.deepEqual(parseTenantFile("a.b.1.12.db"), { tenant: "a.b.1", generation: 12, state: "held" });
});
