import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { VirtualClock } from "../../simulation/virtual-clock.ts";
import type { Job, Pod, PodStatus } from "../types.ts";
import { startJobController } from "./job.ts";
import { createWorkloadWorld } from "./workload-world.ts";

const KEY = { namespace: "default", name: "work" };

/** A Job whose pods end as `end` says, in the order in which they are made. */
async function run(spec: Partial<Job["spec"]>, end: (pod: Pod, count: number) => PodStatus | undefined) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  const { api, context } = world;
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  startJobController(context);
  let made = 0;
  context.informers.onChange<Pod>(RESOURCES.pods, (pod, previous) => {
    if (pod === undefined || previous !== undefined) return;
    const status = end(pod, made++);
    if (status === undefined) return;
    clock.after(1_000, async () => {
      const now = await api.get<Pod>(RESOURCES.pods, pod.metadata).catch(() => undefined);
      if (now !== undefined) await api.updateStatus(RESOURCES.pods, { ...now, status }).catch(() => {});
    });
  });
  const template = { spec: { restartPolicy: "Never" as const, containers: [{ name: "main", image: "i" }] } };
  await api.create<Job>(RESOURCES.jobs, { metadata: KEY, spec: { template, ...spec } } as Job);
  await clock.advance(120_000);
  const { status = {} } = await api.get<Job>(RESOURCES.jobs, KEY);
  world.stop();
  const conditions = (status.conditions ?? []) as { type: string; reason: string; message: string }[];
  return { made, status, end: conditions.map(({ type, reason, message }) => [type, reason, message]) };
}

const succeeded = (): PodStatus => ({ phase: "Succeeded" });
const exited = (exitCode: number): PodStatus => ({
  phase: "Failed",
  containerStatuses: [
    {
      name: "main",
      ready: false,
      restartCount: 0,
      image: "i",
      imageID: "",
      state: { terminated: { exitCode } },
    },
  ],
});
const onCode = (action: "FailJob" | "Ignore" | "Count", code: number) => ({
  action,
  onExitCodes: { containerName: "main", operator: "In" as const, values: [code] },
});

test("an exit code of the failure policy fails the Job at once", async () => {
  const { made, end } = await run({ podFailurePolicy: { rules: [onCode("FailJob", 42)] } }, () => exited(42));
  assert.equal(made, 1);
  const message =
    /^Container main for pod default\/work-\w+ failed with exit code 42 matching FailJob rule at index 0$/;
  assert.deepEqual(
    end.map(([type, reason]) => [type, reason]),
    [
      ["FailureTarget", "PodFailurePolicy"],
      ["Failed", "PodFailurePolicy"],
    ],
  );
  assert.match(end[1][2], message);
});

test("failures that the policy ignores do not count, others do", async () => {
  const rules = [
    { action: "Ignore" as const, onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    onCode("Count", 3),
  ];
  const disrupted = (): PodStatus => ({
    ...exited(137),
    conditions: [{ type: "DisruptionTarget", status: "True" } as never],
  });
  const spec = { backoffLimit: 1, podFailurePolicy: { rules } };
  const fine = await run(spec, (_pod, count) => (count < 3 ? disrupted() : succeeded()));
  assert.equal(fine.end.at(-1)?.[0], "Complete");
  assert.equal(fine.status.failed, undefined);
  const failed = await run(spec, () => exited(3));
  assert.deepEqual(failed.end.at(-1)?.slice(0, 2), ["Failed", "BackoffLimitExceeded"]);
});

test("a success policy ends a Job before all its indexes are done", async () => {
  const spec = {
    completions: 4,
    parallelism: 4,
    completionMode: "Indexed",
    successPolicy: { rules: [{ succeededIndexes: "1-3", succeededCount: 2 }] },
  };
  const index = (pod: Pod) => Number(pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"]);
  const { end } = await run(spec, (pod) => (index(pod) >= 2 ? succeeded() : undefined));
  assert.deepEqual(end, [
    ["SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0"],
    ["Complete", "SuccessPolicy", "Matched rules at index 0"],
  ]);
  const open = await run(spec, (pod) => ([0, 1].includes(index(pod)) ? succeeded() : undefined));
  assert.deepEqual(open.end, []);
});
