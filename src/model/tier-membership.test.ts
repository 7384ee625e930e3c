import assert from "node:assert/strict";
import { test } from "node:test";
import { randomHex, randomInteger, seededRandom } from "../base/random.ts";
import { tenantIdProblem } from "./tenant.ts";
import {
  MAX_TIER_PODS,
  membershipData,
  ownerOf,
  parseMembership,
  type TierMembership,
  type TierPod,
} from "./tier-membership.ts";

const podOf = (name: string, state: TierPod["state"] = "member"): TierPod => ({
  name,
  address: `http://10.0.0.1:8000`,
  state,
  settled: 3,
  volume: "v",
});
const membershipOf = (...pods: TierPod[]): TierMembership => ({ epoch: 3, revision: 9, pods });
const members = (count: number) =>
  membershipOf(...Array.from({ length: count }, (_, index) => podOf(`test-db-small-${index}`)));

test("ownerOf() spreads tenants evenly", () => {
  const tier = members(10);
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const { name } = ownerOf(tier, `tenant-${String(i).padStart(3, "0")}`)!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  // The standard deviation is 30.
  for (const [name, count] of counts) assert.ok(count > 850 && count < 1_150, `${name}: ${count}`);
  assert.equal(counts.size, 10);
});

test("ownerOf() gives the tenants of a small simulation two to a pod", () => {
  for (const [pods, tenants] of [
    [2, 4],
    [3, 6],
    [5, 10],
  ]) {
    const tier = members(pods);
    const owners = Array.from({ length: tenants }, (_, index) => {
      return ownerOf(tier, `tenant-${String(index + 1).padStart(3, "0")}`)!.name;
    });
    const counts = Map.groupBy(owners, (name) => name);
    assert.deepEqual(
      [...counts.values()].map(({ length }) => length),
      Array(pods).fill(2),
    );
  }
});

test("ownerOf() moves only the tenants of the pod that comes or goes", () => {
  const [three, four] = [members(3), members(4)];
  let moved = 0;
  for (let i = 0; i < 4_000; i++) {
    const [before, after] = [ownerOf(three, `t${i}`)!.name, ownerOf(four, `t${i}`)!.name];
    if (before === after) continue;
    moved++;
    assert.equal(after, "test-db-small-3");
  }
  assert.ok(moved > 850 && moved < 1_150, String(moved));
});

test("ownerOf() does not depend on the pods' order, and passes over those that leave", () => {
  const pods = members(5).pods;
  for (let i = 0; i < 200; i++) {
    assert.equal(
      ownerOf(membershipOf(...[...pods].reverse()), `t${i}`)!.name,
      ownerOf(membershipOf(...pods), `t${i}`)!.name,
    );
  }
  const leaving = membershipOf(podOf("a", "leaving"), podOf("b"));
  for (let i = 0; i < 50; i++) assert.equal(ownerOf(leaving, `t${i}`)!.name, "b");
  assert.equal(ownerOf(membershipOf(podOf("a", "leaving")), "t"), undefined);
  assert.equal(ownerOf(membershipOf(), "t"), undefined);
});

test("parseMembership() and membershipData() are each other's inverse", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const pods = Array.from({ length: randomInteger(random, 6) }, (_, index) => ({
      name: `p-${index}`,
      ...(random.float() < 0.7 && { address: `http://10.0.0.${index}:8000` }),
      state: random.float() < 0.5 ? ("member" as const) : ("leaving" as const),
      settled: randomInteger(random, 100),
      volume: randomHex(random, 8),
    }));
    const membership = { epoch: randomInteger(random, 1e6), revision: randomInteger(random, 1e6), pods };
    assert.deepEqual(parseMembership(membershipData(membership)), membership);
  }
  assert.deepEqual(parseMembership(undefined), { epoch: 0, revision: 0, pods: [] });
});

test("parseMembership() names what makes no sense", () => {
  const good = { name: "p", state: "member", settled: 0, volume: "v" };
  const cases: [data: Record<string, string>, message: RegExp][] = [
    [{ epoch: "x" }, /epoch: must be a whole number/],
    [{ epoch: "-1" }, /epoch: must be a whole number/],
    [{ revision: "1.5" }, /revision: must be a whole number/],
    [{ pods: "{" }, /pods: is no JSON/],
    [{ pods: "{}" }, /pods: must be a list/],
    [{ pods: "[null]" }, /pods\[0\]: must have/],
    [{ pods: JSON.stringify([good, good]) }, /a name occurs twice/],
    [{ pods: JSON.stringify([{ ...good, state: "away" }]) }, /pods\[0\]/],
    [{ pods: JSON.stringify([{ ...good, address: "file:///etc" }]) }, /pods\[0\]/],
    [{ pods: JSON.stringify([{ ...good, address: "http://a/b" }]) }, /pods\[0\]/],
    [{ pods: JSON.stringify(Array(MAX_TIER_PODS + 1).fill(good)) }, /must be a list of pods/],
  ];
  for (const [data, message] of cases) assert.throws(() => parseMembership(data), message);
});

test("tenantIdProblem() takes names that are safe in a path, a label and a file", () => {
  const cases: [tenant: string | undefined, problem: RegExp | undefined][] = [
    ["acme", undefined],
    ["Acme-1.test_x", undefined],
    ["a".repeat(100), undefined],
    ["a".repeat(101), /longer than 100/],
    [undefined, /required/],
    ["", /required/],
    ["-a", /must consist of/],
    [".", /must consist of/],
    ["../../etc/passwd", /must consist of/],
    ["a/b", /must consist of/],
    ["a b", /must consist of/],
    ["a, b", /must consist of/],
    ["ä", /must consist of/],
    ["a\n", /must consist of/],
  ];
  for (const [tenant, problem] of cases) {
    if (problem === undefined) assert.equal(tenantIdProblem(tenant), undefined, tenant);
    else assert.match(tenantIdProblem(tenant) ?? "", problem, tenant);
  }
});
