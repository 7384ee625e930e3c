/** What a panel's queries depend on. */
import type { DataSourceInfo } from "../api.ts";
import type { Scope } from "./interpolate.ts";
import type { TimeRange } from "./time-range.ts";

export interface QueryContext {
  scope: Scope;
  range: TimeRange;
  /** As many points as the panel is wide. */
  maxDataPoints: number;
  dataSources: readonly DataSourceInfo[];
  signal: AbortSignal;
}
