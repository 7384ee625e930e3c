import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import type { SocketAddress } from "../../base/sockets.ts";
import { systemSockets } from "../../base/sockets.ts";
import { createAddressPlan, POD_ADDRESSES_PER_NODE, SERVICE_ADDRESSES } from "./address-plan.ts";
import { claimAddressRange } from "./address-range.ts";

const folder = mkdtempSync(join(tmpdir(), "ranges-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const listenDns = (at: SocketAddress) => systemSockets.listenUdp(at, async () => undefined);
const claim = (name: string, prefix?: string) =>
  claimAddressRange({
    disk: systemDisk,
    path: join(folder, name),
    prefix,
    listenDns,
  });

test("addresses of Services, pods and nodes do not meet", () => {
  const plan = createAddressPlan("127.9");
  assert.equal(plan.serviceAddress(0), "127.9.1.1");
  assert.equal(plan.serviceAddress(SERVICE_ADDRESSES - 1), "127.9.15.254");
  assert.equal(plan.serviceAddress(SERVICE_ADDRESSES), undefined);
  assert.equal(plan.podAddress(0, 0), "127.9.64.1");
  assert.equal(plan.podAddress(2, POD_ADDRESSES_PER_NODE - 1), "127.9.111.254");
  assert.equal(plan.podRange(1), "127.9.80.0/20");
  assert.equal(plan.node(0), "127.9.255.1");
  for (const address of [plan.apiService, plan.dns, "127.9.15.254"])
    assert.ok(plan.isServiceAddress(address));
  for (const address of ["127.9.16.1", "127.10.1.1", "127.9.64.1"])
    assert.ok(!plan.isServiceAddress(address));
});

test("a cluster keeps its range, and no other one gets it meanwhile", async () => {
  const one = await claim("one");
  const other = await claim("other");
  assert.notEqual(one.plan.prefix, other.plan.prefix);
  assert.equal(readFileSync(join(folder, "one"), "utf8").trim(), one.plan.prefix);
  await assert.rejects(claim("third", one.plan.prefix), {
    message: new RegExp(`^the addresses ${one.plan.prefix}.0.0 are in use, by another cluster it seems`),
  });
  await one.dns.close();
  const again = await claim("one");
  assert.equal(again.plan.prefix, one.plan.prefix);
  await again.dns.close();
  await other.dns.close();
});

test("a machine without a range has one address, and the name server's port is kept", async () => {
  const refuse = (at: SocketAddress) =>
    at.host === "127.0.0.1"
      ? listenDns(at)
      : Promise.reject(Object.assign(new Error("bind EADDRNOTAVAIL"), { code: "EADDRNOTAVAIL" }));
  const again = () => claimAddressRange({ disk: systemDisk, path: join(folder, "mac"), listenDns: refuse });
  const first = await again();
  assert.ok(first.isOneAddress);
  assert.equal(first.dns.host, "127.0.0.1");
  await first.dns.close();
  const second = await again();
  assert.deepEqual([second.plan.prefix, second.dns.port], [first.plan.prefix, first.dns.port]);
  const third = await again();
  assert.notEqual(third.dns.port, second.dns.port);
  await Promise.all([second.dns.close(), third.dns.close()]);
});
