import assert from "node:assert/strict";
import test from "node:test";
import type { Pod } from "../types.ts";
import { disksConflict } from "./disk-conflicts.ts";

test("one pod at a time has a disk, but for readers where it can be read by several", () => {
  const pod = (disk: object) => ({ metadata: { name: "p" }, spec: { volumes: [disk] } }) as unknown as Pod;
  const cases: [one: object, other: object, expected: boolean][] = [
    [{ gcePersistentDisk: { pdName: "d" } }, { gcePersistentDisk: { pdName: "d" } }, true],
    [{ gcePersistentDisk: { pdName: "d" } }, { gcePersistentDisk: { pdName: "e" } }, false],
    [
      { gcePersistentDisk: { pdName: "d", readOnly: true } },
      { gcePersistentDisk: { pdName: "d", readOnly: true } },
      false,
    ],
    [
      { awsElasticBlockStore: { volumeID: "v", readOnly: true } },
      { awsElasticBlockStore: { volumeID: "v", readOnly: true } },
      true,
    ],
    [{ iscsi: { iqn: "i", readOnly: true } }, { iscsi: { iqn: "i" } }, true],
    [
      { rbd: { monitors: ["a", "b"], pool: "p", image: "i" } },
      { rbd: { monitors: ["b"], pool: "p", image: "i" } },
      true,
    ],
    [
      { rbd: { monitors: ["a"], pool: "p", image: "i" } },
      { rbd: { monitors: ["b"], pool: "p", image: "i" } },
      false,
    ],
    [{ emptyDir: {} }, { emptyDir: {} }, false],
  ];
  for (const [one, other, expected] of cases)
    assert.equal(disksConflict(pod(one), [pod(other)]), expected, JSON.stringify([one, other]));
});
