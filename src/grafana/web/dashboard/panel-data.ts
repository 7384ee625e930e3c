/** What a panel's queries were answered with. */
import type { Frame } from "../data/frame.ts";
import type { TimeRange } from "./time-range.ts";

export interface ExemplarPoint {
  ms: number;
  value: number;
  labels: Record<string, string>;
}

export interface PanelData {
  frames: Frame[];
  exemplars: ExemplarPoint[];
  range: TimeRange;
  error?: string;
}
