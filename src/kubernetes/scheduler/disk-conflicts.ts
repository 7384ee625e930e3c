/** Disks that one pod at a time may have on a node (kube-scheduler 1.35 `plugins/volumerestrictions`). */
import type { Pod } from "../types.ts";

type Disk = Record<string, unknown>;

/** Disks of clouds that one pod at a time may have, by the fields that say which disk it is. */
const DISKS: readonly [kind: string, fields: readonly string[], sharesToRead: boolean][] = [
  ["gcePersistentDisk", ["pdName"], true],
  ["awsElasticBlockStore", ["volumeID"], false],
  ["iscsi", ["iqn"], true],
  ["rbd", ["pool", "image"], true],
];

/** Whether one of the pods that are there has a disk that the new one asks for. */
export function disksConflict(pod: Pod, others: Pod[]): boolean {
  const disksOf = ({ spec }: Pod, kind: string): Disk[] =>
    ((spec.volumes ?? []) as unknown as Record<string, Disk | undefined>[]).flatMap((volume): Disk[] =>
      volume[kind] === undefined ? [] : [volume[kind]],
    );
  return DISKS.some(([kind, fields, sharesToRead]) =>
    disksOf(pod, kind).some((disk) =>
      others
        .flatMap((other) => disksOf(other, kind))
        .some(
          (taken) =>
            fields.every((field) => taken[field] === disk[field]) &&
            haveMonitorInCommon(disk, taken) &&
            !(sharesToRead && disk.readOnly === true && taken.readOnly === true),
        ),
    ),
  );
}

/** Only what is kept by Ceph has monitors. */
function haveMonitorInCommon(a: Disk, b: Disk): boolean {
  const [ours, theirs] = [a.monitors, b.monitors];
  return !Array.isArray(ours) || !Array.isArray(theirs) || ours.some((monitor) => theirs.includes(monitor));
}
