/** Runs a scenario on a world, virtual or live: load, faults, observations, and the first expectation that breaks. */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Network } from "../../base/network.ts";
import {
  type Bounds,
  type Expectation,
  type Fault,
  QUANTITIES,
  type Quantity,
  type Scenario,
} from "./scenario.ts";
import { TenantTraffic } from "./tenant-traffic.ts";
import type { Traffic } from "./traffic.ts";

/** The world is looked at so often. */
export const OBSERVE_INTERVAL_MS = 1_000;
/** Lines that a timeline keeps. */
export const MAX_TIMELINE_ENTRIES = 100_000;

export type Observation = Record<Quantity, number>;

export interface TimelineEntry {
  /** Since everything was ready. */
  atMs: number;
  /** `replicas`, `ready`, `hpa`, `keda`, `pod`, `fault`, `load`, `failure`, `broken`. */
  what: string;
  text: string;
}

/** What can be seen of the cluster. */
export interface WorldState {
  replicas: number;
  ready: number;
  /** What KEDA last told the HPA, and when, as `clock.monotonic`. */
  tenants: number;
  toldMs: number;
  conflicts: number;
  /** How often the HPA could not read a metric since the scenario began. */
  errors: number;
  /** Tenants whose pod was scaled away before it could hand them over: they are asked back when they send something. */
  asleep: () => number;
}

/** Where a scenario runs. */
export interface ScenarioWorld {
  clock: Clock;
  /** As a client of the router has it. */
  network: Network;
  routerUrl: string;
  /** For how long a tenant counts as active after its last request. */
  activeWindowMs: number;
  /** How old what KEDA tells may be when it is told. */
  toldAgeMs: number;
  observe(): Promise<WorldState>;
  /** Makes a fault happen; answers how it is ended, where it lasts. @throws Error for faults that it has not */
  inflict(fault: Fault): Promise<(() => Promise<void>) | undefined>;
  /** Where requests are not sent, but modelled. @default tenants that send them to the router */
  traffic?: Traffic;
  /** Told of everything that the world itself notices. */
  onEvent(listener: (what: string, text: string) => void): void;
}

/**
 * After a fault, or a pod that came or went, the number may be wrong for so many of its ages: a tenant that moves is in
 * two pods' scrapes for an interval, and a pod that is back is scraped once in the next.
 */
const CALM_AFTER_SCRAPES = 2;
/** A database keeps on its volume when tenants were active, and is so late with it. */
const ACTIVITY_SAVED_MS = 10_000;
/** What vanished while Prometheus was away counts for so long: `--query.lookback-delta` of the manifests. */
const LOOKBACK_MS = 60_000;

export interface Broken {
  expectation: string;
  atMs: number;
  /** What was seen instead. */
  seen: string;
}

export interface ScenarioResult {
  scenario: Scenario;
  /** Wall time at 0 of the timeline, milliseconds since the Unix epoch. */
  startMs: number;
  broken: Broken | undefined;
  timeline: TimelineEntry[];
  /** One a second: replicas and ready pods. */
  samples: { atMs: number; observation: Observation }[];
}

export async function runScenario(scenario: Scenario, world: ScenarioWorld): Promise<ScenarioResult> {
  return new Run(scenario, world).run();
}

class Run {
  readonly #scenario: Scenario;
  readonly #world: ScenarioWorld;
  readonly #traffic: Traffic;
  readonly #timeline: TimelineEntry[] = [];
  readonly #samples: ScenarioResult["samples"] = [];
  readonly #reached = new Set<Expectation>();
  readonly #startMs: number;
  readonly #startWallMs: number;
  #broken: Broken | undefined;
  /** From when on nothing but time explains the number that KEDA tells. */
  #calmFromMs: number;
  /** How the faults that last are ended. */
  readonly #lasting = new Set<() => Promise<void>>();
  readonly #timers: Timer[] = [];
  /** Databases that start until then may have read times of another clock than theirs is, wrong by this much at most. */
  #skewedUntilMs = Number.NEGATIVE_INFINITY;
  #mayBeSkewedByMs = 0;
  /** What one that did start so may have told since. */
  #skewMs = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #drift = 0;
  #last: Observation | undefined;

  constructor(scenario: Scenario, world: ScenarioWorld) {
    this.#scenario = scenario;
    this.#world = world;
    this.#startMs = world.clock.monotonic();
    this.#startWallMs = world.clock.now();
    this.#calmFromMs = this.#startMs + CALM_AFTER_SCRAPES * world.toldAgeMs;
    const { clock, network, routerUrl: url, activeWindowMs } = world;
    const onFailure = (tenant: string, what: string) => this.#note("failure", `${tenant}: ${what}`);
    this.#traffic = world.traffic ?? new TenantTraffic({ clock, network, url, activeWindowMs, onFailure });
    world.onEvent((what, text) => {
      if (what === "pod") {
        this.#disturb(text);
        if (/^test-db-\S+ starting$/.test(text) && this.#nowMs() < this.#skewedUntilMs)
          this.#skewMs = Math.max(this.#skewMs, this.#mayBeSkewedByMs);
      }
      this.#note(what, text);
    });
  }

  async run(): Promise<ScenarioResult> {
    const { load, faults, durationMs, expectations } = this.#scenario;
    for (const entry of load) {
      this.#at(entry.fromMs, () => {
        this.#note("load", `${entry.tenants} tenants, a request every ${entry.everyMs / 1000} s each`);
        this.#traffic.start(entry, entry.toMs - entry.fromMs);
      });
      this.#at(entry.toMs, () => this.#note("load", `${entry.tenants} tenants leave`));
    }
    for (const fault of faults) this.#at(fault.fromMs, () => void this.#inflict(fault));
    // `lost` is known when everything has been read back.
    const isFinal = (expectation: Expectation) => expectation.bounds.lost !== undefined;
    const running = expectations.filter((expectation) => !isFinal(expectation));
    const { clock } = this.#world;
    while (this.#nowMs() < durationMs && this.#broken === undefined) {
      await this.#observe(running);
      const untilMs = Math.min(
        (Math.floor(this.#nowMs() / OBSERVE_INTERVAL_MS) + 1) * OBSERVE_INTERVAL_MS,
        durationMs,
      );
      await clock.sleep(untilMs - this.#nowMs());
    }
    this.#traffic.stop();
    for (const timer of this.#timers) timer.cancel();
    // Nothing is left broken, whatever the scenario came to: a live topology goes on.
    for (const end of this.#lasting) await end();
    if (this.#broken === undefined) await this.#finish(running, expectations.filter(isFinal));
    return {
      scenario: this.#scenario,
      startMs: this.#startWallMs,
      broken: this.#broken,
      timeline: this.#timeline,
      samples: this.#samples,
    };
  }

  async #finish(running: Expectation[], final: Expectation[]): Promise<void> {
    await this.#observe(running);
    if (this.#broken !== undefined || final.length === 0) return;
    await this.#traffic.verify();
    const observation = { ...this.#last!, lost: this.#traffic.lost };
    for (const expectation of final) this.#check(expectation, observation);
  }

  #nowMs(): number {
    return this.#world.clock.monotonic() - this.#startMs;
  }

  #at(atMs: number, callback: () => void): void {
    this.#timers.push(this.#world.clock.after(Math.max(atMs - this.#nowMs(), 0), callback));
  }

  #note(what: string, text: string): void {
    if (this.#timeline.length < MAX_TIMELINE_ENTRIES) {
      this.#timeline.push({ atMs: Math.round(this.#nowMs()), what, text });
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    const { kind, targets, amount, patch, workloads, toMs } = fault;
    const scaled = Object.entries(workloads ?? {}).map(([object, replicas]) => `${object} to ${replicas}`);
    const text = [kind, ...targets, amount ?? "", patch?.object ?? "", ...scaled]
      .filter((part) => part !== "")
      .join(" ");
    this.#note("fault", text);
    this.#disturb(text);
    if (kind === "clock-skew") this.#skew(Math.abs(amount ?? 0), toMs);
    try {
      const end = await this.#world.inflict(fault);
      if (end === undefined) return;
      this.#lasting.add(end);
      if (toMs === undefined) return;
      this.#at(toMs, () => {
        this.#note("fault", `${text} ends`);
        this.#lasting.delete(end);
        this.#disturb(text);
        void end();
      });
    } catch (error) {
      this.#broken ??= { expectation: `fault ${text}`, atMs: this.#nowMs(), seen: (error as Error).message };
    }
  }

  async #observe(expectations: Expectation[]): Promise<void> {
    const { failed, served, waited } = this.#traffic;
    const state = await this.#world.observe();
    const { replicas, ready, tenants, conflicts, errors } = state;
    const drift = this.#driftOf(state);
    const observation = {
      replicas,
      ready,
      tenants,
      drift,
      errors,
      conflicts,
      failed,
      served,
      waited,
      lost: 0,
    };
    const atMs = this.#nowMs();
    for (const quantity of ["replicas", "ready"] as const) {
      const before = this.#last?.[quantity];
      if (before !== observation[quantity]) {
        this.#note(
          quantity,
          before === undefined ? `${observation[quantity]}` : `${before} → ${observation[quantity]}`,
        );
      }
    }
    this.#last = observation;
    this.#samples.push({ atMs: Math.round(atMs), observation });
    for (const expectation of expectations) this.#consider(expectation, observation, atMs);
  }

  #disturb(text: string): void {
    const { clock, toldAgeMs } = this.#world;
    const ghostsMs = text.includes("prometheus-") ? LOOKBACK_MS : 0;
    const calmFromMs = clock.monotonic() + CALM_AFTER_SCRAPES * toldAgeMs + ghostsMs;
    this.#calmFromMs = Math.max(this.#calmFromMs, calmFromMs);
  }

  #skew(byMs: number, toMs = Number.POSITIVE_INFINITY): void {
    this.#skewedUntilMs = Math.max(this.#skewedUntilMs, toMs + ACTIVITY_SAVED_MS);
    this.#mayBeSkewedByMs = Math.max(this.#mayBeSkewedByMs, byMs);
  }

  /** How far off the last number that KEDA told was, looked at once, and only where nothing explains it. */
  #driftOf({ replicas, ready, tenants, toldMs, asleep }: WorldState): number {
    if (toldMs === this.#toldMs) return this.#drift;
    this.#toldMs = toldMs;
    const isCalm = this.#lasting.size === 0 && ready === replicas && toldMs > this.#calmFromMs;
    if (!isCalm) return (this.#drift = 0);
    const { min, max } = this.#traffic.activeTenants(toldMs, this.#world.toldAgeMs, this.#skewMs);
    const missing = min > tenants ? Math.max(min - asleep() - tenants, 0) : 0;
    this.#drift = Math.max(missing, tenants - max, 0);
    if (this.#drift > 0) this.#note("drift", `KEDA says ${tenants} tenants, ${min} to ${max} are active`);
    return this.#drift;
  }

  #consider(expectation: Expectation, observation: Observation, atMs: number): void {
    if (this.#broken !== undefined || atMs < expectation.fromMs || this.#reached.has(expectation)) return;
    if (expectation.mode === "always") {
      if (atMs <= expectation.toMs) this.#check(expectation, observation);
      return;
    }
    if (expectation.mode === "at") {
      this.#reached.add(expectation);
      this.#check(expectation, observation);
      return;
    }
    if (wrongQuantities(expectation, observation).length === 0) this.#reached.add(expectation);
    // What is seen first after the time stands for it: in real time nothing is looked at on the millisecond.
    else if (atMs >= expectation.toMs) this.#check(expectation, observation);
  }

  #check(expectation: Expectation, observation: Observation): void {
    const wrong = wrongQuantities(expectation, observation);
    if (wrong.length > 0 && this.#broken === undefined) this.#break(expectation, observation, wrong);
  }

  #break(expectation: Expectation, observation: Observation, wrong: Quantity[]): void {
    const seen = wrong.map((quantity) => `${quantity} is ${observation[quantity]}`).join(", ");
    this.#broken = { expectation: expectation.text, atMs: this.#nowMs(), seen };
    this.#note("broken", `expected ${expectation.text}; ${seen}`);
  }
}

function wrongQuantities({ bounds }: Expectation, observation: Observation): Quantity[] {
  const isOutside = ({ min, max }: Bounds, value: number) => !(value >= min && value <= max);
  return QUANTITIES.filter(
    (quantity) => bounds[quantity] !== undefined && isOutside(bounds[quantity], observation[quantity]),
  );
}
