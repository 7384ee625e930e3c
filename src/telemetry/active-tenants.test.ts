import assert from "node:assert/strict";
import { test } from "node:test";
import { ActiveTenants } from "./active-tenants.ts";

test("ActiveTenants falls as time passes, without requests", () => {
  const tenants = new ActiveTenants(300_000);
  tenants.touch("a", 0);
  tenants.touch("b", 100_000);
  tenants.touch("a", 50_000);
  assert.equal(tenants.count(100_000), 2);
  assert.equal(tenants.count(349_999), 2);
  assert.equal(tenants.count(350_000), 1);
  assert.equal(tenants.count(400_000), 0);
});

test("ActiveTenants keeps the latest of two times and forgets on request", () => {
  const tenants = new ActiveTenants(1_000);
  tenants.touch("a", 5_000);
  tenants.touch("a", 4_000);
  assert.equal(tenants.lastSeenMs("a"), 5_000);
  tenants.forget("a");
  assert.equal(tenants.lastSeenMs("a"), undefined);
  assert.equal(tenants.count(5_000), 0);
});

test("ActiveTenants stands still at its limit and makes room for new ones when old ones are over", () => {
  const tenants = new ActiveTenants(1_000, 2);
  for (const tenant of ["a", "b", "c"]) tenants.touch(tenant, 0);
  assert.equal(tenants.count(0), 2);
  tenants.touch("c", 1_000);
  assert.equal(tenants.count(1_000), 1);
});
