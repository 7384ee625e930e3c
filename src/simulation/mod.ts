/**
 * The topology in virtual time: a clock that is told to move, a network and disks in memory, pods as functions, and
 * scenarios that run on them. The rooms are the same as live; only what `System` gives them differs. Stands for no
 * upstream. The OpenTelemetry pipeline is not part of it: it decides nothing (the SDK has sockets and timers of its own).
 */
export { parseScenario, type Scenario, type ScenarioSource, scenario } from "./scenario.ts";
export { runScenario, type ScenarioResult, type ScenarioWorld } from "./scenario-run.ts";
export { simulateScenario } from "./simulated-world.ts";
export { VIRTUAL_EPOCH_MS, VirtualClock } from "./virtual-clock.ts";
