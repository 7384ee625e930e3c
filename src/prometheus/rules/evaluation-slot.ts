/** When the rules of a group are evaluated (`Group.EvalTimestamp` of `rules/group.go`). */
import { Labels } from "../../model/labels.ts";
import { labelHash } from "../promql/label-hash.ts";

export interface SlotGroup {
  name: string;
  file: string;
  intervalMs: number;
}

/** How far into each interval, in milliseconds and parts of them: the same for the same name and file everywhere. */
export function slotOffsetMs({ name, file, intervalMs }: SlotGroup): number {
  return Number(labelHash(Labels.of({ name, file })) % (BigInt(intervalMs) * 1_000_000n)) / 1e6;
}

/** The place of the interval at or before a time. */
export function slotBefore(offsetMs: number, intervalMs: number, timeMs: number): number {
  const shifted = timeMs - offsetMs;
  return shifted - (shifted % intervalMs) + offsetMs;
}
