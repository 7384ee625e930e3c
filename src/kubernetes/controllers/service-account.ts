/** Every namespace gets its `default` ServiceAccount and the ConfigMap `kube-root-ca.crt` (upstream two controllers). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { ConfigMap } from "../types.ts";
import { type ControllerContext, getIfExists, startController } from "./controller.ts";

/** The ConfigMap from which pods learn whom to trust. */
export const ROOT_CA_CONFIG_MAP = "kube-root-ca.crt";

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
        metadata: { name: ROOT_CA_CONFIG_MAP, namespace },
        data: { "ca.crt": ca },
      };
      const present = await getIfExists<ConfigMap>(api, RESOURCES.configMaps, map.metadata);
      if (present === undefined) await createIfMissing(context, RESOURCES.configMaps, map);
      else if (present.data?.["ca.crt"] !== ca) {
        await api.replace<ConfigMap>(RESOURCES.configMaps, { ...present, data: map.data });
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
  try {
    await api.create(resource, object);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
