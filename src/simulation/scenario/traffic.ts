/** Tenants at work, and what came of it. */
import type { Load } from "./scenario.ts";

export interface Traffic {
  readonly served: number;
  readonly failed: number;
  readonly lost: number;
  readonly waited: number;
  start(load: Load, remainingMs: number): void;
  stop(): void;
  /** Reads back everything that was acknowledged, and counts what is missing in `lost`. */
  verify(): Promise<void>;
  /**
   * How many tenants are active at `atMs`, at least and at most, for one who hears of it up to `lateMs` later, and to whom
   * a request's time may be told wrong by `skewMs`.
   */
  activeTenants(atMs: number, lateMs: number, skewMs: number): { min: number; max: number };
}
