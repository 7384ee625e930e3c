/**
 * The topology in virtual time: a clock that is told to move, a network and disks in memory, pods as functions, and
 * scenarios that run on them. The rooms are the same as live; only what `System` gives them differs. Stands for no
 * upstream. The Collector runs where a scenario asks for it (`collector: true`), fed by `otlp-exporter.ts` in place of the
 * OpenTelemetry SDK, which has sockets and timers of its own.
 */
export type { Scenario } from "./scenario/scenario.ts";
export { runScenario, type ScenarioResult, type ScenarioWorld } from "./scenario/scenario-run.ts";
export { type ScenarioSource, scenario } from "./scenario/scenario-source.ts";
export { parseScenario } from "./scenario/scenario-yaml.ts";
export { simulateScenario } from "./simulated-world.ts";
export { VIRTUAL_EPOCH_MS, VirtualClock } from "./virtual/virtual-clock.ts";
