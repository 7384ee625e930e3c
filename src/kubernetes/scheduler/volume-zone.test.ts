import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../types.ts";
import { isInZoneOfVolumes } from "./volume-zone.ts";

const ZONE = "topology.kubernetes.io/zone";
const OLD_ZONE = "failure-domain.beta.kubernetes.io/zone";
const REGION = "topology.kubernetes.io/region";

function isIn(volume: Record<string, string> | undefined, node: Record<string, string>): boolean {
  const found = { metadata: { name: "v", labels: volume } } as PersistentVolume;
  const claim = { metadata: { name: "c" } } as PersistentVolumeClaim;
  const claims = { bound: [{ claim, volume: found }], delayed: [], volumes: [] };
  return isInZoneOfVolumes(claims, { metadata: { name: "n", labels: node } } as Node);
}

test("isInZoneOfVolumes() compares the labels of zone and region, old and new", () => {
  const cases: [volume: Record<string, string> | undefined, node: Record<string, string>, is: boolean][] = [
    [undefined, { [ZONE]: "a" }, true],
    [{ [ZONE]: "a" }, { [ZONE]: "a" }, true],
    [{ [ZONE]: "a" }, { [ZONE]: "b" }, false],
    [{ [ZONE]: "a__b" }, { [ZONE]: "b" }, true],
    [{ [ZONE]: "a__" }, { [ZONE]: "b" }, true],
    [{ [OLD_ZONE]: "a" }, { [ZONE]: "a" }, true],
    [{ [OLD_ZONE]: "a" }, { [ZONE]: "b" }, false],
    [{ [OLD_ZONE]: "a" }, { [OLD_ZONE]: "a", [ZONE]: "b" }, true],
    [{ [ZONE]: "a", [REGION]: "r" }, { [ZONE]: "a" }, false],
    // Whoever has no place has no wrong one.
    [{ [ZONE]: "a" }, {}, true],
  ];
  for (const [volume, node, is] of cases)
    assert.equal(isIn(volume, node), is, JSON.stringify([volume, node]));
});
