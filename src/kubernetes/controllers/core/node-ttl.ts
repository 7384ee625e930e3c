/** How long a kubelet may keep Secrets and ConfigMaps before it asks again, as an annotation (upstream `pkg/controller/ttl`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { type ControllerContext, getIfExists, startController } from "../controller.ts";

const ANNOTATION = "node.alpha.kubernetes.io/ttl";
/** Seconds. Upstream it grows from 100 nodes on; here there are never so many. */
const TTL = "0";

export function startNodeTtlController(context: ControllerContext): void {
  const { api } = context;
  const controller = startController({
    context,
    name: "ttl-controller",
    async reconcile(name) {
      const node = await getIfExists(api, RESOURCES.nodes, { name });
      if (node === undefined || node.metadata.annotations?.[ANNOTATION] === TTL) return undefined;
      const body = { metadata: { annotations: { [ANNOTATION]: TTL } } };
      await api.patch(RESOURCES.nodes, { name }, { type: "strategic", body });
      return undefined;
    },
  });
  controller.watch(RESOURCES.nodes);
}
