import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { Job, Pod, PodStatus } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startJobController } from "./job.ts";

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

const byIndex = (pod: Pod) => Number(pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"]);

test("with a limit by index one index fails and the others go on", async () => {
  const spec = { completions: 3, parallelism: 3, completionMode: "Indexed", backoffLimitPerIndex: 1 };
  const failures: (string | undefined)[] = [];
  const { made, status, end } = await run(spec, (pod) => {
    if (byIndex(pod) !== 1) return succeeded();
    failures.push(pod.metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"]);
    return exited(1);
  });
  assert.equal(made, 4);
  assert.deepEqual(failures, ["0", "1"]);
  assert.deepEqual([status.succeeded, status.failed], [2, 2]);
  assert.deepEqual([status.completedIndexes, status.failedIndexes], ["0,2", "1"]);
  assert.deepEqual(end.at(-1), ["Failed", "FailedIndexes", "Job has failed indexes"]);
});

test("more failed indexes than allowed end the Job at once", async () => {
  const spec = {
    completions: 4,
    parallelism: 1,
    completionMode: "Indexed",
    backoffLimitPerIndex: 0,
    maxFailedIndexes: 1,
  };
  const { made, status, end } = await run(spec, () => exited(1));
  assert.equal(made, 2);
  assert.equal(status.failedIndexes, "0,1");
  assert.deepEqual(end.at(-1)?.slice(0, 2), ["Failed", "MaxFailedIndexesExceeded"]);
});

test("at its deadline a Job ends, and the pods that still ran have failed", async () => {
  const { made, status, end } = await run({ activeDeadlineSeconds: 5, parallelism: 2 }, () => undefined);
  assert.equal(made, 2);
  const { active, failed, terminating, uncountedTerminatedPods } = status;
  assert.deepEqual([active, failed, terminating, uncountedTerminatedPods], [undefined, 2, 0, {}]);
  assert.deepEqual(end.at(-1)?.slice(0, 2), ["Failed", "DeadlineExceeded"]);
});

test("somebody else's Job is left alone", async () => {
  const { made, status } = await run({ managedBy: "acme.io/other" }, succeeded);
  assert.equal(made, 0);
  assert.deepEqual(status, {});
});

/** A Job in a cluster whose pods take ten seconds to go. */
async function open(spec: Partial<Job["spec"]>) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock, goneAfterMs: 10_000 });
  const { api, context } = world;
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  startJobController(context);
  const template = { spec: { restartPolicy: "Never" as const, containers: [{ name: "main", image: "i" }] } };
  await api.create<Job>(RESOURCES.jobs, { metadata: KEY, spec: { template, ...spec } } as Job);
  await clock.advance(2_000);
  const [pod] = await world.pods();
  return { clock, ...world, pod };
}

test("a pod that goes is replaced at once, or when it has gone", async () => {
  for (const [podReplacementPolicy, early] of [
    ["TerminatingOrFailed", 2],
    ["Failed", 1],
  ] as const) {
    const { api, clock, pod, pods, stop } = await open({ podReplacementPolicy });
    await api.delete(RESOURCES.pods, pod.metadata);
    await clock.advance(1_000);
    // Both wait for the back-off that a failure brings.
    await clock.advance(podReplacementPolicy === "Failed" ? 1_000 : 10_500);
    const now = await pods();
    const { status } = await api.get<Job>(RESOURCES.jobs, KEY);
    assert.equal(status.terminating, now.filter(({ metadata }) => metadata.deletionTimestamp).length);
    if (podReplacementPolicy === "Failed") assert.equal(now.length, early);
    else assert.ok(now.some(({ metadata }) => metadata.name !== pod.metadata.name));
    stop();
  }
});

test("a pod whose Job is gone is not kept", async () => {
  const { api, clock, pods, stop, pod } = await open({});
  assert.deepEqual(pod.metadata.finalizers, ["batch.kubernetes.io/job-tracking"]);
  await api.delete(RESOURCES.jobs, KEY, { propagationPolicy: "Orphan" });
  await api.patch(RESOURCES.jobs, KEY, { type: "merge", body: { metadata: { finalizers: null } } });
  await clock.advance(1_000);
  assert.equal((await pods())[0].metadata.finalizers, undefined);
  stop();
});

test("a break deletes pods without counting them; the Job counts its time from its end", async () => {
  const { api, clock, pods, stop } = await open({ parallelism: 2 });
  const suspend = async (value: boolean) => {
    await api.patch(RESOURCES.jobs, KEY, { type: "merge", body: { spec: { suspend: value } } });
    await clock.advance(20_000);
    return (await api.get<Job>(RESOURCES.jobs, KEY)).status;
  };
  const before = await suspend(true);
  assert.deepEqual([(await pods()).length, before.failed, before.active], [0, undefined, undefined]);
  assert.deepEqual(
    before.conditions.map(({ type, status, reason }: Record<string, string>) => [type, status, reason]),
    [["Suspended", "True", "JobSuspended"]],
  );
  const after = await suspend(false);
  assert.deepEqual([after.active, after.conditions[0].reason], [2, "JobResumed"]);
  assert.ok(Date.parse(after.startTime) > Date.parse(before.startTime));
  stop();
});
