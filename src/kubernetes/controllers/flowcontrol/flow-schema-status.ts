/** Says of each FlowSchema whether its priority level exists (upstream `apiserver/pkg/util/flowcontrol`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Condition } from "../../types.ts";
import { type ControllerContext, getIfExists, startController } from "../controller.ts";

interface FlowSchema extends KubernetesObject {
  spec: { priorityLevelConfiguration: { name: string } };
  status?: { conditions?: Condition[] };
}

const CONSUMER = "api-priority-and-fairness-config-consumer-v1";

export function startFlowSchemaController(context: ControllerContext): void {
  const { api, clock } = context;
  const schemas = context.informers.of<FlowSchema>(RESOURCES.flowSchemas);
  const controller = startController({
    context,
    name: "flow-schema-status",
    async reconcile(name) {
      const schema = await getIfExists<FlowSchema>(api, RESOURCES.flowSchemas, { name });
      if (schema === undefined) return undefined;
      const level = schema.spec.priorityLevelConfiguration.name;
      const exists = (await getIfExists(api, RESOURCES.priorityLevels, { name: level })) !== undefined;
      const status = exists ? "False" : "True";
      const before = schema.status?.conditions?.find(({ type }) => type === "Dangling");
      const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
      const message = `${subject} ${exists ? "and it exists" : "but there is no such object"}`;
      if (before?.status === status && before.message === message) return undefined;
      const condition: Condition = {
        type: "Dangling",
        status,
        reason: exists ? "Found" : "NotFound",
        message,
        lastTransitionTime:
          before?.status === status ? before.lastTransitionTime : kubernetesTime(clock.now()),
      };
      const body = {
        apiVersion: "flowcontrol.apiserver.k8s.io/v1",
        kind: "FlowSchema",
        metadata: { name },
        status: { conditions: [condition] },
      };
      const key = { name, subresource: "status" };
      const options = { fieldManager: CONSUMER, force: true };
      await api.patch(RESOURCES.flowSchemas, key, { type: "apply", body }, options);
      return undefined;
    },
  });
  controller.watch(RESOURCES.flowSchemas);
  controller.watchMapped(RESOURCES.priorityLevels, (level) =>
    [...schemas.objects.values()]
      .filter(({ spec }) => spec.priorityLevelConfiguration.name === level.metadata.name)
      .map(({ metadata }) => metadata.name),
  );
}
