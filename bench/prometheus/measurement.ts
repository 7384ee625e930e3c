/** What a part of the suite measures, and one server's numbers of one round. */
import type { LongestTurn } from "../measure.ts";
import type { ServerFamily, ServerKind } from "./servers.ts";

export interface Measurement {
  name: string;
  unit: string;
  /** By family of peers: how many times ours it should take at least. */
  goals?: Partial<Record<ServerFamily, number>>;
  /** What ours should stay below. */
  limit?: number;
}

/** By the name of the measurement. */
export type Round = Record<string, number>;

export interface BenchPart {
  name: string;
  measurements: Measurement[];
  /** Parts that take long, and hardly vary, are not repeated more often. */
  maxRounds?: number;
  /** Families that it means nothing for. */
  without?: ServerFamily[];
  run(kind: ServerKind): Promise<Round>;
}

const LONGEST_TURN_LIMIT_MS = 50;

/** How long the event loop was kept by something, on the clock and in processor time. */
export function turnMeasurements(by: string): Measurement[] {
  return [
    { name: `event loop kept by ${by}, wall`, unit: "ms", limit: LONGEST_TURN_LIMIT_MS },
    { name: `event loop kept by ${by}, CPU`, unit: "ms", limit: LONGEST_TURN_LIMIT_MS },
  ];
}

export function turnRound(by: string, { wallMs, cpuMs }: LongestTurn): Round {
  return { [`event loop kept by ${by}, wall`]: wallMs, [`event loop kept by ${by}, CPU`]: cpuMs };
}
