/** What of a scenario real time does not have: such scenarios are listed with the reason, and not run. */
import { isModelled } from "../scenario/fleet.ts";
import type { FaultKind, Scenario } from "../scenario/scenario.ts";

/** Start-up times up to this are what the machine needs anyway. */
const USUAL_STARTUP_MS = 5_000;

const NO_FAULT: Partial<Record<FaultKind, string>> = {
  partition: "pods of one machine can't be parted",
  "slow-disk": "the machine's disk is as fast as it is",
  "clock-skew": "all pods have the machine's clock",
  loss: "loopback loses nothing",
  latency: "loopback has no latency to speak of",
};

/** Why a scenario can't run against the live topology, a line each; none: it can. */
export function liveObstacles(scenario: Scenario): string[] {
  const { faults, autoscaler, startup, expectations, others, virtualOnly } = scenario;
  const kinds = new Set(faults.map(({ kind }) => kind));
  const obstacles = [...kinds].flatMap((kind) => {
    const reason = NO_FAULT[kind];
    return reason === undefined ? [] : [`${kind}: ${reason}`];
  });
  if (Object.keys(autoscaler).length > 0)
    obstacles.push("autoscaler: the HPA that runs is Kubernetes 1.37's, with its default tolerance");
  if (startup.minMs > USUAL_STARTUP_MS)
    obstacles.push("startup: pods start as fast as the machine lets them");
  if (expectations.some(({ bounds }) => bounds.conflicts !== undefined))
    obstacles.push("conflicts: who has a database open can't be seen from outside");
  if (others > 0) obstacles.push("others: a pod for each is too much for one machine");
  if (isModelled(scenario)) obstacles.push("pods: a fleet of this size is modelled");
  if (virtualOnly && obstacles.length === 0) obstacles.push("only: virtual, says the scenario");
  return obstacles;
}
