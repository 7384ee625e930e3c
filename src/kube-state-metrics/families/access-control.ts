/**
 * Families of roles, their bindings and admission webhooks (upstream `role.go`, `rolebinding.go`, `clusterrole.go`,
 * `clusterrolebinding.go`, `mutatingwebhookconfiguration.go`, `validatingwebhookconfiguration.go`).
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  type Family,
  info,
  labelsFamily,
  presenceFamily,
  resourceVersionFamily,
  unixTime,
} from "../family.ts";

const accessFamilies = (kind: string, noun: string, infoFamily: Family): Family[] => [
  annotationsFamily(kind),
  labelsFamily(kind, alphaGauge),
  infoFamily,
  createdFamily(kind, alphaGauge),
  resourceVersionFamily(kind, `the ${noun}`),
];

const roleFamilies = (kind: string, noun: string): Family[] =>
  accessFamilies(kind, noun, presenceFamily(`kube_${kind}_info`, `Information about ${noun}.`, alphaGauge));

interface Binding extends KubernetesObject {
  roleRef?: { kind?: string; name?: string };
}

const bindingFamilies = (kind: string): Family[] =>
  accessFamilies(
    kind,
    kind,
    alphaGauge(`kube_${kind}_info`, `Information about ${kind}.`, (binding) => {
      const { kind: roleKind, name } = (binding as Binding).roleRef ?? {};
      return [info({ roleref_kind: roleKind, roleref_name: name })];
    }),
  );

export const ROLE_FAMILIES = roleFamilies("role", "role");
export const CLUSTER_ROLE_FAMILIES = roleFamilies("clusterrole", "cluster role");
export const ROLE_BINDING_FAMILIES = bindingFamilies("rolebinding");
export const CLUSTER_ROLE_BINDING_FAMILIES = bindingFamilies("clusterrolebinding");

interface WebhookConfiguration extends KubernetesObject {
  webhooks?: { name?: string; clientConfig?: { service?: { name?: string; namespace?: string } } }[];
}

const webhookFamilies = (kind: string, noun: string, sort: string): Family[] => [
  presenceFamily(`kube_${kind}_info`, `Information about the ${noun}.`, alphaGauge),
  alphaGauge(`kube_${kind}_created`, "Unix creation timestamp.", ({ metadata }) =>
    unixTime(metadata.creationTimestamp),
  ),
  resourceVersionFamily(kind, `the ${noun}`),
  alphaGauge(
    `kube_${kind}_webhook_clientconfig_service`,
    `Service used by the apiserver to connect to a ${sort} webhook.`,
    (object) =>
      ((object as WebhookConfiguration).webhooks ?? []).map(({ name, clientConfig }) =>
        info({
          webhook_name: name,
          service_name: clientConfig?.service?.name,
          service_namespace: clientConfig?.service?.namespace,
        }),
      ),
  ),
];

export const MUTATING_WEBHOOK_FAMILIES = webhookFamilies(
  "mutatingwebhookconfiguration",
  "MutatingWebhookConfiguration",
  "mutating",
);
export const VALIDATING_WEBHOOK_FAMILIES = webhookFamilies(
  "validatingwebhookconfiguration",
  "ValidatingWebhookConfiguration",
  "validating",
);
