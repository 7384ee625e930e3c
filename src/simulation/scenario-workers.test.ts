import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../base/machine.ts";
import { ScenarioError } from "./scenario/scenario.ts";
import { defaultWorkers, isOrphan, linesOf, runInWorkers } from "./scenario-workers.ts";

async function* chunks(text: string, size = 1000): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** A machine whose processes answer for their shard: every run's report is its number. */
function machineOf(options: { cpus?: number; complaint?: string; code?: number; dieAfter?: number } = {}) {
  const started: string[][] = [];
  const signals: string[] = [];
  const stop = new AbortController();
  const machine = {
    env: { HOME: "/h", NOTHING: undefined },
    pid: 77,
    self: ["node", "main.ts"],
    signal: stop.signal,
    processes: {
      machine: { cpus: options.cpus ?? 4 },
      run: async ({ argv, env }: { argv: string[]; env: Record<string, string> }) => {
        started.push(argv);
        assert.deepEqual(env, { HOME: "/h", TOPOLOGY_TEST_OWNER: "77" });
        const [number, of] = argv.at(-1)!.split("/").map(Number);
        const runs: number[] = [];
        for (let run = number - 1; run < 20; run += of) runs.push(run);
        const lines = runs.slice(0, options.dieAfter).map((run) => `${JSON.stringify({ run })}\n`);
        return {
          stdout: chunks(lines.join(""), 3),
          stderr: chunks(options.complaint ?? ""),
          exited: Promise.resolve({ code: options.code ?? 0, finishedMs: 0 }),
          signal: (name: string) => void signals.push(name),
        };
      },
    },
  } as unknown as Machine;
  return { machine, started, signals, stop };
}

const all = async (machine: Machine, workers: number, shard = { number: 1, of: 1 }) => {
  const runs = Math.ceil((20 - (shard.number - 1)) / shard.of);
  const reports: unknown[] = [];
  for await (const report of runInWorkers(["a.yaml", "--seeds", "20"], { workers, runs, shard }, machine)) {
    reports.push((report as unknown as { run: number }).run);
  }
  return reports;
};

test("runInWorkers() tells the runs in the order of one process, of a shard too", async () => {
  const numbers = Array.from({ length: 20 }, (_, run) => run);
  for (const workers of [2, 3, 7]) {
    const { machine, started, signals } = machineOf();
    assert.deepEqual(await all(machine, workers), numbers);
    assert.equal(started.length, workers);
    assert.equal(signals.length, workers);
  }
  const { machine, started } = machineOf();
  assert.deepEqual(
    await all(machine, 3, { number: 2, of: 2 }),
    numbers.filter((run) => run % 2 === 1),
  );
  assert.deepEqual(
    started.map((argv) => argv.slice(2).join(" ")),
    ["2/6", "4/6", "6/6"].map((part) => `test a.yaml --seeds 20 --json --workers 1 --shard ${part}`),
  );
});

test("runInWorkers() says what a process says that fails", async () => {
  const refused = machineOf({ dieAfter: 2, complaint: "topology: a.yaml: seed 3: not ready\n", code: 2 });
  await assert.rejects(all(refused.machine, 2), new ScenarioError("a.yaml: seed 3: not ready"));
  assert.deepEqual(refused.signals, ["SIGTERM", "SIGTERM"]);
  const died = machineOf({ dieAfter: 0, code: 137 });
  await assert.rejects(all(died.machine, 2), new Error("a process of the runs ended with 137"));
});

test("runInWorkers() stops its processes when it is interrupted, and tells what there is", async () => {
  const { machine, signals, stop } = machineOf({ dieAfter: 3 });
  const reports: unknown[] = [];
  for await (const report of runInWorkers(
    [],
    { workers: 2, runs: 20, shard: { number: 1, of: 1 } },
    machine,
  )) {
    reports.push(report);
    stop.abort();
    assert.deepEqual(signals.slice(0, 2), ["SIGTERM", "SIGTERM"]);
  }
  assert.equal(reports.length, 6);
  assert.deepEqual(await all(machine, 2), []);
});

test("defaultWorkers() goes by processors, and by what there is to do", () => {
  const cases: [cpus: number, runs: number, workers: number][] = [
    [4, 1, 1],
    [4, 15, 1],
    [4, 16, 2],
    [4, 1000, 4],
    [1, 1000, 1],
    [64, 1000, 16],
  ];
  for (const [cpus, runs, workers] of cases) {
    assert.equal(
      defaultWorkers(runs, machineOf({ cpus }).machine),
      workers,
      `${runs} runs, ${cpus} processors`,
    );
  }
});

test("linesOf() puts lines together, and takes none that is too long", async () => {
  const lines = async (text: string, size: number, most: number) => {
    const found: string[] = [];
    for await (const line of linesOf(chunks(text, size), most)) found.push(line);
    return found;
  };
  assert.deepEqual(await lines("ä\nbc\n\nd\n", 1, 10), ["ä", "bc", "", "d"]);
  assert.deepEqual(await lines("0123456789\n", 3, 10), ["0123456789"]);
  await assert.rejects(lines("0123456789a", 3, 10), /a line is longer than 10 bytes/);
});

test("isOrphan() is true of a worker whose owner has gone", () => {
  const of = (owner: string | undefined, living: number) =>
    isOrphan({ env: { TOPOLOGY_TEST_OWNER: owner }, signalProcess: (pid) => pid === living });
  assert.equal(of(undefined, 77), false);
  assert.equal(of("77", 77), false);
  assert.equal(of("77", 78), true);
});
