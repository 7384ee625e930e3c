/** Every namespace gets its `default` ServiceAccount and the ConfigMap `kube-root-ca.crt` (upstream two controllers). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ConfigMap } from "../../types.ts";
import { type ControllerContext, getIfExists, sameJson, startController } from "../controller.ts";

/** The ConfigMap from which pods learn whom to trust. */
export const ROOT_CA_CONFIG_MAP = "kube-root-ca.crt";
const DESCRIPTION = "kubernetes.io/description";
const ROOT_CA_DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the " +
  "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** @param ca PEM of the cluster's authority */
export function startServiceAccountController(context: ControllerContext, ca: string): void {
  const { api } = context;
  const controller = startController({
    context,
    name: "serviceaccount-controller",
    async reconcile(namespace) {
      const found = await getIfExists(api, RESOURCES.namespaces, { name: namespace });
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
      const account: KubernetesObject = {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default", namespace },
      };
      await createIfMissing(context, RESOURCES.serviceAccounts, account);
      const map: ConfigMap = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: ROOT_CA_CONFIG_MAP,
          namespace,
          annotations: { [DESCRIPTION]: ROOT_CA_DESCRIPTION },
        },
        data: { "ca.crt": ca },
      };
      const present = await getIfExists<ConfigMap>(api, RESOURCES.configMaps, map.metadata);
      if (present === undefined) await createIfMissing(context, RESOURCES.configMaps, map);
      else if (
        !sameJson(present.data, map.data) ||
        present.metadata.annotations?.[DESCRIPTION] === undefined
      ) {
        const annotations = { ...present.metadata.annotations, ...map.metadata.annotations };
        const metadata = { ...present.metadata, annotations };
        await api.replace<ConfigMap>(RESOURCES.configMaps, { ...present, metadata, data: map.data });
      }
      return undefined;
    },
  });
  controller.watch(RESOURCES.namespaces);
  controller.watchMapped(RESOURCES.serviceAccounts, ({ metadata }) => [metadata.namespace!]);
  controller.watchMapped(RESOURCES.configMaps, ({ metadata }) =>
    metadata.name === ROOT_CA_CONFIG_MAP ? [metadata.namespace!] : [],
  );
}

/** Creates an object; one that is there already stays as it is. */
export async function createIfMissing(
  { api }: Pick<ControllerContext, "api">,
  resource: (typeof RESOURCES)[keyof typeof RESOURCES],
  object: KubernetesObject,
): Promise<void> {
  // A Service that is there has its address: making it again would be refused for that.
  if ((await getIfExists(api, resource, object.metadata)) !== undefined) return;
  try {
    await api.create(resource, object);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
