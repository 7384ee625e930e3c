/** Tells the API server whose certificate the webhooks have, as upstream's certificate rotator does. */
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";

interface Configuration extends KubernetesObject {
  webhooks?: { clientConfig: { caBundle?: string } }[];
}

/** Puts a certificate (PEM) into each webhook of a configuration, if there is one. @throws KubernetesError */
export async function publishAuthority(api: KubernetesApi, name: string, authority: string): Promise<void> {
  let configuration: Configuration;
  try {
    configuration = await api.get(RESOURCES.validatingWebhookConfigurations, { name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return;
    throw error;
  }
  const caBundle = Buffer.from(authority).toString("base64");
  const body = (configuration.webhooks ?? []).map((_, index) => ({
    op: "add",
    path: `/webhooks/${index}/clientConfig/caBundle`,
    value: caBundle,
  }));
  if (body.length === 0) return;
  await api.patch(RESOURCES.validatingWebhookConfigurations, { name }, { type: "json", body });
}
