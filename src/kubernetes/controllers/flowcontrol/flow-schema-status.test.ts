import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { bootstrapCluster } from "../../api-server/bootstrap.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startFlowSchemaController } from "./flow-schema-status.ts";

test("a FlowSchema says whether its priority level exists", async () => {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  startFlowSchemaController(world.context);
  await bootstrapCluster(world.api);
  const conditions = async () => {
    await clock.advance(1_000);
    const { items } = await world.api.list<KubernetesObject>(RESOURCES.flowSchemas);
    return items.map(({ metadata, status }) => [metadata.name, status?.conditions[0].status]);
  };
  const names = (await conditions()).map(([name]) => name);
  assert.equal(names.length, 11);
  assert.deepEqual(new Set((await conditions()).map(([, status]) => status)), new Set(["False"]));
  await world.api.delete(RESOURCES.priorityLevels, { name: "system" });
  const dangling = (await conditions()).filter(([, status]) => status === "True");
  assert.deepEqual(dangling, [["system-nodes", "True"]]);
  const schema = await world.api.get<KubernetesObject>(RESOURCES.flowSchemas, { name: "system-nodes" });
  assert.equal(
    schema.status.conditions[0].message,
    'This FlowSchema references the PriorityLevelConfiguration object named "system" but there is no such object',
  );
  world.stop();
});
