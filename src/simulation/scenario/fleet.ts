/** Which scenarios get a modelled fleet: those that would take minutes with every request and scrape in full. */
import type { FaultKind, Scenario } from "./scenario.ts";

/** `scrape_interval` of the manifests. */
export const SCRAPE_INTERVAL_MS = 15_000;
/** A scenario of up to so many requests and scrapes is simulated in full: about a minute of processor time. */
export const MAX_FULL_EVENTS = 300_000;
/** A scrape of a pod costs about as much as so many requests. */
const REQUESTS_PER_SCRAPE = 5;
/** How many tenants a pod has, where only the load is known. */
const TENANTS_PER_POD = 2;

/** Requests and scrapes that a scenario comes to. */
export function eventsOf({ load, durationMs }: Scenario): number {
  const requests = load.reduce(
    (sum, { tenants, fromMs, toMs, everyMs }) => sum + (tenants * (toMs - fromMs)) / everyMs,
    0,
  );
  const pods = Math.max(...load.map(({ tenants }) => tenants / TENANTS_PER_POD), 1);
  return requests + REQUESTS_PER_SCRAPE * pods * (durationMs / SCRAPE_INTERVAL_MS);
}

/** What a modelled fleet does not have, a line each. */
export function fleetObstacles({ faults, expectations, collector }: Scenario): string[] {
  const impossible: FaultKind[] = ["hang", "partition", "slow-disk", "clock-skew"];
  const obstacles = faults
    .filter(
      ({ kind, targets }) =>
        impossible.includes(kind) && targets.some((target) => /^(test-db|router)/.test(target)),
    )
    .map(({ kind, targets }) => `${kind} ${targets.join(" ")}`);
  for (const quantity of ["lost", "conflicts"] as const) {
    if (expectations.some(({ bounds }) => bounds[quantity] !== undefined)) obstacles.push(quantity);
  }
  if (collector) obstacles.push("collector");
  return obstacles;
}

/** Whether a scenario runs on a modelled fleet: because it says so, or because it is too large and can. */
export function isModelled(scenario: Scenario): boolean {
  if (scenario.pods !== undefined) return scenario.pods === "modelled";
  return eventsOf(scenario) > MAX_FULL_EVENTS && fleetObstacles(scenario).length === 0;
}
