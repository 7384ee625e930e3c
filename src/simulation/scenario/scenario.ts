/**
 * Scenarios: load, faults and what is expected, in one readable file that runs in virtual time and against the live
 * topology. Times count from the moment at which everything is ready.
 *
 * ```yaml
 * name: five tenants
 * about: Five tenants need three pods, and get them within two scrapes and a sync.
 * for: 4m
 * load:
 *   - { from: 10s, to: 4m, tenants: 5, every: 2s }
 * faults:
 *   - { at: 2m, kill: prometheus-0 }
 * expect:
 *   - { by: 60s, replicas: 3 }
 *   - { from: 60s, to: 4m, replicas: ">= 3" }
 *   - { at: 4m, failed: 0 }
 * ```
 */
/** Kinds that faults patch and scale. */
export const CHANGEABLE_KINDS = ["ConfigMap", "Deployment", "StatefulSet", "ScaledObject"];
/** What a scenario may last: a week. */
export const MAX_DURATION_MS = 7 * 24 * 3_600_000;
export const MAX_TENANTS = 10_000;
export const MAX_OTHERS = 2_000;

export interface Load {
  fromMs: number;
  toMs: number;
  /** Names are `tenant-<first + i>`. */
  tenants: number;
  first: number;
  /** Between two requests of one tenant. */
  everyMs: number;
}

export type FaultKind =
  | "kill"
  | "hang"
  | "delete"
  | "partition"
  | "slow-disk"
  | "clock-skew"
  | "loss"
  | "latency"
  | "scale"
  | "patch";

export interface Fault {
  kind: FaultKind;
  fromMs: number;
  /** Faults that last end here. */
  toMs?: number;
  /** Pods by name; one that ends in `*` by its beginning. */
  targets: string[];
  /** Milliseconds, a rate, or replicas: what the kind takes. */
  amount?: number;
  /** `patch`: the kind and name, and the merge patch. */
  patch?: { object: string; body: Record<string, unknown> };
  /** `scale`: replicas by kind and name. */
  workloads?: Record<string, number>;
}

/**
 * What can be looked at. `replicas` and `ready` are the tier's, `tenants` is the number that KEDA last told the HPA,
 * `drift` by how much that number was wrong when nothing but time had passed since a scrape, `errors` how often the HPA
 * could not read a metric, `conflicts` how often a tenant was opened in two pods at once; the others count requests.
 */
export const QUANTITIES = [
  "replicas",
  "ready",
  "tenants",
  "drift",
  "errors",
  "conflicts",
  "failed",
  "lost",
  "served",
  "waited",
] as const;
export type Quantity = (typeof QUANTITIES)[number];

export interface Bounds {
  min: number;
  max: number;
  text: string;
}

export interface Expectation {
  /** `at`: then. `by`: at some time from `fromMs` to `toMs`. `always`: at every time in between. */
  mode: "at" | "by" | "always";
  fromMs: number;
  toMs: number;
  bounds: Partial<Record<Quantity, Bounds>>;
  /** As it stands in the file. */
  text: string;
}

export interface Scenario {
  name: string;
  about: string;
  durationMs: number;
  /** Start-up time of pods: database pods, and all others. */
  startup: { minMs: number; maxMs: number };
  autoscaler: { version?: "1.28" | "1.37"; tolerance?: number };
  /** For how long a tenant counts as active after its last request. Undefined: as the manifests have it. */
  activeWindowMs?: number;
  /** ScaledObjects of other workloads, always active, which KEDA has to look after too. */
  others: number;
  /** Merge patches of manifests before they are applied, by `Kind/name`. */
  patches: Record<string, Record<string, unknown>>;
  load: Load[];
  faults: Fault[];
  expectations: Expectation[];
  /** The OpenTelemetry pipeline runs too: pods push to the Collector, which writes to Prometheus. */
  collector: boolean;
  /** Database pods and routers in full, or as numbers. Undefined: as the size commands. */
  pods?: "real" | "modelled";
  /** Needs what only virtual time has. */
  virtualOnly: boolean;
}

/** A file is no scenario: the message names file, line and field. */
export class ScenarioError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}
